import { follow } from "./follow.js";

// A click on a header with Shift adds the column to those that the rows are sorted by, or turns its order round.
document.addEventListener("click", (event) => {
  const link = event.shiftKey && event.target.closest("[data-sorts] .sort-link");
  const name = link && new URL(link.href).searchParams.get("sort");
  if (!name) return; // the link removes the only order that there is
  event.preventDefault();
  // Not by this link: the browser opens a window for a click with Shift.
  follow(withColumn(new URL(location.href), name), link);
}, { capture: true });

function withColumn(address, name) {
  const query = address.searchParams;
  const names = query.getAll("sort");
  const orders = names.map((_, place) => query.getAll("order")[place] || "asc");
  const place = names.indexOf(name);
  if (place < 0) {
    names.push(name);
    orders.push("asc");
  } else {
    orders[place] = orders[place] === "asc" ? "desc" : "asc";
  }
  for (const one of ["sort", "order", "page"]) query.delete(one);
  names.forEach((one, at) => {
    query.append("sort", one);
    query.append("order", orders[at]);
  });
  return `${address.pathname}?${query}`;
}
