// The menu is a popover on a phone only: on a wider screen it stands in the bar, so it is not left open above the page.
matchMedia("(min-width: 768px)").addEventListener("change", ({ matches }) => {
  if (matches) document.querySelector("#main-menu:popover-open")?.hidePopover();
});

// A dialog that is opened from the menu closes it, so the focus has to go back to the menu's button.
let isFromMenu = false;
document.addEventListener("click", ({ target }) => {
  isFromMenu ||= Boolean(target.closest("#main-menu:popover-open [data-shortcuts]"));
}, true);
document.addEventListener("close", ({ target }) => {
  if (isFromMenu && target.contains(document.activeElement)) document.querySelector(".menu-open").focus();
  isFromMenu = false;
}, true);
