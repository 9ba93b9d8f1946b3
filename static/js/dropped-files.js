// The files of a drop, those in folders too, and what of it can't be uploaded: `refused` has a name and a reason each.
// Folders are read in parts: each call gives a hundred entries at most.
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return { files: [...transfer.files], refused: [] };
  const refused = [];
  const files = (await Promise.all(entries.map((entry) => within(entry, refused)))).flat();
  if (!files.length && !refused.length) {
    refused.push(...entries.map(({ name }) => ({ name, why: "There is no file in this folder." })));
  }
  return { files, refused };
}

async function within(entry, refused) {
  try {
    if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
    const inner = (await entriesOf(entry)).filter(({ name }) => !name.startsWith("."));
    return (await Promise.all(inner.map((one) => within(one, refused)))).flat();
  } catch {
    refused.push({ name: entry.name, why: "Your browser can't read it." });
    return [];
  }
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const entries = [];
  let part;
  do {
    part = await new Promise((done, failed) => reader.readEntries(done, failed));
    entries.push(...part);
  } while (part.length);
  return entries;
}
