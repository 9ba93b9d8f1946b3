// The page and its stream of events. Where a proxy holds the stream back, the page asks by itself now and then; whatever
// has to be looked at by the clock is, but never while the tab is hidden. The tab tells of running and finished work.
const PATIENCE_MS = 12000;
const GLANCE_MS = 15000;

let connected = false;
document.body.addEventListener("connected", () => {
  connected = true;
});
// Not before it is there again: an end that the server makes is followed by attempts, not by a close.
for (const name of ["htmx:sse:before:connection", "htmx:sse:close"]) {
  document.addEventListener(name, () => {
    connected = false;
  });
}
// Signed out elsewhere: what the page asks for next leads to the sign-in.
document.addEventListener("htmx:sse:error", (event) => {
  if (event.detail.status === 401) htmx.trigger(document.body, "reconnected");
});
const openedAt = Date.now();
setInterval(() => {
  if (document.hidden) return;
  const isLate = Date.now() - openedAt > PATIENCE_MS;
  htmx.trigger(document.body, "glance");
  // What a page does after a gap in the stream is what it has to do without one.
  if (!connected && isLate) htmx.trigger(document.body, "reconnected");
}, GLANCE_MS);

// A live update that waited its turn asks for what the page shows by then, not for what it showed before.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("section[hx-get]")) ctx.request.action = ctx.sourceElement.getAttribute("hx-get");
});

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
