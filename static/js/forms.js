// Forms that send themselves, addresses without empty parameters, a busy look while a form is under way.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-autosubmit]")) event.target.form.requestSubmit();
});

let typing;
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-search]");
  if (!field) return;
  clearTimeout(typing);
  typing = setTimeout(() => field.form?.requestSubmit(), 250);
});
// Who has gone on meanwhile (Enter, a link) is not called back by what was typed before.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("a, form, button")) clearTimeout(typing);
});

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (request.method !== "GET" || !request.body) return;
  for (const [name, value] of [...request.body.entries()]) {
    // `column=` is the column without a name.
    if (value === "" && name !== "column") request.body.delete(name);
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
