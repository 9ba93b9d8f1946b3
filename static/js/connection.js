// Requests that get no answer: a message that stays in view, with Retry, until there is one again. What the user pressed
// keeps its Retry after that, whatever else is answered, until something pressed is.
import { again } from "./in-turn.js";

const LINGER_MS = 4000;

// Looked up when needed: going back replaces the body.
const place = () => document.querySelector("[data-connection]");
let failed; // the last request without an answer, pressed ones before live updates
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

const isPressed = ({ sourceElement }) => sourceElement.matches("a, form, button");

// The table may have come again meanwhile, with the same links and buttons. Of a form, what was chosen is gone then.
function pressedOne({ sourceElement }) {
  if (sourceElement.isConnected) return sourceElement;
  return sourceElement.matches("form") ? null : again(sourceElement)();
}

function retry() {
  const element = isPressed(failed) && pressedOne(failed);
  if (!element) {
    failed = { sourceElement: document.body };
    htmx.trigger(document.body, "reconnected");
    return;
  }
  element.focus(); // the button goes away
  if (element.matches("form")) element.requestSubmit(failed.request.submitter ?? null);
  else element.click();
}

document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (!ctx || error?.name === "AbortError" || document.hidden) return;
  if (isOff && !isPressed(ctx)) return; // a live update has nothing new to report
  lost(ctx);
});

// A request that htmx did not make has only the button or link that makes it again.
export function lost(ctx) {
  if (!failed || isPressed(ctx) || !isPressed(failed)) failed = ctx;
  isOff = true;
  show("You're offline or the server is down. This page may be out of date.", retryButton());
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-retry]")) retry();
});

export function answered(ctx) {
  if (!failed) return;
  const isLeft = isPressed(failed) && !isPressed(ctx);
  if (isLeft && !isOff) return; // it is told already
  isOff = false;
  if (isLeft) {
    show("Back online, but what you pressed last got no answer.", retryButton());
    return;
  }
  failed = undefined;
  show("Back online");
  fading = setTimeout(() => place()?.replaceChildren(), LINGER_MS);
}
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => answered(ctx));
addEventListener("online", () => htmx.trigger(document.body, "reconnected"));
