// Follows an address as if a boosted link with these attributes stood beside `place`.
export function follow(address, place, attributes = {}) {
  const link = document.createElement("a");
  for (const [name, value] of Object.entries(attributes)) link.setAttribute(name, value);
  link.href = address;
  link.hidden = true;
  place.after(link);
  htmx.process(link);
  link.click();
  link.remove();
}
