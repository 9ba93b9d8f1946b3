// What changes a table is asked for one after the other. Its links and forms hold the address that the table came with,
// so the second of two quick ones would undo the first: it waits, and is pressed in the table that comes then.
import { searchNow } from "./forms.js";
import { rendered } from "./typed.js";

const TABLES = ["rows", "source-list"];
const LINKS = ":is(#rows, #source-list) a[href]:not([hidden], [hx-boost=false], [data-panel], svg a)";
const CONTROLS = `${LINKS}, #rows [data-column-menu], #rows [data-chip], #sort-columns button, #source-list button[form=f], #refresh`;
// Pages about the table of the moment.
const PAGES = `#export-rows, #plot-rows, #more-panel [data-key=e], a[href*="/views/add/"]`;
const FORMS = ":is(#rows, #source-list) form[method=get]:not([hx-boost=false]), .go-to-row";
// They stay where they are, and take the address that there is when they are sent (filter-forms.js).
const OWN_LINKS = "[data-own-address] a[href]:not([hx-boost=false], svg a)";
const OWN_FORMS = "[data-own-address] form[method=get]:not([hx-boost=false])";
const FIELDS = "input[id]:not([type=hidden], [data-find]), select[id]";
const REFUSED = [400, 422];

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
  const control = event.target.closest?.(`${CONTROLS}, ${PAGES}, ${OWN_LINKS}`);
  if (!control || (isElsewhere(control) && !control.matches(PAGES)) || event.ctrlKey || event.metaKey) return;
  searchNow();
  if (!underWay || replaces(control, event)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { shiftKey } = event;
  const found = again(control);
  inTurn(() => (found() || null)?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey })));
}, { capture: true });

// Somebody changes their mind about the order: nothing is lost if the newer one comes at once.
const replaces = (control, { shiftKey }) => !waiting.length && !shiftKey &&
  [control, underWay.sourceElement].every((one) => one.matches(".sort-link")) && control !== underWay.sourceElement;

// The control that does the same in another table. In some places, ids only count along the line.
export function again(control) {
  const { id, className, textContent, ariaLabel, form, name } = control;
  if (control.matches(OWN_LINKS)) return () => control.isConnected && control;
  if (form?.id === "f") return () => document.querySelector(`button[form=f][name="${CSS.escape(name)}"]`);
  if (id && !control.closest("#rows .chips, .sort-list")) return () => document.getElementById(id);
  return () => [...document.querySelectorAll(`${CONTROLS}, ${PAGES}`)].find((one) =>
    one.className === className && one.textContent === textContent && one.ariaLabel === ariaLabel);
}

// A form is sent with what was chosen and typed in it, and takes the place of what it would have sent before.
addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const field = form.matches(FORMS) && form.querySelector(FIELDS);
  if (!(field || form.matches(OWN_FORMS)) || !underWay || underWay.sourceElement === form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form.matches(OWN_FORMS)) {
    inTurn(() => form.isConnected && form.requestSubmit(submitter));
    return;
  }
  const { id } = field;
  const changed = changedIn(form);
  waiting = waiting.filter((one) => one.id !== id);
  waiting.push({ id, changed, act: () => send(id, changed) });
}, { capture: true });

const changedIn = (form) => new Map([...form.querySelectorAll(FIELDS)].filter(isChanged).map(({ id, value }) => [id, value]));

const isChanged = (field) => field.value !== rendered(field);

function send(id, changed) {
  for (const [name, value] of changed) {
    const field = document.getElementById(name);
    if (field && !isChanged(field)) field.value = value; // typed.js keeps some
  }
  document.getElementById(id)?.form?.requestSubmit();
}

// Not when it is configured: it may be dropped then, and nothing would end the wait.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const isOfTable = TABLES.includes(ctx.target?.id) && ctx.sourceElement.matches("a, form, button");
  if (isOfTable || isEarlierPage(ctx)) underWay = ctx;
});
const isEarlierPage = (ctx) => Boolean(ctx?.request.headers["HX-History-Restore-Request"]);

// The table goes away with what was typed in it since.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (ctx !== underWay) return;
  for (const { id, changed } of waiting) {
    const form = changed && document.getElementById(id)?.form;
    for (const [name, value] of form ? changedIn(form) : []) changed.set(name, value);
  }
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx !== underWay) return;
  underWay = undefined;
  // Else there is something to read first. What was refused, or is not there yet, has changed nothing.
  const status = ctx.response?.status ?? 0;
  if (!(status >= 200 && status < 300) && !REFUSED.includes(status)) waiting = [];
  queueMicrotask(next); // htmx has not let go of this request yet
});

function next() {
  while (waiting.length && !underWay) waiting.shift().act();
}

addEventListener("popstate", () => {
  if (!isEarlierPage(underWay)) underWay = undefined;
  waiting = [];
});
