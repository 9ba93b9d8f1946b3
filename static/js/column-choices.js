// The chooser of columns: changes apply at once, ranges are ticked, and the search box narrows the list.
import { send } from "./column-changes.js";
import { HEADERS } from "./fragment.js";

export const formOf = (element) => element.closest?.("[data-chooser]");
export const boxesOf = (form) => [...form.querySelectorAll("[name=on]")].filter((box) => !box.closest("li").hidden);

function apply(form) {
  form.requestSubmit(form.querySelector("[value=tick]"));
}

let last; // the place of the box that was changed last
document.addEventListener("change", ({ target }) => {
  const form = target.name === "on" && formOf(target);
  if (!form) return;
  apply(form);
});

document.addEventListener("click", (event) => {
  const { target, shiftKey } = event;
  const form = target.name === "on" && formOf(target);
  if (!form) return;
  if (shiftKey && last) tickRange(form, form.querySelector(`[name=on][value="${last}"]`), target);
  last = target.value;
});

function tickRange(form, from, to) {
  for (const box of between(form, from, to)) box.checked = to.checked;
}

function between(form, from, to) {
  const boxes = boxesOf(form);
  const places = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  return places[0] < 0 ? [] : boxes.slice(places[0], places[1] + 1);
}

// "Only" shows one column; with Shift, those from the box that was changed last, or from the first, to this one.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-chooser] .only");
  if (!button) return;
  const form = formOf(button);
  const box = button.closest("li").querySelector("[name=on]");
  const boxes = boxesOf(form);
  const range = event.shiftKey && between(form, boxes.find(({ value }) => value === last) ?? boxes[0], box);
  tickOnly(form, range || [box]);
  if (range) {
    event.preventDefault();
    send(form, "only");
  }
  last = box.value;
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-chooser] [value=all], [data-chooser] [value=none]");
  const form = button && formOf(button);
  if (form) tickOnly(form, button.value === "all" ? [...form.querySelectorAll("[name=on]")] : []);
});

// At once, as further changes may follow before the answer comes.
function tickOnly(form, boxes) {
  for (const one of form.querySelectorAll("[name=on]")) one.checked = boxes.includes(one);
}

document.addEventListener("keydown", (event) => {
  const form = formOf(event.target);
  if (!form || event.ctrlKey || event.altKey || event.metaKey) return;
  const { target, key } = event;
  if (target.id === "find-column" && key === "Enter") {
    event.preventDefault();
    const [first] = boxesOf(form);
    if (!first || event.isComposing) return;
    if (event.shiftKey) onlyFirst(form, first);
    else first.click();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step) return;
  const boxes = boxesOf(form);
  const next = target.id === "find-column" ? step > 0 && boxes[0] : boxes[boxes.indexOf(target) + step];
  if (!next || (target.name !== "on" && target.id !== "find-column")) return;
  event.preventDefault();
  next.focus();
  if (event.shiftKey && target.name === "on" && next.checked !== target.checked) {
    next.checked = target.checked;
    apply(form);
  }
});

// Shift and Enter: the first match alone. The whole list is back, so that arrows go on from its box.
function onlyFirst(form, box) {
  const field = form.querySelector("#find-column");
  field.value = "";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  last = box.value;
  box.focus();
  tickOnly(form, [box]);
  send(form, `only ${box.value}`);
}

// A letter on a box goes to the next column that begins with it, or with the letters typed shortly before.
let typed = "";
let forget;
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const form = target.name === "on" && formOf(target);
  if (!form || event.ctrlKey || event.altKey || event.metaKey || !/^[\p{L}\p{N}]$/u.test(key)) return;
  event.preventDefault(); // it is no shortcut here
  clearTimeout(forget);
  forget = setTimeout(() => {
    typed = "";
  }, 700);
  typed += key.toLowerCase();
  const boxes = boxesOf(form);
  const here = boxes.indexOf(target);
  const from = typed.length > 1 ? here : here + 1;
  const ordered = [...boxes.slice(from), ...boxes.slice(0, from)];
  ordered.find((box) => nameOf(box).startsWith(typed))?.focus();
}, { capture: true });

const nameOf = (box) => box.closest("li").querySelector("bdi").textContent.toLowerCase();

let soon;
function narrow(field) {
  const form = formOf(field);
  const wanted = field.value.trim().toLowerCase();
  for (const box of form.querySelectorAll("[name=on]")) box.closest("li").hidden = !nameOf(box).includes(wanted);
  clearTimeout(soon);
  if (form.querySelector("[data-more]")) soon = setTimeout(() => find(form, field), 150);
}
document.addEventListener("input", ({ target }) => {
  if (target.id === "find-column") narrow(target);
});
// The answer to a change has the whole list, or its beginning, without the box that has the focus.
let left;
const focused = () => {
  const { name, value } = document.activeElement;
  if (name === "on") return value;
  return document.activeElement === document.body ? left : undefined;
};
document.addEventListener("htmx:before:swap", () => {
  left = focused();
});
document.addEventListener("htmx:before:settle", () => {
  const field = document.getElementById("find-column");
  if (field?.value) narrow(field);
});

// Of more columns than are listed, the server finds those of this name.
async function find(form, field) {
  const address = new URL(form.dataset.chooser, location.href);
  address.searchParams.set("find", field.value);
  const response = await fetch(address, { headers: HEADERS }).catch(() => null);
  const list = await response?.text();
  if (!response?.ok || !form.isConnected || address.searchParams.get("find") !== field.value) return;
  const place = focused();
  const box = form.querySelector("[data-list]");
  const boxes = () => [...box.querySelectorAll("[name=on]")];
  // Somebody may have changed some meanwhile.
  const changed = boxes().filter((one) => one.checked !== one.defaultChecked);
  const kept = new Map(changed.map(({ value, checked }) => [value, checked]));
  box.innerHTML = list;
  for (const one of boxes()) one.checked = kept.get(one.value) ?? one.checked;
  if (place) box.querySelector(`[name=on][value="${place}"]`)?.focus();
  left = undefined;
}
