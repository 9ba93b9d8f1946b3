// A whole row beside the table. Without this, and on phones, the number of a row leads to a page of its own.
import { HEADERS } from "./fragment.js";
import { say } from "./clipboard.js";
import { follow } from "./follow.js";
import { cellOfRow, focusCell, numberOf, reveal } from "./grid.js";
import { inTurn } from "./in-turn.js";
import { prepareRecord } from "./record-copy.js";
import { rowAddress, withRow } from "./row-address.js";

const PHONE = matchMedia("(max-width: 767.98px)");
const TRIES = 5; // while rows are on their way
const drawer = () => document.getElementById("row-drawer");
const isOpen = () => drawer() && !drawer().hidden;

let number = 0; // of the row that is shown
let column = 0; // where focus returns to
let hasNext = true;
let request = null;
let brought; // the row whose page is on its way
let isLost = false; // it got no answer

document.addEventListener("grid:row", (event) => {
  column = event.target.cellIndex;
  open(numberOf(event.target));
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[form='record']");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  column = 0;
  open(numberOf(button.closest("th")));
});

function open(row, isAddressed = false) {
  if (PHONE.matches) {
    // Back must not lead here again.
    if (isAddressed) location.replace(rowAddress(row));
    else location.assign(rowAddress(row));
    return;
  }
  drawer().hidden = false;
  show(row);
  drawer().querySelector("[data-title]").focus();
}

function show(row) {
  number = row;
  hasNext = true;
  const box = drawer();
  box.querySelector("[data-title]").textContent = `Row ${row.toLocaleString("en")}`;
  box.querySelector("[data-page]").href = rowAddress(row);
  if (cellOfRow(row)) history.replaceState(history.state, "", withRow(row));
  mark();
  steps();
  load(box, row);
}

function mark() {
  for (const row of document.querySelectorAll("tr.is-open")) row.classList.remove("is-open");
  const cell = isOpen() && cellOfRow(number, column);
  if (!cell) return;
  cell.parentElement.classList.add("is-open");
  reveal(cell);
}

function steps() {
  const [previous, next] = drawer().querySelectorAll("[data-step]");
  previous.ariaDisabled = String(number <= 1);
  next.ariaDisabled = String(!hasNext);
}

async function load(box, row, tries = TRIES) {
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  const body = box.querySelector("[data-body]");
  body.ariaBusy = "true";
  try {
    const response = await fetch(rowAddress(row), { headers: HEADERS, signal });
    const html = await response.text();
    if (signal.aborted) return;
    if (response.status === 503 && tries) {
      setTimeout(() => signal.aborted || load(box, row, tries - 1), 800);
      return;
    }
    body.innerHTML = html;
    htmx.process(body);
  } catch (error) {
    if (error.name !== "AbortError") fail(body, row);
    return;
  }
  isLost = false;
  body.removeAttribute("aria-busy");
  const record = body.querySelector(".record");
  hasNext = record ? "hasNext" in record.dataset : false;
  body.scrollTop = 0;
  prepareRecord();
  steps();
}

// The connection may come back by itself.
function fail(body, row) {
  isLost = true;
  body.removeAttribute("aria-busy");
  const words = document.createElement("p");
  words.textContent = "Loading failed.";
  const again = document.createElement("button");
  Object.assign(again, { type: "button", className: "btn btn-sm", textContent: "Retry" });
  again.dataset.reload = "";
  const alert = document.createElement("div");
  alert.className = "alert alert-danger";
  alert.append(words, again);
  body.replaceChildren(alert);
  say(`Loading row ${row.toLocaleString("en")} failed.`);
}

function reload() {
  if (!isOpen() || !isLost) return;
  if (drawer().querySelector("[data-reload]")?.matches(":focus")) drawer().querySelector("[data-title]").focus();
  load(drawer(), number);
  if (!cellOfRow(number)) inTurn(bring);
}
document.addEventListener("reconnected", reload);

function step(difference) {
  const next = number + difference;
  if (next < 1 || (difference > 0 && !hasNext)) return;
  show(next);
  if (!cellOfRow(next)) inTurn(bring);
  say(`Row ${next.toLocaleString("en")}`);
}

// The page of the row that is shown by now, unless it came meanwhile.
function bring() {
  if (!isOpen() || cellOfRow(number)) return;
  brought = number;
  follow(withRow(number), document.getElementById("rows").lastElementChild, { "hx-replace-url": "true" });
}

function hide() {
  request?.abort();
  drawer().hidden = true;
}

// For another table, in which the user goes on.
function leave() {
  const hasFocus = drawer().contains(document.activeElement);
  hide();
  if (!hasFocus) return;
  const cell = document.querySelector("table.rows tbody :is(td, th)");
  if (cell) focusCell(cell);
  else document.getElementById("open-filter")?.focus();
}

function close() {
  hide();
  history.replaceState(history.state, "", withRow(number, false));
  const cell = cellOfRow(number, column);
  mark();
  if (cell) focusCell(cell);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("#row-drawer :is([data-step], [data-close], [data-reload])");
  if (!button) return;
  if (button.matches("[data-close]")) close();
  else if (button.matches("[data-reload]")) reload();
  else step(Number(button.dataset.step));
});

document.addEventListener("keydown", (event) => {
  if (!isOpen() || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const isInside = drawer().contains(event.target);
  if (event.key === "Escape" && (isInside || event.target.closest(".rows-box"))) {
    event.preventDefault();
    close();
  } else if (isInside && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    if (event.shiftKey || event.target.closest("pre[tabindex], select, input, textarea")) return;
    event.preventDefault();
    step(event.key === "ArrowUp" ? -1 : 1);
  }
});

// Another table: the drawer stays if the address still names its row, and opens for a row that it names. The user may
// have stepped on while the page of the row came.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.matches?.("#rows, :has(#rows)")) openAddressed();
});

function openAddressed() {
  const row = Number(new URLSearchParams(location.search).get("row"));
  const isNamed = row === number || (row && row === brought);
  if (row === brought) brought = undefined;
  if (isOpen() && !isNamed) leave();
  else if (isOpen()) {
    if (cellOfRow(number)) history.replaceState(history.state, "", withRow(number));
    mark();
  } else if (row && drawer() && cellOfRow(row)) open(row, true);
}
openAddressed();
