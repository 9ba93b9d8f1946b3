// The menu of a header, and the form of a chip, open in one shared popover. Without this their buttons lead to pages.
import { send } from "./column-changes.js";
import { answered, lost } from "./connection.js";
import { HEADERS } from "./fragment.js";
import { focusIn } from "./filter-forms.js";

const menu = () => document.getElementById("column-menu");
let opener; // its button, as it is found again in another table
let subject; // its column, or the condition of its chip: another chip may have the place of one that was removed

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-column-menu], [data-chip]");
  if (!button) return;
  event.preventDefault();
  open(button);
});

async function open(button) {
  const address = `${button.form.getAttribute("action")}?${new URLSearchParams(new FormData(button.form, button))}`;
  const isChip = "chip" in button.dataset;
  const [rest, form] = menu().children;
  const before = subject;
  opener = `[${isChip ? "data-chip" : "data-column-menu"}][value="${button.value}"]`;
  subject = isChip ? button.textContent : opener;
  const typed = subject === before && isTyped(form) ? [...inputs(form)] : [];
  // As it was, unless the table is another one now: then its links would lead back to the earlier filter and order.
  if (typed.length && menu().dataset.at === address) {
    menu().showPopover({ source: button });
    focusIn(form);
    return;
  }
  delete form.dataset.refused;
  menu().dataset.at = address;
  form.textContent = "Loading…";
  rest.replaceChildren();
  menu().hidePopover();
  menu().showPopover({ source: button });
  const response = await fetch(address, { headers: HEADERS }).catch(() => null);
  const html = await response?.text();
  // Another menu may have been opened meanwhile, or this one closed.
  if (menu().dataset.at !== address || !menu().matches(":popover-open")) return;
  if (!response) {
    menu().hidePopover();
    lost({ sourceElement: document.querySelector(opener) });
    return;
  }
  answered({ sourceElement: button });
  if (!response.ok || response.redirected) {
    location.assign(address); // a page says what is wrong
    return;
  }
  const parts = document.createElement("div");
  parts.innerHTML = isChip ? `<div data-form>${html}</div>` : html;
  const fields = parts.querySelector("[data-form]");
  fields?.remove();
  rest.replaceChildren(...parts.children);
  form.replaceChildren(...(fields?.children ?? []));
  htmx.process(rest);
  htmx.process(form);
  refill(form, typed);
  focusIn(fields ? form : rest);
}

const inputs = (form) => form.querySelectorAll("input:not([type=hidden]), select");

// Each value where there is the same field; values to be ticked may be others now.
function refill(form, typed) {
  const key = ({ name, type, value }, place) => `${name} ${type === "checkbox" ? value : place}`;
  const before = new Map(typed.map((one, place) => [key(one, place), one]));
  for (const [place, one] of [...inputs(form)].entries()) {
    const { value, checked } = before.get(key(one, place)) ?? one;
    Object.assign(one, { value, checked });
  }
}

// Text that is not applied, or that was refused, outlives sorting and paging.
const isTyped = (form) => "refused" in form.dataset || [...form.querySelectorAll("input")].some((one) =>
  (one.type === "checkbox" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue));

// Changes of columns wait for one another, wherever they are made.
let isChanged = false;
document.addEventListener("click", (event) => {
  const button = event.target.closest("#column-menu [name=do]");
  const columns = document.getElementById("columns-form");
  if (!button || !columns) return;
  event.preventDefault();
  const width = button.form.querySelector("[name=width]");
  if (width && !button.form.reportValidity()) return;
  isChanged = true;
  send(columns, width ? `${button.value} ${width.value}` : button.value);
});

// What it leads to appears in the table behind it; focus goes back to its button, or to that of all filters.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const isItsOwn = menu()?.contains(ctx.sourceElement) || (isChanged && ctx.request.form?.id === "columns-form");
  if (!isItsOwn || ctx.response?.status >= 400) return;
  if (ctx.target?.matches?.(".filter-by")) return; // another form
  isChanged = false;
  const hasFocus = menu().contains(document.activeElement);
  for (const part of menu().children) part.replaceChildren();
  menu().hidePopover();
  // Somebody may type elsewhere by now.
  if (!hasFocus && document.activeElement !== document.body) return;
  (document.querySelector(opener) ?? document.getElementById("open-filter"))?.focus();
});

// A panel over the whole page closes what is below it.
document.addEventListener("click", (event) => {
  if (event.target.closest("#column-menu [data-panel]")) menu().hidePopover();
}, { capture: true });
