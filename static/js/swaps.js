// What a change of a part of the page means to people: it is said aloud, and trouble on the way is told.
// Elements are looked up when they are needed: going back puts in others.
const announcer = () => document.getElementById("announcer");
const trouble = () => document.getElementById("trouble");

// What somebody asked for, told from live updates. Noted at the start: what the swap takes away is not the source then.
const asked = new WeakSet();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("a, form, button")) asked.add(ctx);
});

document.addEventListener("htmx:after:swap", (event) => {
  // Live updates stay quiet.
  if (!asked.has(event.detail?.ctx)) return;
  const said = document.querySelector("[data-announce]");
  if (said) announcer().textContent = said.textContent.trim().replace(/\s+/g, " ");
  // Not the state of a part, but what was just done.
  if (said?.dataset.announce === "once") said.remove();
  const start = document.querySelector("[data-scroll-start]");
  if (start) start.scrollTop = 0;
});

// What somebody has unfolded stays so while the page around it changes: no answer knows of it.
htmx.registerExtension("unfolded", {
  htmx_before_morph_attr: (element, { attrName, newValue }) =>
    !(attrName === "open" && newValue === null && element.matches("details")),
});

document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status;
  if (status && status < 400) trouble()?.replaceChildren();
});

document.addEventListener("htmx:error", (event) => {
  const { ctx, error } = event.detail ?? {};
  if (error?.name === "AbortError" || document.hidden) return;
  const alert = document.createElement("div");
  alert.className = "alert alert-warning";
  alert.setAttribute("role", "alert");
  alert.textContent = "The dashboard does not answer. What you see may be old; try again in a moment.";
  trouble()?.replaceChildren(alert);
});
