// Forms that filter by a column, in the panel of the filter and in the menu of a header.
const PLACES = "[data-own-address]";
// What an address of rows holds; all else in such a form is its own.
const ADDRESS = new Set(["filter", "where", "q", "check", "sort", "order", "column", "hide", "columns", "from_column", "limit", "key", "team", "back"]);

// The table may have been sorted since the form came: what is sent is the address as it is now.
const sent = new WeakMap(); // the place of the form that a request comes from
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { body } = ctx.request;
  const place = ctx.sourceElement.closest(PLACES);
  if (!place || !body?.append) return;
  sent.set(ctx, place);
  // A bar of a histogram is a link to rows with a filter of its own.
  if (ctx.sourceElement.matches("a") && !ctx.request.action.includes("do=")) return;
  for (const name of ADDRESS) body.delete(name);
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (ADDRESS.has(name)) body.append(name, value);
  }
});

// The field that is typed in, before choices and links.
export function focusIn(place) {
  const kinds = ["[autofocus]", "input:not([type=hidden], [type=checkbox])", "input:not([type=hidden]), select, a"];
  kinds.map((kind) => place.querySelector(kind)).find(Boolean)?.focus();
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const place = sent.get(ctx);
  if (ctx.target?.matches?.(PLACES)) focusIn(ctx.target);
  else if (place && ctx.target?.matches?.(".filter-by")) focusIn(place); // another condition beside this one
  else if (place && ctx.response?.status >= 400) {
    place.dataset.refused = "";
    focusIn(place);
  } else if (place?.id === "filter-form") place.replaceChildren(); // what was applied is a chip now
});
