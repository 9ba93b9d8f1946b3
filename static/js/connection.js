// Requests that get no answer: a message that stays in view, with Retry, until there is one again. What the user pressed
// keeps its Retry after that, until it is answered, or something else that was pressed for the same part of the page.
import { followAgain, isFollowed } from "./follow.js";
import { again, inTurn } from "./in-turn.js";

const LINGER_MS = 4000;

// Looked up when needed: going back replaces the body.
const place = () => document.querySelector("[data-connection]");
let failed = []; // requests without an answer: what was pressed, in this order, or else a live update
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

function button(words, purpose) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm";
  made.dataset[purpose] = "";
  made.textContent = words;
  return made;
}

const isPressed = ({ sourceElement }) => sourceElement.matches("a, form, button");

// Another order or page of the same part is meant instead of the one before; what changes something is not.
const isLook = ({ target, request }) => Boolean(target) && /^get$/i.test(request?.method);
const isSame = (one, other) =>
  one.sourceElement === other.sourceElement && one.request?.submitter === other.request?.submitter;
const replaces = (ctx, before) => isPressed(ctx) &&
  (isSame(ctx, before) || (isLook(ctx) && isLook(before) && ctx.target === before.target));

// The table may have come again meanwhile, with the same links and buttons.
const found = (element) => (element.isConnected ? element : again(element)());

function retry() {
  const before = failed;
  failed = [{ sourceElement: document.body }];
  const done = before.map(pressAgain);
  if (!done.includes(true)) htmx.trigger(document.body, "reconnected");
}

// Returns whether that can be done.
function pressAgain(ctx) {
  const { sourceElement, request } = ctx;
  if (!isPressed(ctx)) return false;
  if (isFollowed(sourceElement)) {
    inTurn(() => followAgain(sourceElement));
    return true;
  }
  const isForm = sourceElement.matches("form");
  if (isForm && !sourceElement.isConnected) return false; // what was chosen in it is gone
  const element = found((isForm && request.submitter) || sourceElement);
  element?.focus(); // the button goes away
  if (element?.matches("form")) element.requestSubmit();
  else element?.click();
  return Boolean(element);
}

document.addEventListener("htmx:error", ({ detail: { ctx, error } }) => {
  if (!ctx || error?.name === "AbortError" || document.hidden) return;
  if (isOff && !isPressed(ctx)) return; // a live update has nothing new to report
  lost(ctx);
});

// A request that htmx did not make has only the button or link that makes it again.
export function lost(ctx) {
  const pressed = failed.filter((one) => isPressed(one) && !replaces(ctx, one));
  failed = isPressed(ctx) ? [...pressed, ctx] : pressed.length ? pressed : [ctx];
  isOff = true;
  show("You're offline or the server is down. This page may be out of date.", button("Retry", "retry"));
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-retry]")) retry();
  if (target.closest("[data-dismiss]")) end();
});

function end() {
  failed = [];
  place()?.replaceChildren();
}

export function answered(ctx) {
  if (!failed.length) return;
  const before = failed.length;
  failed = failed.filter((one) => isPressed(one) && !replaces(ctx, one));
  if (failed.length && !isOff && failed.length === before) return; // it is told already
  isOff = false;
  if (failed.length) {
    show("Back online, but what you pressed got no answer.", button("Retry", "retry"), button("Dismiss", "dismiss"));
    return;
  }
  show("Back online");
  fading = setTimeout(end, LINGER_MS);
}
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => answered(ctx));
addEventListener("online", () => htmx.trigger(document.body, "reconnected"));
