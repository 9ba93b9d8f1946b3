// Panels of the toolbar: popovers that keep focus with their button, and some that stay open while the table changes.
const opener = (panel) => document.getElementById(panel.dataset.anchor);
const popovers = "[popover][data-anchor]";

// A panel opens on the field that is typed in first.
document.addEventListener("toggle", ({ target, newState }) => {
  if (newState !== "open" || !target.matches?.(popovers) || target.contains(document.activeElement)) return;
  target.querySelector("[autofocus], input:not([type=hidden]), a, button")?.focus();
}, true);

// A panel that a request came from closes and leaves focus on its button, but stays open after its links (data-stays).
const sources = new WeakMap();
const removals = new WeakMap();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.closest(".chips")) removals.set(ctx, ctx.sourceElement.id);
  const panel = ctx.sourceElement.closest(popovers);
  if (!panel?.matches(":popover-open")) return;
  sources.set(ctx, { id: panel.id, focus: document.activeElement?.id, isLink: ctx.sourceElement.matches("a") });
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const { id, focus, isLink } = sources.get(ctx) ?? {};
  const panel = id && document.getElementById(id);
  // Another panel may have been opened meanwhile.
  if (!panel || document.querySelector("[popover]:popover-open")) return;
  if (isLink && "stays" in panel.dataset) {
    panel.showPopover({ source: opener(panel) });
    const field = document.getElementById(focus);
    (panel.contains(field) ? field : panel.querySelector("[autofocus], a, button"))?.focus();
  } else {
    opener(panel)?.focus();
  }
});

// A panel that was opened while the answer was on its way stays open, with what is searched for in it.
const SEARCHES = "[type=search][id]";
let opened;
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const panel = document.querySelector(`${popovers}:popover-open`);
  opened = undefined;
  if (!panel || sources.get(ctx)?.id === panel.id) return;
  const searches = [...panel.querySelectorAll(SEARCHES)].map(({ id, value }) => [id, value]);
  opened = { id: panel.id, focus: selector(document.activeElement), searches };
});
document.addEventListener("htmx:before:settle", () => {
  const panel = opened && document.getElementById(opened.id);
  if (!panel || panel.matches(":popover-open")) return;
  panel.showPopover({ source: opener(panel) });
  for (const [id, value] of opened.searches) {
    const field = document.getElementById(id);
    if (!field || !value) continue;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true })); // the list is narrowed
  }
  (panel.querySelector(opened.focus) ?? panel.querySelector("[autofocus], a, button"))?.focus();
});

// The same field, box or button of another table.
function selector({ localName, id, name, value }) {
  if (id) return `#${CSS.escape(id)}`;
  return name ? `${localName}[name="${CSS.escape(name)}"][value="${CSS.escape(value)}"]` : "[autofocus]";
}

// A chip that was removed had the focus: the next one has it, or the button of the filter.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!removals.has(ctx) || document.activeElement !== document.body) return;
  const same = document.getElementById(removals.get(ctx)); // the word between two chips
  (same ?? document.querySelector(".chips a") ?? document.getElementById("open-filter"))?.focus();
});

// A filter that is typed and not applied marks its button.
function mark() {
  const box = document.getElementById("filter");
  if (box) opener(box.closest(popovers))?.toggleAttribute("data-unapplied", box.value !== box.defaultValue);
}
document.addEventListener("input", mark);
document.addEventListener("htmx:after:swap", mark);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-address]");
  if (!button) return;
  const label = button.querySelector("[data-label]");
  label.dataset.before ??= label.textContent;
  let word = "Copied";
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    word = "Copy it from the address bar";
  }
  label.textContent = word;
  document.getElementById("announcer").textContent = word;
  setTimeout(() => {
    label.textContent = label.dataset.before;
  }, 2000);
});
