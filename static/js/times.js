// Times in the reader's zone, kept up to date. The server writes them first, with the same words
// (datasources/templatetags/claro.py); the cookie tells it the zone for the next page.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const secure = location.protocol === "https:" ? "; Secure" : "";
document.cookie = `timezone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;

const exact = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
// A unit, its seconds, how many of it are needed to use it, and from how many on it stands alone.
const UNITS = [["d", 86400, 2, 3], ["h", 3600, 1, 10], ["min", 60, 1, 10], ["s", 1, 1, 10]];

function span(seconds) {
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  if (seconds < 59.5 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 23.5 * 3600) return `${Math.round(seconds / 3600)} h`;
  const days = Math.round(seconds / 86400);
  if (days < 60) return `${days} day${days > 1 ? "s" : ""}`;
  if (days < 700) return `${Math.round(days / 30.4)} months`;
  return `${Math.round(days / 365.25)} years`;
}

function ago(seconds) {
  return seconds < 10 ? "just now" : `${span(seconds)} ago`;
}

// A time to come, by a clock that goes wrong, has lasted for a second too.
function lasting(seconds) {
  return span(Math.max(seconds, 1));
}

// Rounded to one unit from ten of it (three days) on: 15 min, not 14 min 58 s. Hours up to two days.
function left(seconds) {
  if (seconds <= 0) return "0 s";
  let rest = Math.round(seconds);
  if (rest < 1) return "under 1 s";
  const first = UNITS.findIndex(([, size, least]) => rest >= size * least);
  const [unit, whole, , alone] = UNITS[first];
  if (rest >= alone * whole) return `${Math.round(rest / whole)} ${unit}`;
  const parts = [];
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return parts.join(" ");
}

function update(root) {
  for (const time of root.querySelectorAll("time[data-ago], time[data-lasting], time[data-until], time[data-clock]")) {
    const at = new Date(time.dateTime);
    const seconds = (Date.now() - at) / 1000;
    let words = clock.format(at);
    if ("ago" in time.dataset) words = ago(seconds);
    if ("lasting" in time.dataset) words = lasting(seconds);
    if ("until" in time.dataset) words = seconds >= 0 && time.dataset.until ? time.dataset.until : left(-seconds);
    if (time.textContent !== words) time.textContent = words;
    time.title = exact.format(at);
  }
}

update(document);
setInterval(() => update(document), 5000);
document.addEventListener("htmx:after:swap", () => update(document));
