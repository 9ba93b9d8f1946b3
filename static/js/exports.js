// The file of an export starts by itself, once: also where its link came in later, and is put in again by live updates.
const started = new Set();

function start() {
  for (const link of document.querySelectorAll("a[data-export-now]")) {
    if (started.has(link.href)) continue;
    started.add(link.href);
    // As a download: a refusal is no page, and leaves this one where it is.
    link.click();
  }
}

document.addEventListener("htmx:after:swap", start);
start();
