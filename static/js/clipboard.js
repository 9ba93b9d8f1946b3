// Rows of cells `{ text, isNumber }` as spreadsheets expect them: TSV, and a table in HTML.
const CHARACTERS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": '<br style="mso-data-placement:same-cell">' };

const isOne = (rows) => rows.length === 1 && rows[0].length === 1;

// One cell is its text.
export function plain(rows) {
  return isOne(rows) ? rows[0][0].text : rows.map((row) => row.map(quoted).join("\t")).join("\n");
}

// "" for one cell.
export function html(rows) {
  if (isOne(rows)) return "";
  const lines = rows.map((row) => `<tr>${row.map(htmlCell).join("")}</tr>`);
  return `<meta charset="utf-8"><table>${lines.join("")}</table>`;
}

// The clipboard of a page without https takes plain text only, from a selection.
export async function write(text, markup = "") {
  if (!navigator.clipboard) return writeSelected(text);
  if (!markup) return navigator.clipboard.writeText(text);
  const parts = { "text/plain": text, "text/html": markup };
  const blobs = Object.entries(parts).map(([type, part]) => [type, new Blob([part], { type })]);
  return navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
}

function writeSelected(text) {
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  if (!isDone) throw new Error("no clipboard");
}

const quoted = ({ text }) => (/[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// "@" keeps a spreadsheet from making numbers and dates of texts.
function htmlCell({ text, isNumber }) {
  const look = isNumber ? "" : ` style="white-space:pre;mso-number-format:'\\@'"`;
  return `<td${look}>${text.replace(/[&<>\n]/g, (found) => CHARACTERS[found])}</td>`;
}

// Writes and says so.
export async function copy(text, markup) {
  try {
    await write(text, markup);
    say("Copied");
  } catch {
    say("The browser refused to copy. Select the text and copy it by keyboard.");
  }
}

export function say(words) {
  document.getElementById("announcer").textContent = words;
}
