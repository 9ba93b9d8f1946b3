// Writes a filter expression from a column, an operator and a value, and appends it to what is there.
const quoted = (text, mark) => mark + text.replaceAll(mark, mark + mark) + mark;
const isNumber = (text) => /^-?\d+(\.\d+)?$/.test(text);

export function expression(column, operator, value) {
  const name = /^[A-Za-z_]\w*$/.test(column) ? column : quoted(column, '"');
  if (operator.startsWith("IS ")) return `${name} ${operator}`;
  if (operator === "contains") return `${name} LIKE ${quoted(`%${value}%`, "'")}`;
  if (operator === "starts") return `${name} LIKE ${quoted(`${value}%`, "'")}`;
  return `${name} ${operator} ${isNumber(value) ? value : quoted(value, "'")}`;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-builder-add]")) add(event.target.closest("form"));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-builder-value]")) return;
  event.preventDefault();
  add(event.target.form);
});
document.addEventListener("change", disableNeedless);
document.addEventListener("htmx:after:swap", disableNeedless); // typed.js has put back what was chosen

function disableNeedless() {
  const operator = document.querySelector("[data-builder-operator]");
  if (operator) operator.form.querySelector("[data-builder-value]").disabled = operator.value.startsWith("IS ");
}

function add(form) {
  const part = (name) => form.querySelector(`[data-builder-${name}]`);
  const made = expression(part("column").value, part("operator").value, part("value").value);
  part("value").value = "";
  const box = form.elements.filter;
  box.value = box.value.trim() ? `${box.value.trim()} AND ${made}` : made;
  form.requestSubmit();
}
