// Selected cells are copied as what they hold: as spreadsheets expect it, without row numbers, placeholders and marks.
import { HEADERS, address, read } from "./cells.js";

const TOGETHER = 200; // cut cells in one request
const MOST = 2000; // cut cells whose whole text is fetched
const CHARACTERS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": '<br style="mso-data-placement:same-cell">' };

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0);
  const start = range.startContainer;
  const table = (start.closest ? start : start.parentElement).closest("table.rows");
  if (!table) return;
  const rows = selected(table, range);
  if (!rows.length) return;
  const only = rows.length === 1 && rows[0].length === 1 && rows[0][0];
  if (only && only.part !== only.cell.textContent) {
    fill(event, [[{ text: only.part }]]);
    return;
  }
  const cut = rows.flat().filter(({ cell }) => cell.matches(".is-cut"));
  const wholes = fetched(cut.map(({ cell }) => cell.querySelector("button").value));
  fill(event, rows.map((row) => row.map(({ cell }) => content(cell, wholes))));
  const missing = cut.length - wholes.size;
  say(missing ? `${missing} ${missing === 1 ? "copied cell is" : "copied cells are"} cut off. Download the file for the full text.` : "Copied");
});

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

function content(cell, wholes) {
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
  const isOne = rows.length === 1 && rows[0].length === 1;
  const plain = isOne ? rows[0][0].text : rows.map((row) => row.map(quoted).join("\t")).join("\n");
  event.clipboardData.setData("text/plain", plain);
  if (isOne) return;
  const lines = rows.map((row) => `<tr>${row.map(htmlCell).join("")}</tr>`);
  event.clipboardData.setData("text/html", `<meta charset="utf-8"><table>${lines.join("")}</table>`);
}

const quoted = ({ text }) => (/[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// "@" keeps a spreadsheet from making numbers and dates of texts.
function htmlCell({ text, isNumber }) {
  const look = isNumber ? "" : ` style="white-space:pre;mso-number-format:'\\@'"`;
  return `<td${look}>${text.replace(/[&<>\n]/g, (found) => CHARACTERS[found])}</td>`;
}

function say(words) {
  document.getElementById("announcer").textContent = words;
}
