// Follows an address as if a boosted link stood beside `place`.
export function follow(address, place) {
  const link = document.createElement("a");
  link.href = address;
  link.hidden = true;
  place.after(link);
  htmx.process(link);
  link.click();
  link.remove();
}
