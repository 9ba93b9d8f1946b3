// The table of rows is one tab stop: arrows, Home, End and the page keys move inside it (WAI-ARIA grid pattern).
// Nothing here touches every cell when a table appears: it may have 60,000.
import { select, unselect } from "./cell-ranges.js";
import { showPart, showParts } from "./row-parts.js";

const announcer = () => document.getElementById("announcer");
export const cellOf = (element) => element?.closest?.("table.rows :is(th, td)");
export const rowOf = (cell) => cell.parentElement;
export const numberOf = (cell) => Number(/^row-(\d+)$/.exec(rowOf(cell).id)?.[1] ?? 0);
export const tableOfRows = () => document.querySelector("table.rows");

let active; // the cell that holds the tab stop
let anchor; // the cell from which Shift selects
let tabbed = -Infinity; // when Tab was pressed last

function start() {
  const table = tableOfRows();
  if (!table || table.role === "grid") return;
  table.role = "grid";
  table.ariaMultiSelectable = "true";
  const heads = table.tHead.rows.length;
  const total = Number(table.dataset.total ?? -1);
  table.ariaRowCount = total < 0 ? -1 : total + heads;
  table.ariaColCount = Number(table.dataset.chosen ?? table.tHead.rows[0].cells.length - 1) + 1;
  const box = table.parentElement;
  box.tabIndex = -1;
  const end = document.createElement("span");
  end.tabIndex = -1;
  end.dataset.gridEnd = "";
  box.after(end);
  active = anchor = null;
  rove(table.tBodies[0].rows[0]?.cells[1] ?? table.tHead.rows[0].cells[1]);
  requestIdleCallback(() => number(table));
  showParts(table);
}

// A page is a part of the table, so rows say which.
function number(table) {
  const heads = table.tHead.rows.length;
  for (const [place, row] of [...table.tHead.rows].entries()) row.ariaRowIndex = place + 1;
  for (const row of [...table.rows].slice(heads)) row.ariaRowIndex = Number(row.id.slice(4)) + heads;
}

function rove(cell) {
  if (!cell || cell === active) return;
  active?.removeAttribute("tabindex");
  active = cell;
  cell.tabIndex = 0;
  const table = cell.closest("table");
  const first = Number(table.dataset.first ?? 1);
  cell.ariaColIndex = cell.cellIndex ? cell.cellIndex + first : 1;
}

export function focusCell(cell) {
  if (!cell) return;
  rove(cell);
  reveal(cell);
  cell.focus({ preventScroll: true });
}

