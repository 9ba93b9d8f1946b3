// Live updates: events become DOM events on the body, which parts of the page wait for (hx-trigger="… from:body").
import { Tab } from "./tabs.js";

const PATIENCE_MS = 12000;
const GLANCE_MS = 15000;

const start = document.querySelector("[data-live-user]")?.dataset;
// The answer to a user may be older than an event that arrives before it: what the answer brings is told as well.
const underWay = new Map();
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("a, form, button")) underWay.set(ctx, new Set());
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const names = underWay.get(ctx) ?? [];
  underWay.delete(ctx);
  for (const name of names) tell(name);
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
