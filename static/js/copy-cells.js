// Selected cells are copied as what they hold: as spreadsheets expect it, without row numbers, placeholders and marks.
import { selectedRows } from "./cell-ranges.js";
import { address, read } from "./cells.js";
import { html, plain, say } from "./clipboard.js";
import { HEADERS } from "./fragment.js";

const TOGETHER = 200; // cut cells in one request
const MOST = 2000; // cut cells whose whole text is fetched

document.addEventListener("copy", (event) => {
  if (!event.clipboardData) return;
  const selection = getSelection();
  if (selection.isCollapsed) {
    const cell = document.activeElement.closest("table.rows tbody :is(td, th)");
    const rows = cell ? selectedRows() : [];
    if (rows.length) copyCells(event, rows);
    else if (cell?.matches("td")) copyCells(event, [[cell]]);
    return;
  }
  const range = selection.getRangeAt(0);
  const start = range.startContainer;
  const table = (start.closest ? start : start.parentElement).closest("table.rows");
  if (!table) return;
  const rows = selected(table, range);
  if (!rows.length) return;
  const only = rows.length === 1 && rows[0].length === 1 && rows[0][0];
  if (only && only.part !== only.cell.textContent) fill(event, [[{ text: only.part }]]);
  else copyCells(event, rows.map((row) => row.map(({ cell }) => cell)));
});

// What cells hold, and of how many only the beginning.
export function contents(rows) {
  const cut = rows.flat().filter((cell) => cell.matches(".is-cut"));
  const wholes = fetched(cut.map((cell) => cell.querySelector("button").value));
  return { rows: rows.map((row) => row.map((cell) => content(cell, wholes))), missing: cut.length - wholes.size };
}

function copyCells(event, cells) {
  const { rows, missing } = contents(cells);
  fill(event, rows);
  say(missing ? `${missing} ${missing === 1 ? "copied cell is" : "copied cells are"} cut off. Download the file for the full text.` : "Copied");
}

// The cells in which something is selected, by rows, each with the part of its text that is.
function selected(table, range) {
  const rows = [];
  for (const row of table.rows) {
    if (row.matches(".heads") || !range.intersectsNode(row)) continue;
    const cells = [];
    for (const cell of row.cells) {
      if (cell.cellIndex === 0 || !range.intersectsNode(cell)) continue;
      const part = document.createRange();
      part.selectNodeContents(cell);
      if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset);
      if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset);
      const text = part.cloneContents().textContent;
      if (text) cells.push({ cell, part: text });
    }
    if (cells.length) rows.push(cells);
  }
  return rows;
}

export function content(cell, wholes = new Map()) {
  if (cell.matches(".is-null, .is-empty, :has(.no-name)")) return { text: "" };
  if (cell.matches(".is-link")) return { text: cell.firstElementChild.getAttribute("href") };
  const place = cell.querySelector("button")?.value;
  return { text: wholes.get(place) ?? cell.textContent, isNumber: cell.matches("td.is-number, .is-bool") };
}

// In the event itself, because the clipboard is open only as long as it lasts.
function fetched(places) {
  const found = new Map();
  for (let at = 0; at < Math.min(places.length, MOST); at += TOGETHER) {
    const request = new XMLHttpRequest();
    request.open("GET", address(places.slice(at, at + TOGETHER), ["is_compact", "on"]), false);
    for (const [name, value] of Object.entries(HEADERS)) request.setRequestHeader(name, value);
    try {
      request.send();
    } catch {
      break;
    }
    if (request.status !== 200) break;
    for (const one of read(request.responseText)) {
      if (!("cut" in one.dataset)) found.set(one.dataset.at, one.textContent);
    }
  }
  return found;
}

function fill(event, rows) {
  event.preventDefault();
  event.clipboardData.setData("text/plain", plain(rows));
  const markup = html(rows);
  if (markup) event.clipboardData.setData("text/html", markup);
}
