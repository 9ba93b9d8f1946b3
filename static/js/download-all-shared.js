// The list of all files of a share link: visitors have no account, so this tab remembers which it started.
const POLL_MS = 3000;
const KEY = `started ${location.pathname}`;
const started = new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));

function remember({ target }) {
  const link = target.closest("a[data-file]");
  if (!link) return;
  started.add(link.dataset.file);
  sessionStorage.setItem(KEY, JSON.stringify([...started]));
  mark();
}

function mark() {
  for (const link of document.querySelectorAll("a[data-file]")) {
    if (!started.has(link.dataset.file)) continue;
    link.removeAttribute("data-file");
    link.querySelector("[data-word]").textContent = "Start again";
    link.closest("li").querySelector("[data-state]").textContent = "Started";
  }
}

async function poll() {
  if (document.querySelector("[data-waits]")) {
    const response = await fetch(location.href).catch(() => null);
    const page = new DOMParser().parseFromString(response?.ok ? await response.text() : "", "text/html");
    const items = page.querySelector("[data-items]");
    if (items) document.querySelector("[data-items]").replaceWith(items);
    mark();
  }
  setTimeout(poll, POLL_MS);
}

document.addEventListener("file-asked", remember);
document.addEventListener("click", remember);
mark();
setTimeout(poll, POLL_MS);
