// Panels of the toolbar: popovers that keep focus with their button, and some that stay open while the table changes.
const opener = (panel) => document.getElementById(panel.dataset.anchor);
const popovers = "[popover][data-anchor]";

// A panel opens on the field that is typed in first.
document.addEventListener("toggle", ({ target, newState }) => {
  if (newState !== "open" || !target.matches?.(popovers) || target.contains(document.activeElement)) return;
  target.querySelector("[autofocus], input:not([type=hidden]), a, button")?.focus();
}, true);

// A panel that a request came from closes and leaves focus on its button, but stays open after its links (data-stays). One
// that was opened while the answer was on its way stays open, with what is searched for in it.
const SEARCHES = "[type=search][id]";
const sources = new WeakMap();
const removals = new WeakMap();
let opened;
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.closest(".chips")) removals.set(ctx, ctx.sourceElement.id);
  const panel = ctx.sourceElement.closest(popovers);
  if (!panel?.matches(":popover-open")) return;
  sources.set(ctx, { id: panel.id, stays: "stays" in panel.dataset && ctx.sourceElement.matches("a") });
});
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const panel = document.querySelector(`${popovers}:popover-open`);
  const own = sources.get(ctx);
  const isItsOwn = Boolean(panel) && own?.id === panel.id;
  opened = undefined;
  if (!panel || (isItsOwn && !own.stays)) return;
  const searches = isItsOwn ? [] : [...panel.querySelectorAll(SEARCHES)].map(({ id, value }) => [id, value]);
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
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const panel = document.getElementById(sources.get(ctx)?.id);
  // Somebody may have opened another one by now, or type elsewhere.
  if (!panel || document.querySelector("[popover]:popover-open") || document.activeElement !== document.body) return;
  opener(panel)?.focus();
});

// What was refused is said in a panel that may be closed by now.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const target = typeof ctx.target === "string" ? document.querySelector(ctx.target) : ctx.target;
  const panel = ctx.response?.status >= 400 && target?.closest(popovers);
  const isFree = document.activeElement === document.body || document.activeElement === (panel && opener(panel));
  if (panel && isFree && !document.querySelector("[popover]:popover-open")) panel.showPopover({ source: opener(panel) });
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
