// The chooser of columns: changes apply at once, ranges are ticked, and the search box narrows the list.
import { HEADERS } from "./cells.js";

const formOf = (element) => element.closest?.("[data-chooser]");
const boxesOf = (form) => [...form.querySelectorAll("[name=on]")].filter((box) => !box.closest("li").hidden);

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
  const boxes = boxesOf(form);
  const places = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  if (places[0] < 0) return;
  for (const box of boxes.slice(places[0], places[1] + 1)) box.checked = to.checked;
}

document.addEventListener("keydown", (event) => {
  const form = formOf(event.target);
  if (!form || event.ctrlKey || event.altKey || event.metaKey) return;
  const { target, key } = event;
  if (target.id === "find-column" && key === "Enter") {
    event.preventDefault();
    const [first] = boxesOf(form);
    if (first && !event.isComposing) first.click();
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

let soon;
document.addEventListener("input", ({ target }) => {
  const form = target.id === "find-column" && formOf(target);
  if (!form) return;
  const wanted = target.value.trim().toLowerCase();
  for (const item of form.querySelectorAll(".columns li")) {
    item.hidden = !item.querySelector("bdi").textContent.toLowerCase().includes(wanted);
  }
  clearTimeout(soon);
  if (form.querySelector("[data-more]")) soon = setTimeout(() => find(form, target), 150);
});

// Of more columns than are listed, the server finds those of this name.
async function find(form, field) {
  const address = new URL(form.dataset.chooser, location.href);
  address.searchParams.set("find", field.value);
  const response = await fetch(address, { headers: HEADERS });
  if (!response.ok || !form.isConnected || address.searchParams.get("find") !== field.value) return;
  form.querySelector("[data-list]").innerHTML = await response.text();
}
