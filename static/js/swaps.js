// Changes of a part of the page, for people: the part is busy meanwhile, and the change is announced.
// Elements are looked up when they are needed: going back puts in others.
const announcer = () => document.getElementById("announcer");
const trouble = () => document.getElementById("trouble");

// What somebody asked for, told from live updates. Noted at the start: what the swap takes away is not the source then.
const asked = new WeakSet();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("a, form, button")) asked.add(ctx);
});

// A part that a user waits for is busy: its table shows a bar (status.css). A request may replace another meanwhile.
const waiting = new Map();
function wait(part, difference) {
  const requests = (waiting.get(part) ?? 0) + difference;
  if (requests) {
    waiting.set(part, requests);
    part.setAttribute("aria-busy", "true");
  } else {
    waiting.delete(part);
    part.removeAttribute("aria-busy");
  }
}
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!asked.has(ctx) || !(ctx.target instanceof Element)) return;
  ctx.busyPart = ctx.target;
  wait(ctx.busyPart, 1);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.busyPart) wait(ctx.busyPart, -1);
});

// The state of a part: its text, and what only those need to be told who can't see the part.
function words({ textContent, dataset }) {
  const plain = (text) => text.trim().replace(/\s+/g, " ").replaceAll(" ,", ",");
  return [textContent, dataset.also ?? ""].map(plain).filter(Boolean).join(", ");
}

document.addEventListener("htmx:after:swap", (event) => {
  // Live updates stay quiet.
  if (!asked.has(event.detail?.ctx)) return;
  const said = document.querySelector("[data-announce]");
  if (said) announcer().textContent = words(said);
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
// The same where the part is replaced, unless the request comes from inside it or the link leads to another page.
const unfolded = new WeakMap();
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const link = ctx.sourceElement.closest("a[href]");
  if (link && link.pathname !== location.pathname) return;
  const open = [...document.querySelectorAll("details[id][open]")].filter((one) => !one.contains(ctx.sourceElement));
  unfolded.set(ctx, open.map(({ id }) => id));
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  for (const id of unfolded.get(ctx) ?? []) document.getElementById(id)?.setAttribute("open", "");
});

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  // A live update says nothing about what the user tried.
  if (asked.has(ctx) && ctx.response?.status < 400) trouble()?.replaceChildren();
});
