// Requests that get no answer: a message that stays in view, with Retry, until there is one again.
const LINGER_MS = 4000;

// Looked up when needed: going back replaces the body.
const place = () => document.querySelector("[data-connection]");
let failed; // the last request without an answer
let isOff = false;
let fading;

function show(text, ...more) {
  clearTimeout(fading);
  const words = document.createElement("p");
  words.textContent = text;
  const toast = document.createElement("div");
  toast.className = "connection-toast";
  toast.append(words, ...more);
  place()?.replaceChildren(toast);
}

function retryButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.dataset.retry = "";
  button.textContent = "Retry";
  return button;
}

function retry({ sourceElement, request }) {
  if (!sourceElement.isConnected || !sourceElement.matches("a, form, button")) {
    htmx.trigger(document.body, "reconnected");
    return;
  }
  sourceElement.focus(); // the button goes away
  if (sourceElement.matches("form")) sourceElement.requestSubmit(request.submitter ?? null);
  else sourceElement.click();
}

document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (!ctx || error?.name === "AbortError" || document.hidden) return;
  const isAsked = ctx.sourceElement.matches("a, form, button");
  if (isOff && !isAsked) return; // a live update has nothing new to report
  lost(ctx);
});

// A request that htmx did not make has only the button or link that makes it again.
export function lost({ sourceElement, request }) {
  failed = { sourceElement, request };
  isOff = true;
  show("You're offline or the server is down. This page may be out of date.", retryButton());
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-retry]")) retry(failed);
});

export function answered() {
  if (!isOff) return;
  isOff = false;
  show("Back online");
  fading = setTimeout(() => place()?.replaceChildren(), LINGER_MS);
}
document.addEventListener("htmx:after:request", answered);
addEventListener("online", () => htmx.trigger(document.body, "reconnected"));
