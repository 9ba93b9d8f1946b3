// The menu of a cell: filters by its value, copying, and its row. A click or Enter on a cell opens it.
import { content, contents } from "./copy-cells.js";
import { copy, say } from "./clipboard.js";
import { follow } from "./follow.js";
import { cellOf, focusCell } from "./grid.js";
import { inTurn } from "./in-turn.js";
import { filterAddress } from "./row-address.js";

const menu = () => document.getElementById("cell-menu");
const LONGEST = 1000; // a longer value is no condition: the expression takes 4,000 characters
let cell; // that the menu is for

document.addEventListener("grid:menu", (event) => open(event.target));
document.addEventListener("click", (event) => {
  const clicked = cellOf(event.target);
  if (!clicked?.matches("tbody td") || event.target.closest("a, button")) return;
  if (event.detail !== 1 || event.shiftKey || event.ctrlKey || event.metaKey) return;
  if (!getSelection().isCollapsed || clicked.closest("table").matches(".is-selecting")) return;
  open(clicked);
});

function open(clicked) {
  const box = menu();
  if (!box) return;
  cell = clicked;
  const conditions = offered(cell);
  for (const item of box.children) {
    const name = item.dataset.item;
    if (name in ITEMS) item.hidden = !ITEMS[name].fits(cell);
    else {
      item.hidden = !conditions[name];
      item.href = conditions[name] ? filterAddress(columnOf(cell), conditions[name]) : "";
    }
  }
  box.showPopover();
  const at = cell.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  const top = at.bottom + box.offsetHeight > innerHeight ? Math.max(at.top - box.offsetHeight, 0) : at.bottom;
  box.style.inset = `${top}px auto auto ${Math.max(Math.min(at.left, innerWidth - box.offsetWidth - 8), 8)}px`;
  items()[0]?.focus();
}

const items = () => [...menu().children].filter((item) => !item.hidden);

const columnOf = (cell) => JSON.parse(cell.closest("table").dataset.columns)[cell.cellIndex - 1];

// The condition of each filter that the cell offers, as parts of an address (rows/records.py offers the same).
function offered(cell, text = content(cell).text) {
  if (columnOf(cell) === null || cell.matches(".is-json") || text.length > LONGEST) return {};
  if (cell.matches(".is-null")) return { only: [["op", "null"]], not: [["op", "not_null"]] };
  if (cell.matches(".is-empty")) return { only: [["op", "blank_text"]], not: [["op", "not"], ["v", ""], ["exact", "1"]] };
  if (cell.matches(".is-bool")) {
    const exact = ["exact", "1"]; // among texts
    return { only: [["op", text === "true" ? "yes" : "no"], exact], not: [["op", "not"], ["v", text], exact] };
  }
  const found = {};
  for (const [item, op] of Object.entries({ only: "is", not: "not" })) found[item] = [["op", op], ["v", text], ["exact", "1"]];
  if (!cell.matches(".is-number") && !/^\d{4}-\d\d-\d\d/.test(text)) return found;
  for (const [item, op] of Object.entries({ greater: "gt", less: "lt" })) found[item] = [["op", op], ["v", text]];
  return found;
}

const ITEMS = {
  link: { fits: (cell) => cell.matches(".is-link"), act: (cell) => cell.querySelector("a").click() },
  whole: { fits: (cell) => cell.querySelector(".cell-more"), act: (cell) => cell.querySelector(".cell-more").click() },
  copy: { fits: () => true, act: (cell) => copy(contents([[cell]]).rows[0][0].text) },
  row: { fits: () => true, act: (cell) => cell.dispatchEvent(new CustomEvent("grid:row", { bubbles: true })) },
};

document.addEventListener("click", (event) => {
  const item = event.target.closest("#cell-menu [data-item]");
  if (!item) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.ctrlKey || event.metaKey || event.shiftKey) {
    if (item.href) window.open(item.href);
    return;
  }
  close();
  const name = item.dataset.item;
  if (name in ITEMS) ITEMS[name].act(cell);
  else filter(name);
}, { capture: true });

// The value of a cut cell is fetched only now.
function filter(name) {
  const text = cell.matches(".is-cut") ? contents([[cell]]).rows[0][0].text : undefined;
  const [column, condition] = [columnOf(cell), offered(cell, text)[name]];
  if (condition) inTurn(() => follow(filterAddress(column, condition), document.getElementById("rows").lastElementChild));
  else say("This value is too long for a filter.");
}

function close() {
  menu().hidePopover();
  if (cell?.isConnected) focusCell(cell);
}

document.addEventListener("keydown", (event) => {
  const item = event.target.closest?.("#cell-menu [data-item]");
  if (!item) return;
  const all = items();
  const place = all.indexOf(item);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: -1 }[event.key];
  if (next !== undefined) all.at(next % all.length).focus();
  else if (event.key === "Tab" || event.key === "Escape") close();
  else if (event.key === " ") item.click();
  else return;
  event.preventDefault();
});
