// The page and its stream of events. Where a proxy holds the stream back, the page asks by itself now and then; whatever
// has to be looked at by the clock is, but never while the tab is hidden. The tab tells of running and finished work.
const PATIENCE_MS = 12000;
const GLANCE_MS = 15000;

let connected = false;
document.body.addEventListener("connected", () => {
  connected = true;
});
document.addEventListener("htmx:sse:close", () => {
  connected = false;
});
const openedAt = Date.now();
setInterval(() => {
  if (document.hidden) return;
  const isLate = Date.now() - openedAt > PATIENCE_MS;
  htmx.trigger(document.body, "glance");
  // What a page does after a gap in the stream is what it has to do without one.
  if (!connected && isLate) htmx.trigger(document.body, "reconnected");
}, GLANCE_MS);

const MARK = /^(✓|\(\d+\)) /;
let running = 0;
let finished = false;

function tell() {
  const icon = document.querySelector("link[rel=icon]");
  icon.dataset.plain ??= icon.href;
  let mark = "";
  let href = icon.dataset.plain;
  if (running) [mark, href] = [`(${running}) `, icon.dataset.running];
  if (finished) [mark, href] = ["✓ ", icon.dataset.finished];
  const title = mark + document.title.replace(MARK, "");
  if (document.title !== title) document.title = title;
  if (icon.href !== new URL(href, location.href).href) icon.href = href;
}

function count() {
  const now = Number(document.querySelector("[data-running-work]")?.dataset.runningWork ?? 0);
  if (now < running && !document.hasFocus()) finished = true;
  running = now;
  tell();
}

count();
document.addEventListener("htmx:after:swap", count);
addEventListener("focus", () => {
  finished = false;
  tell();
});
