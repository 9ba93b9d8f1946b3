// Headers: widths and pins, a width by a drag of the edge, another order by a drag, and a tip for a cut name.
import { send as sendForm } from "./column-changes.js";
import { naturalWidth } from "./column-fit.js";

const EDGE = 8;
export const LEAST = 40;
export const MOST = 1200;
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

// The server's rules for this page; a strict policy allows no style in the page itself.
let ruled; // rules that have not changed would still cost a new style of all cells
function style() {
  const rules = document.querySelector("[data-column-style]")?.dataset.columnStyle ?? "";
  if (rules !== ruled) sheet.replaceSync(rules);
  ruled = rules;
}
style();
document.addEventListener("htmx:after:swap", style);

const send = (what) => sendForm(document.getElementById("columns-form"), what);

const headOf = (element) => element.closest?.("table.rows > thead > tr:first-child > th[data-place]");
let drag;

document.addEventListener("pointerdown", (event) => {
  const head = headOf(event.target);
  if (!head || event.button !== 0 || event.target.closest("[data-column-menu]")) return;
  const { right } = head.getBoundingClientRect();
  const isEdge = right - event.clientX <= EDGE;
  if (!isEdge && event.pointerType === "touch") return; // it scrolls
  drag = { head, isEdge, x: event.clientX, width: head.offsetWidth, moved: false };
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const by = event.clientX - drag.x;
  if (!drag.moved && Math.abs(by) < 5) return;
  drag.moved = true;
  event.preventDefault();
  if (drag.isEdge) {
    drag.to = Math.min(Math.max(Math.round(drag.width + by), LEAST), MOST);
    const child = drag.head.cellIndex + 1;
    const width = `width: ${drag.to}px; min-width: ${drag.to}px; max-width: ${drag.to}px`;
    sheet.insertRule(`.rows tr > :nth-child(${child}) { ${width}; overflow: hidden; }`, sheet.cssRules.length);
    ruled = undefined;
    return;
  }
  unmark();
  drag.head.classList.add("is-dragged");
  const over = headOf(document.elementFromPoint(event.clientX, event.clientY) ?? drag.head);
  if (!over || over === drag.head) {
    drag.over = undefined;
    return;
  }
  drag.over = over;
  over.classList.add(over.cellIndex < drag.head.cellIndex ? "is-before" : "is-after");
});

document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { head, isEdge, moved, to, over } = drag;
  drag = undefined;
  unmark();
  if (!moved) return;
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }));
  if (isEdge && to) send(`width ${head.dataset.place} ${to}`);
  else if (over) send(`move ${head.dataset.place} ${over.cellIndex + Number(over.closest("table").dataset.first) - 1}`);
});
document.addEventListener("pointercancel", () => {
  drag = undefined;
  unmark();
});
document.addEventListener("dragstart", (event) => {
  if (headOf(event.target)) event.preventDefault();
});

// "Fit width" of a column's menu, and a double click on the edge of its header.
function fit(head) {
  const width = naturalWidth(head);
  send(`width ${head.dataset.place} ${Math.min(Math.max(width, LEAST), MOST)}`);
}
document.addEventListener("click", (event) => {
  const button = event.target.closest('#column-menu [value^="fit "]');
  const head = button && document.querySelector(`table.rows th[data-place="${button.value.slice(4)}"]`);
  if (!head) return;
  event.preventDefault();
  event.stopPropagation();
  document.getElementById("column-menu").hidePopover();
  fit(head);
}, { capture: true });
document.addEventListener("dblclick", (event) => {
  const head = headOf(event.target);
  if (!head || head.getBoundingClientRect().right - event.clientX > EDGE) return;
  event.preventDefault();
  fit(head);
});

function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}

function unmark() {
  for (const head of document.querySelectorAll("th:is(.is-dragged, .is-before, .is-after)")) {
    head.classList.remove("is-dragged", "is-before", "is-after");
  }
}

// On focus, as a title is shown on hover only.
document.addEventListener("focusin", ({ target }) => {
  // Later: focus may move while another popover opens.
  setTimeout(() => tell(target));
});
function tell(target) {
  const name = target === document.activeElement && target.matches?.(".sort-link") && headOf(target)?.querySelector("bdi");
  const tip = document.getElementById("head-tip");
  if (!tip) return;
  if (!name || name.scrollHeight <= name.clientHeight + 1) {
    tip.hidePopover();
    return;
  }
  tip.textContent = name.textContent;
  tip.showPopover();
  const box = target.getBoundingClientRect();
  tip.style.left = `${Math.max(Math.min(box.left, innerWidth - tip.offsetWidth - 8), 8)}px`;
  tip.style.top = `${box.bottom + 4}px`;
}
