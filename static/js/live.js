// Live updates: events become DOM events on the body, which parts of the page wait for (hx-trigger="… from:body").
import { Tab } from "./tabs.js";

const PATIENCE_MS = 12000;
const GLANCE_MS = 15000;

const start = document.querySelector("[data-live-user]")?.dataset;
// An answer may be older than an event that arrives before it. What the answer puts into the page is told as well: to
// everything after a user's request, else to the parts it has filled. An element that waits for the event asks again.
const underWay = new Map();
const isAsked = ({ sourceElement }) => sourceElement.matches("a, form, button");
function isFilled({ sourceElement, target }, name) {
  const waits = `[hx-trigger*="${name} from:body"]`;
  return !sourceElement.matches(waits) && Boolean(target?.matches?.(waits) || target?.querySelector?.(waits));
}
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => underWay.set(ctx, new Set()));
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const names = underWay.get(ctx) ?? [];
  underWay.delete(ctx);
  // Requests that have begun since the event are newer than it.
  for (const name of names) if (isAsked(ctx) || isFilled(ctx, name)) htmx.trigger(document.body, name);
});
const tell = (name) => {
  for (const names of underWay.values()) names.add(name);
  htmx.trigger(document.body, name);
};
// Not before htmx listens, which begins when all scripts of the page have run: an event would reach nothing.
let tab;
document.addEventListener("DOMContentLoaded", () => {
  tab = start && new Tab(start.liveUser, Number(start.liveSince), tell);
});

// Parts that depend on the clock are checked now and then. If a proxy holds the stream back, the whole page is.
const openedAt = Date.now();
setInterval(() => {
  if (document.hidden) return;
  tell("glance");
  if (!tab?.isConnected && Date.now() - openedAt > PATIENCE_MS) tell("reconnected");
}, GLANCE_MS);

// A live update that waited its turn requests what the page shows by then.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("section[hx-get]")) ctx.request.action = ctx.sourceElement.getAttribute("hx-get");
});

// A part that sends back the tag of its last answer gets none while that is still true (hx-ptag). Once another answer
// has changed what it shows, the tag is no longer that of what is shown.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!(ctx?.target instanceof Element)) return;
  for (const part of document.querySelectorAll("section[hx-get]")) {
    const isChanged = part !== ctx.sourceElement && (part.contains(ctx.target) || ctx.target.contains(part));
    if (isChanged) delete part._htmx?.ptag;
  }
});
