// The tab's title and icon report running and finished work.
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
