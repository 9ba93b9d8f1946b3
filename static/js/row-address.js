// Addresses of the rows page: of a whole row, and of its filter with one more condition.
const PLACES = ["page", "row", "go"];

export function parameters() {
  const query = new URLSearchParams(location.search);
  for (const name of PLACES) query.delete(name);
  return query;
}

export function rowAddress(number) {
  return `${location.pathname}${number}/${asked(parameters())}`;
}

// The rows page on which this row is, open beside the table or not.
export function withRow(number, isOpen = true) {
  const query = parameters();
  const page = Math.ceil(number / document.querySelector("table.rows").dataset.limit);
  if (page > 1) query.set("page", page);
  if (isOpen) query.set("row", number);
  return `${location.pathname}${asked(query)}`;
}

export function filterAddress(column, condition) {
  const query = parameters();
  query.append("do", "add");
  query.append("c", column);
  for (const [name, value] of condition) query.append(name, value);
  return `${location.pathname}filter/?${query}`;
}

const asked = (query) => (query.size ? `?${query}` : "");
