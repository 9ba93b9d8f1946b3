// Panels of the toolbar: popovers that keep focus with their button, and some that stay open while the table changes.
const opener = (panel) => document.getElementById(panel.dataset.anchor);
const popovers = "[popover][data-anchor]";

// A panel that a request came from: it stays open (data-stays), or closes and leaves focus on its button.
const sources = new WeakMap();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const panel = ctx.sourceElement.closest(popovers);
  if (panel?.matches(":popover-open")) sources.set(ctx, { id: panel.id, focus: document.activeElement?.id });
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const { id, focus } = sources.get(ctx) ?? {};
  const panel = id && document.getElementById(id);
  if (!panel || panel.matches(":popover-open")) return;
  if ("stays" in panel.dataset) {
    panel.showPopover({ source: opener(panel) });
    const field = document.getElementById(focus);
    (panel.contains(field) ? field : panel.querySelector("[autofocus], a, button"))?.focus();
  } else {
    opener(panel)?.focus();
  }
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
