// Sizes, speeds and the time left of an upload, in words.
const UNITS = ["B", "kB", "MB", "GB"];

export function inUnits(bytes) {
  const place = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const number = bytes / 1000 ** place;
  return `${number.toFixed(number < 10 && place ? 1 : 0)} ${UNITS[place]}`;
}

export function sizes(loaded, total) {
  return `${inUnits(loaded)} of ${inUnits(total)}`;
}

export function left(seconds) {
  if (!Number.isFinite(seconds)) return "stalled";
  if (seconds < 60) return `${Math.ceil(seconds)} s left`;
  return `${Math.ceil(seconds / 60)} min left`;
}
