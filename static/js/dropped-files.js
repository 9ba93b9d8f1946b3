// The files of a drop, those in folders too. Folders are read in parts: each call gives a hundred entries at most.
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = await Promise.all(entries.map(within));
  return found.flat();
}

async function within(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const inner = [];
  let part;
  do {
    part = await new Promise((done, failed) => reader.readEntries(done, failed));
    inner.push(...part);
  } while (part.length);
  const found = await Promise.all(inner.filter(({ name }) => !name.startsWith(".")).map(within));
  return found.flat();
}
