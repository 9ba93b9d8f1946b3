// What changes a table is asked for one after the other. Its links and forms hold the address that the table came with,
// so the second of two quick ones would undo the first: it waits, and is pressed in the table that comes then.
const TABLES = ["rows", "source-list"];
const LINKS = ":is(#rows, #source-list) a[href]:not([hidden], [hx-boost=false], [data-panel])";
const CONTROLS = `${LINKS}, #rows [data-column-menu], #rows [data-chip], #sort-columns button, #source-list button[form=f]`;
const FORMS = ":is(#rows, #source-list) form[method=get]:not([hx-boost=false])";
const FIELDS = "input[id]:not([type=hidden], [data-find]), select[id]";
const ACCEPTED = 202; // the rows are on their way, the table is still the earlier one

let underWay; // the request that the next table comes with
let waiting = [];

export const isUnderWay = () => Boolean(underWay);

// Does it now, or to the table that is asked for.
export function inTurn(act) {
  if (underWay) waiting.push({ act });
  else act();
}

const isElsewhere = ({ pathname }) => pathname && ![location.pathname, `${location.pathname}filter/`].includes(pathname);

// Before all others hear of it.
addEventListener("click", (event) => {
  const control = underWay && event.target.closest?.(CONTROLS);
  if (!control || isElsewhere(control) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { shiftKey } = event;
  const found = again(control);
  inTurn(() => found()?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey })));
}, { capture: true });

// The control that does the same in another table. In some places, ids only count along the line.
function again(control) {
  const { id, className, textContent, ariaLabel, form, name } = control;
  if (form?.id === "f") return () => document.querySelector(`button[form=f][name="${CSS.escape(name)}"]`);
  if (id && !control.closest("#rows .chips, .sort-list")) return () => document.getElementById(id);
  return () => [...document.querySelectorAll(CONTROLS)].find((one) =>
    one.className === className && one.textContent === textContent && one.ariaLabel === ariaLabel);
}

// A form is sent with what was chosen and typed in it, and takes the place of what it would have sent before.
addEventListener("submit", (event) => {
  const form = event.target;
  const fields = form.matches(FORMS) ? [...form.querySelectorAll(FIELDS)] : [];
  if (!fields.length || !underWay || underWay.sourceElement === form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const [{ id }] = fields;
  const changed = fields.filter(isChanged).map((field) => [field.id, field.value]);
  waiting = waiting.filter((one) => one.id !== id);
  waiting.push({ id, act: () => send(id, changed) });
}, { capture: true });

const isChanged = ({ value, defaultValue, options }) =>
  value !== (defaultValue ?? ([...options].find((option) => option.defaultSelected) ?? options[0])?.value);

function send(id, changed) {
  for (const [name, value] of changed) {
    const field = document.getElementById(name);
    // Typed text is kept by typed.js, with what was typed since.
    if (field && !field.matches("[data-typed]")) field.value = value;
  }
  document.getElementById(id)?.form?.requestSubmit();
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (TABLES.includes(ctx.target?.id) && ctx.sourceElement.matches("a, form, button")) underWay = ctx;
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
