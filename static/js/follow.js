// Follows an address as if a boosted link with these attributes stood beside `place`. The link goes away at once: what got
// no answer is followed again by `followAgain` (connection.js).
export function follow(address, place, attributes = {}) {
  const link = document.createElement("a");
  for (const [name, value] of Object.entries(attributes)) link.setAttribute(name, value);
  link.dataset.followed = "";
  link.href = address;
  link.hidden = true;
  place.after(link);
  htmx.process(link);
  link.click();
  link.remove();
}

export const isFollowed = (link) => link.dataset.followed !== undefined;

export function followAgain(link) {
  const attributes = Object.fromEntries([...link.attributes].map(({ name, value }) => [name, value]));
  const rows = document.getElementById("rows");
  if (rows) follow(link.href, rows.lastElementChild, attributes);
}