// Below the header, and right of the columns that stay in view.
export function reveal(cell) {
  if (cell.closest("tbody")) showPart(cell.closest("tbody"));
  const table = cell.closest("table");
  const box = table.parentElement;
  const pinned = [...rowOf(cell).cells].slice(0, 8).filter((one) => getComputedStyle(one).position === "sticky");
  const left = pinned.includes(cell) ? 0 : pinned.reduce((width, one) => width + one.offsetWidth, 0);
  box.style.scrollPadding = `${cell.closest("thead") ? 0 : table.tHead.rows[0].offsetHeight}px 0 0 ${left}px`;
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// The cell of a row of this number, in the column of another cell.
export function cellOfRow(number, column = 0) {
  return document.getElementById(`row-${number}`)?.cells[column];
}

const MOVES = {
  ArrowUp: () => [-1, 0],
  ArrowDown: () => [1, 0],
  ArrowLeft: () => [0, -1],
  ArrowRight: () => [0, 1],
  Home: (event) => [event.ctrlKey ? "first" : 0, -Infinity],
  End: (event) => [event.ctrlKey ? Infinity : 0, Infinity],
  PageUp: (_, table) => [-page(table), 0],
  PageDown: (_, table) => [page(table), 0],
};

function page(table) {
  const height = table.tBodies[0].rows[0]?.offsetHeight || 1;
  return Math.max(Math.floor((table.parentElement.clientHeight - table.tHead.offsetHeight) / height) - 1, 1);
}

function target(cell, [down, right], isSelecting) {
  const table = cell.closest("table");
  const heads = table.tHead.rows.length;
  const top = isSelecting || (Math.abs(down) > 1 && rowOf(cell).rowIndex >= heads) ? heads : 0;
  const index = down === "first" ? heads : rowOf(cell).rowIndex + down;
  const row = table.rows[Math.min(Math.max(index, top), table.rows.length - 1)];
  const column = cell.cellIndex + right;
  return row.cells[Math.min(Math.max(column, isSelecting ? 1 : 0), row.cells.length - 1)];
}

document.addEventListener("keydown", (event) => {
  tabbed = -Infinity;
  if (event.key === "Tab") return tab(event);
  const cell = cellOf(event.target);
  if (!cell || event.defaultPrevented || event.altKey || event.metaKey) return;
  if (event.target !== cell && !event.key.startsWith("Arrow")) return; // a link or a button inside does its own
  if (event.target.matches("input, select, textarea")) return;
  const move = MOVES[event.key];
  if (event.ctrlKey && !["Home", "End"].includes(event.key)) return;
  if (move) {
    event.preventDefault();
    const isSelecting = event.shiftKey && !cell.closest("thead");
    const next = target(cell, move(event, cell.closest("table")), isSelecting);
    if (isSelecting) extend(anchor ?? cell, next);
    else forget();
    focusCell(next);
  } else if (event.key === "Escape" && unselect()) {
    event.preventDefault();
    forget();
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    enter(cell);
  } else if (event.key === " " && numberOf(cell)) {
    event.preventDefault();
    ask("row", cell);
  }
});

function enter(cell) {
  if (cell.closest("thead")) (cell.querySelector("[data-column-menu]") ?? cell.querySelector("a"))?.click();
  else ask(cell.cellIndex ? "menu" : "row", cell);
}

// Drawer and menu of cells listen.
function ask(name, cell) {
  cell.dispatchEvent(new CustomEvent(`grid:${name}`, { bubbles: true }));
}

// Tab leaves the table: from an element at its edge, without a stop at links and buttons inside.
function tab(event) {
  tabbed = event.timeStamp;
  const box = cellOf(event.target)?.closest("table").parentElement;
  if (!box || event.ctrlKey || event.altKey || event.metaKey) return;
  const edge = event.shiftKey ? box : box.parentElement.querySelector("[data-grid-end]");
  edge?.focus({ preventScroll: true });
}
document.addEventListener("focusin", (event) => {
  const cell = cellOf(event.target);
  if (!cell) return;
  const table = cell.closest("table");
  const isFromOutside = !table.contains(event.relatedTarget);
  if (isFromOutside && event.timeStamp - tabbed < 500 && active && event.target !== active) focusCell(active);
  else rove(cell);
});

// The mouse: a drag inside one cell selects its text, a drag across cells selects cells.
let from;
document.addEventListener("mousedown", (event) => {
  from = null;
  const cell = cellOf(event.target);
  if (!cell || event.button || cell.closest("thead")) return;
  if (event.shiftKey && anchor?.isConnected) {
    event.preventDefault();
    getSelection().removeAllRanges();
    extend(anchor, cell);
    focusCell(cell);
    return;
  }
  forget();
  rove(cell);
  from = anchor = cell;
});
document.addEventListener("mousemove", (event) => {
  if (!from) return;
  if (!(event.buttons & 1)) return stop();
  const cell = cellOf(event.target);
  const table = from.closest("table");
  if (!cell || !cell.closest("tbody") || (cell === from && !table.matches(".is-selecting"))) return;
  table.classList.add("is-selecting");
  getSelection().removeAllRanges();
  extend(from, cell);
  rove(cell);
});
document.addEventListener("mouseup", stop);
function stop() {
  if (!from) return;
  const table = from.closest("table");
  from = null;
  if (!table?.matches(".is-selecting")) return;
  // After the click that ends the drag.
  setTimeout(() => table.classList.remove("is-selecting"));
  focusCell(active);
}

let saying;
function extend(first, last) {
  anchor = first;
  const { rows, columns } = select(first, last);
  clearTimeout(saying);
  saying = setTimeout(() => {
    const words = [`${rows} row${rows === 1 ? "" : "s"}`, `${columns} column${columns === 1 ? "" : "s"} selected`];
    announcer().textContent = words.join(" × ");
  }, 300);
}
function forget() {
  unselect();
  clearTimeout(saying);
  anchor = null;
}

// Focus stays where it was when the table is replaced: in the same column, and in the same line or in the header.
const places = new WeakMap();
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const cell = cellOf(document.activeElement);
  if (!cell) return;
  places.set(ctx, { table: tableOfRows(), row: rowOf(cell).rowIndex, column: cell.cellIndex, selector: inside(cell) });
});
function inside(cell) {
  const id = document.activeElement === cell ? "" : document.activeElement.id;
  return id && `#${CSS.escape(id)}`;
}
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const table = tableOfRows();
  const kept = places.get(ctx);
  const isNew = table && (table !== kept?.table || table.role !== "grid");
  start();
  const cell = kept && isNew && table.rows[Math.min(kept.row, table.rows.length - 1)]?.cells[kept.column];
  if (cell) {
    rove(cell);
    (kept.selector ? (cell.querySelector(kept.selector) ?? cell) : cell).focus({ preventScroll: true });
  }
});
start();
