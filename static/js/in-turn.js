// What changes the table of rows is asked for one after the other. Its links and forms hold the address that the table
// came with, so the second of two quick ones would undo the first: it waits, and is pressed in the table that comes then.
const LINKS = "#rows a[href]:not([hidden], [hx-boost=false], [data-panel], td a)";
const CONTROLS = `${LINKS}, #rows [data-column-menu], #rows [data-chip], #sort-columns button`;
const FIELDS = "input[id]:not([type=hidden], [data-find]), select";
const ACCEPTED = 202; // the rows are on their way, the table is still the earlier one

let underWay; // the request that the next table comes with
let waiting = [];

export const isUnderWay = () => Boolean(underWay);

// Does it now, or to the table that is asked for.
export function inTurn(act) {
  if (underWay) waiting.push({ act });
  else act();
}

// Before all others hear of it.
addEventListener("click", (event) => {
  const control = underWay && event.target.closest?.(CONTROLS);
  if (!control || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { shiftKey } = event;
  const found = again(control);
  inTurn(() => found()?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey })));
}, { capture: true });

// The control that does the same in another table. Only these are numbered by column; all others count along the line.
function again(control) {
  const { id, className, textContent } = control;
  if (control.matches(".sort-link, [rel]")) return () => document.getElementById(id);
  const { ariaLabel } = control;
  return () => [...document.querySelectorAll(CONTROLS)].find((one) =>
    one.className === className && one.textContent === textContent && one.ariaLabel === ariaLabel);
}

// A later search replaces the one before; it is sent with the text of the moment when its turn comes.
addEventListener("submit", (event) => {
  const form = event.target;
  const field = form.matches("#rows form[method=get]:not([hx-boost=false])") && form.querySelector(FIELDS);
  if (!field || !underWay || underWay.sourceElement === form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { id, value } = field;
  waiting = waiting.filter((one) => one.id !== id);
  waiting.push({ id, act: () => send(document.getElementById(id), value) });
}, { capture: true });

function send(field, value) {
  if (!field) return;
  if (!field.matches("[data-typed]")) field.value = value;
  field.form.requestSubmit();
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.target?.id === "rows" && ctx.sourceElement.matches("a, form, button")) underWay = ctx;
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx !== underWay) return;
  underWay = undefined;
  const status = ctx.response?.status;
  if (!(status < 300) || status === ACCEPTED) waiting = []; // there is something to read first
  queueMicrotask(next); // htmx has not let go of this request yet
});

function next() {
  while (waiting.length && !underWay) waiting.shift().act();
}

addEventListener("popstate", () => {
  underWay = undefined;
  waiting = [];
});
