// Text that is not applied yet (half-typed, refused) outlives sorting, paging and live updates, in fields with data-typed.
const fields = () => [...document.querySelectorAll("[data-typed]")];
const parameter = (address, name) => new URL(address, location.href).searchParams.get(name) ?? "";

// As rendered: of a choice, the one that is selected, or the first one that there is.
export const rendered = ({ defaultValue, options = [] }) => defaultValue ??
  ([...options].find((option) => option.defaultSelected) ?? [...options].find(({ disabled }) => !disabled))?.value;

// The value that the server has: as sent by the field's own form, else as rendered. A link that is followed may set the
// field itself (Clear, a chip): then only what is typed later is kept; nothing if it leads to another page. Fields without
// a name are never sent.
function known(field, source) {
  const link = source.closest("a[href]");
  if (link && ![location.pathname, `${location.pathname}filter/`].includes(link.pathname)) return null;
  if (!field.name) return rendered(field);
  if (field.form && field.form === source.closest("form")) return field.value;
  // The address may have a reference of a long filter in its place, which links spell out.
  const its = link && parameter(link.href, field.name);
  const sets = link && its !== parameter(location.href, field.name) && its !== rendered(field);
  return sets ? field.value : rendered(field);
}

const asked = new WeakMap();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  asked.set(ctx, new Map(fields().map((field) => [field.id, known(field, ctx.sourceElement)])));
});

let kept = [];
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const values = asked.get(ctx) ?? new Map();
  kept = fields().filter(({ id, value }) => (values.get(id) ?? value) !== value)
    .map(({ id, value, selectionStart, selectionEnd }) => ({ id, value, selectionStart, selectionEnd }));
});

// Not after the swap: it settles first, and what is typed meanwhile would be lost.
document.addEventListener("htmx:before:settle", () => {
  for (const { id, value, selectionStart, selectionEnd } of kept) {
    const field = document.getElementById(id);
    if (!field?.matches("[data-typed]") || field.value === value) continue;
    // A choice may be gone.
    if (field.options && ![...field.options].some((option) => option.value === value)) continue;
    field.value = value;
    if (field === document.activeElement && selectionStart !== null) field.setSelectionRange?.(selectionStart, selectionEnd);
  }
});

// Another form of the page that is sent without htmx: the page comes anew, and takes the text back.
const store = () => `typed ${location.pathname}`;
addEventListener("submit", ({ target: form, defaultPrevented }) => {
  const isLeft = (field) => field.value !== rendered(field) || field.form?.querySelector(".invalid-feedback");
  const left = fields().filter((field) => field.form !== form && isLeft(field));
  if (defaultPrevented || !left.length || !form.closest("#main")) return;
  sessionStorage.setItem(store(), JSON.stringify(left.map(({ id, value }) => [id, value])));
});
for (const [id, value] of JSON.parse(sessionStorage.getItem(store()) ?? "[]")) {
  const field = document.getElementById(id);
  if (field?.matches("[data-typed]")) field.value = value;
}
sessionStorage.removeItem(store());
