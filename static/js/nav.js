// The menu is a popover on a phone only: on a wider screen it stands in the bar, so it is not left open above the page.
matchMedia("(min-width: 768px)").addEventListener("change", ({ matches }) => {
  if (matches) document.querySelector("#main-menu:popover-open")?.hidePopover();
});
