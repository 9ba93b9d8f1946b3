// Fetches the files of a list one after the other, each through the dashboard's own address. Those that were not started
// have `data-file`. This tab remembers that it downloads, so that it continues after a reload.
const GAP_MS = 1000;
// A page that was offline shows by then which files were started; the others are fetched again.
const BACK_AFTER_MS = 10_000;
const STEPS_UNSEEN = 10;
// By then the file's host has answered, and the download no longer needs its frame.
const FRAME_LIVES_MS = 120_000;

const asked = new Set();
let timer = 0;
let waited = 0;

const list = () => document.querySelector("[data-download-all]");
const ready = () => [...list().querySelectorAll("a[data-file]")];
const isLeft = () => ready().length > 0 || list().querySelector("[data-waits]") !== null;
const isRunning = () => sessionStorage.getItem("downloads") === location.pathname;

function run() {
  sessionStorage.setItem("downloads", location.pathname);
}

function stop(words) {
  sessionStorage.removeItem("downloads");
  document.getElementById("announcer").textContent = words;
}

// Not a navigation of the page: the next file would cancel one whose host has not answered yet.
function fetchFile(link) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.sandbox = "allow-downloads";
  frame.src = link.href;
  document.body.append(frame);
  setTimeout(() => frame.remove(), FRAME_LIVES_MS);
  link.dispatchEvent(new Event("file-asked", { bubbles: true }));
}

function step() {
  clearTimeout(timer);
  timer = 0;
  show();
  if (!isRunning()) return;
  const next = ready().find((link) => !asked.has(link.dataset.file));
  if (next) {
    asked.add(next.dataset.file);
    fetchFile(next);
  } else if (!isLeft()) {
    stop("No file is left to start.");
    show();
    return;
  } else if (document.hidden) {
    // A hidden tab gets no live updates: it asks by itself which links are ready.
    waited += 1;
    if (waited % STEPS_UNSEEN === 0) globalThis.htmx?.trigger(document.body, "reconnected");
  }
  timer = setTimeout(step, Number(list().dataset.gapMs ?? GAP_MS));
}

function show() {
  const [start, pause] = ["run", "pause"].map((name) => list()?.querySelector(`[data-download-${name}]`));
  if (start) start.hidden = isRunning() || !isLeft();
  if (pause) pause.hidden = !isRunning();
}

document.addEventListener("click", ({ target }) => {
  if (!list()) return;
  if (target.closest("[data-download-begin]")) run();
  else if (target.closest("[data-download-run]")) {
    run();
    asked.clear();
    step();
    list().querySelector("[data-download-pause]")?.focus();
  } else if (target.closest("[data-download-pause]")) {
    stop("Paused");
    show();
    list().querySelector("[data-download-run]")?.focus();
  }
});
document.addEventListener("htmx:after:swap", show);
addEventListener("online", () => setTimeout(() => asked.clear(), BACK_AFTER_MS));
// Not before its links are asked for: the page of the cost has none, and goes.
if (list()?.querySelector("[data-items]")) step();
