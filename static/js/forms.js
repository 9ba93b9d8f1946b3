// Forms that send themselves, addresses without empty parameters, a busy look while a form is under way.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-autosubmit]")) event.target.form.requestSubmit();
});

let typing;
let searching; // the field of a search that is due
function searchSoon({ target, isComposing }) {
  const field = target.closest("[data-search]");
  if (!field) return;
  clearTimeout(typing);
  // Text that an input method still composes is not what the user means.
  searching = isComposing ? undefined : field;
  if (!isComposing) typing = setTimeout(searchNow, 250);
}

// A search that is due begins at once, before something else is pressed.
export function searchNow() {
  clearTimeout(typing);
  const field = searching;
  searching = undefined;
  field?.form?.requestSubmit();
}
document.addEventListener("input", searchSoon);
document.addEventListener("compositionend", searchSoon);
document.addEventListener("compositionstart", forget);
// Cancel the pending search when the user submits, follows a link or goes back.
function forget() {
  searching = undefined;
  clearTimeout(typing);
}
addEventListener("popstate", forget);
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("a, form, button")) forget();
});

// One search is one history entry: its first letters add it, everything typed after that replaces its address.
let changed; // the last field that the user changed
for (const name of ["input", "change"]) {
  document.addEventListener(name, ({ target }) => {
    changed = target;
  });
}
let field; // the search that the request under way comes from
let searched;
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches("a, form, button")) return;
  field = changed?.matches("[data-search]") && ctx.sourceElement.contains(changed) ? changed.name : undefined;
});
document.addEventListener("htmx:before:history:update", ({ detail: { history } }) => {
  const here = location.pathname + location.search;
  const isSameSearch = field && searched?.field === field && searched.path === here;
  if (history.path === here || isSameSearch) history.type = "replace";
  if (field) searched = { field, path: history.path };
});

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method !== "GET" || !request.body) return;
  for (const [name, value] of [...request.body.entries()]) {
    // An empty name is that of a column without a name, and of two values `v=` is the end that is open.
    if (value === "" && !["column", "hide", "pin", "v"].includes(name)) request.body.delete(name);
  }
  // All of them is what an address means that names none.
  const form = event.detail.ctx.sourceElement.closest("form[data-all]");
  if (form && !form.querySelector("[type=checkbox]:not(:checked)")) request.body.delete(form.dataset.all);
});

// A form that leaves the page: one click is enough.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.once === undefined) return;
  if (form.dataset.sent !== undefined) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  for (const button of form.querySelectorAll("[type=submit]")) button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});

// The answer to a form with a stale token brings a new one: one more press sends what was typed.
document.addEventListener("htmx:after:swap", () => {
  const notice = document.querySelector("[data-new-token]");
  if (!notice) return;
  const { newToken } = notice.dataset;
  delete notice.dataset.newToken;
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = newToken;
  const name = "hx-headers:inherited";
  const headers = JSON.parse(document.body.getAttribute(name));
  document.body.setAttribute(name, JSON.stringify({ ...headers, "X-CSRFToken": newToken }));
});

// A button whose answer fills a field hands the focus over to it, unless somebody types elsewhere by now.
const filled = new WeakMap();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { fills } = ctx.sourceElement.dataset;
  if (fills) filled.set(ctx, fills);
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const id = filled.get(ctx);
  if (id && document.activeElement?.dataset.fills === id) document.getElementById(id)?.focus();
});
