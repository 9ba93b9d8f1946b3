// A cut cell opens whole in a dialog. Without this its button leads to a page of its own.
import { HEADERS } from "./fragment.js";

export function address(places, ...more) {
  const form = document.getElementById("cell");
  const given = [...new FormData(form), ...places.map((place) => ["at", place]), ...more];
  // Not `form.action`: a field of that name would stand for it.
  return `${form.getAttribute("action")}?${new URLSearchParams(given)}`;
}

export function read(html) {
  return [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("pre[data-at]")];
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".cell-more");
  if (!button) return;
  event.preventDefault();
  const dialog = document.getElementById("dialog");
  const body = dialog.querySelector("[data-body]");
  const column = button.closest("td").cellIndex;
  const heading = button.closest("table").tHead.rows[0].cells[column];
  const row = button.closest("tr").cells[0].textContent;
  dialog.querySelector("[data-title]").textContent = `${heading.textContent.trim()}, row ${row}`;
  dialog.dataset.at = button.value;
  body.textContent = "Loading…";
  dialog.showModal();
  const text = await whole(button.value);
  // Another cell may have been opened meanwhile.
  if (dialog.open && dialog.dataset.at === button.value) body.textContent = text;
});

async function whole(place) {
  try {
    const response = await fetch(address([place]), { headers: HEADERS });
    const [found] = read(await response.text());
    if (!response.ok || !found) throw new Error(response.status);
    const note = found.parentNode.querySelector("[data-note]");
    return note ? `${found.textContent}…\n\n${note.textContent}` : found.textContent;
  } catch {
    return "Loading failed. Close this cell and open it again.";
  }
}

document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
});
