// The menu of a header opens in one shared popover. Without this its button leads to a page of its own.
import { HEADERS } from "./cells.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-column-menu]");
  if (!button) return;
  event.preventDefault();
  open(button);
});

async function open(button) {
  const menu = document.getElementById("column-menu");
  const address = `${button.form.getAttribute("action")}?${new URLSearchParams(new FormData(button.form, button))}`;
  menu.dataset.at = address;
  menu.textContent = "Loading…";
  menu.hidePopover();
  menu.showPopover({ source: button });
  const response = await fetch(address, { headers: HEADERS }).catch(() => null);
  if (!response?.ok) {
    location.assign(address);
    return;
  }
  const html = await response.text();
  // Another menu may have been opened meanwhile, or this one closed.
  if (menu.dataset.at !== address || !menu.matches(":popover-open")) return;
  menu.innerHTML = html;
  htmx.process(menu);
  menu.querySelector("[autofocus], a")?.focus();
}

// What it leads to appears in the table behind it; focus goes back to the header.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const menu = document.getElementById("column-menu");
  if (!menu?.contains(ctx.sourceElement) || ctx.target?.closest?.("#column-menu")) return;
  const place = menu.querySelector("[data-place]")?.dataset.place;
  menu.hidePopover();
  document.querySelector(`[data-column-menu][value="${place}"]`)?.focus();
});

// A panel over the whole page closes what is below it.
document.addEventListener("click", (event) => {
  if (event.target.closest("#column-menu [data-panel]")) document.getElementById("column-menu").hidePopover();
}, { capture: true });
