// Changes of columns, sent one after the other. Only the request of ticked boxes may be replaced by the next one, as boxes
// are sent with every change. Any other change would be lost, so the next one waits for its answer.
import { isUnderWay } from "./in-turn.js";

const waiting = [];
let sent; // the change that the page waits for; any other answer, such as one about the copy, leaves the boxes alone
let hasFocus = false; // the next change began at the box of its column, which keeps the focus

// Sends the form as a button with this value would.
export function send(form, what, fromBox = false) {
  const button = form.querySelector("[data-change]") ?? hiddenButton(form);
  button.value = what;
  hasFocus = fromBox;
  form.requestSubmit(button);
}

// It stays in the form: what failed is sent again by it (connection.js).
function hiddenButton(form) {
  const button = document.createElement("button");
  button.name = "do";
  button.hidden = true;
  button.dataset.change = "";
  form.append(button);
  return button;
}

document.addEventListener("submit", (event) => {
  const mayGo = !waiting.length && (sent ? sent.what === "tick" : !isUnderWay());
  if (event.target.id !== "columns-form" || mayGo) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  waiting.push({ what: event.submitter.value, hasFocus });
  hasFocus = false;
}, { capture: true });

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.request.form?.id !== "columns-form") return;
  sent = { ctx, what: ctx.request.submitter.value, hasFocus, isAnswered: false };
  hasFocus = false;
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (sent && sent.ctx !== ctx) return;
  // Else the user went on to another page, or there is an error to read first.
  if (sent && !sent.isAnswered) waiting.length = 0;
  sent = undefined;
  queueMicrotask(next); // htmx has not let go of this request yet
});

function next() {
  const form = document.getElementById("columns-form");
  if (isUnderWay()) return;
  for (const change of waiting.splice(0)) if (form) send(form, change.what, change.hasFocus);
}

const boxes = () => [...document.querySelectorAll("[data-chooser] [name=on]")];
let kept; // ticks that are still to be sent, as they were set by hand
document.addEventListener("htmx:before:swap", () => {
  const isKept = waiting.some(({ what }) => what === "tick");
  kept = isKept ? new Map(boxes().map(({ value, checked }) => [value, checked])) : undefined;
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  for (const box of kept ? boxes() : []) box.checked = kept.get(box.value) ?? box.checked;
  if (sent && sent.ctx !== ctx) return;
  if (sent) sent.isAnswered = ctx.response.status < 400;
  // A box that was ticked by hand keeps its tick, whatever the answer says; so do those that are still to be sent.
  if (kept) return;
  for (const box of boxes()) box.checked = box.defaultChecked;
  // Whatever moves a column, from its box, a header or its menu, names its place.
  const place = /^(?:move|left|right) (\d+)/.exec(sent?.what)?.[1];
  if (place) tell(place, sent.hasFocus);
});

// After the state of the table, which every change announces.
function tell(place, isFocused) {
  const boxes = [...document.querySelectorAll("#columns-form [name=on]:checked")];
  const to = boxes.findIndex(({ value }) => value === place);
  if (to < 0) return;
  if (isFocused) boxes[to].focus();
  const name = boxes[to].closest("li").querySelector("bdi").textContent;
  queueMicrotask(() => {
    document.getElementById("announcer").textContent = `${name} moved to place ${to + 1} of ${boxes.length}`;
  });
}
