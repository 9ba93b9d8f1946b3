// Copies a field of a whole row, or the row, as TSV, JSON or Markdown: always whole values.
import { copy, html, plain } from "./clipboard.js";

const KEY = "copy-format";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-field], [data-copy-row]");
  const record = button?.closest(".record");
  if (!record) return;
  const format = record.querySelector("[data-copy-format]").value;
  if (button.matches("[data-copy-field]")) copy(FORMATS[format].cell(read(button.closest(".field"))));
  else copy(...FORMATS[format].row([...record.querySelectorAll(".field")].map(read)));
});

// A record that came: its long values scroll by keyboard too, and it has the format that was chosen last.
export function prepareRecord() {
  for (const text of document.querySelectorAll(".record pre")) if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
  const format = localStorage.getItem(KEY);
  for (const field of document.querySelectorAll("[data-copy-format]")) if (format in FORMATS) field.value = format;
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-copy-format]")) localStorage.setItem(KEY, event.target.value);
});

function read(field) {
  const kind = [...field.classList].find((name) => name.startsWith("is-"));
  const isNothing = kind === "is-null" || kind === "is-empty";
  return { name: field.dataset.name, kind, text: isNothing ? "" : field.querySelector("[data-value]").textContent };
}

// Numbers keep their digits, so they are not parsed.
function literal({ kind, text }) {
  if (kind === "is-null") return "null";
  // NaN and Infinity, which are sent, are no JSON.
  const isPlain = kind === "is-bool" || kind === "is-json" || (kind === "is-number" && /^-?\d/.test(text));
  return isPlain ? text : JSON.stringify(text);
}

const line = (cells) => `| ${cells.join(" | ")} |`;
const escaped = (text) => text.replace(/[\\|`*_[\]<>]/g, "\\$&").replace(/\r\n|[\r\n]/g, "<br>");

const FORMATS = {
  tsv: {
    cell: ({ text }) => text,
    row(fields) {
      const names = fields.map(({ name }) => ({ text: name }));
      const values = fields.map(({ text, kind }) => ({ text, isNumber: kind === "is-number" || kind === "is-bool" }));
      return [plain([names, values]), html([names, values])];
    },
  },
  json: {
    cell: literal,
    row: (fields) => [`{\n${fields.map((one) => `  ${JSON.stringify(one.name)}: ${literal(one)}`).join(",\n")}\n}`],
  },
  markdown: {
    cell: ({ text }) => escaped(text),
    row: (fields) => [
      [line(["Field", "Value"]), line(["---", "---"]), ...fields.map(({ name, text }) => line([escaped(name), escaped(text)]))].join("\n"),
    ],
  },
};

prepareRecord();
