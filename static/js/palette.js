// The command palette: Ctrl K (Cmd K on a Mac) or its button opens it. A combobox with a list box of links, see
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/. The focus stays in the field, the selected option is told by its id.
import { HEADERS } from "./fragment.js";

const IS_MAC = navigator.platform.startsWith("Mac");
const PAUSE_MS = 60;

const palette = () => document.getElementById("palette");
const field = () => document.getElementById("palette-q");
const list = () => document.getElementById("palette-items");
const options = () => [...list().querySelectorAll("[role=option]")];
const selected = () => list().querySelector("[aria-selected=true]");

let last = 0; // the newest search: answers to older ones are late
let searching; // the newest search and its answer
let pause;

function open() {
  field().value = "";
  list().replaceChildren();
  say("");
  palette().showModal();
  field().focus();
  search();
}

function search() {
  clearTimeout(pause);
  pause = 0;
  searching = fetched(++last, field().value);
}

async function fetched(number, text) {
  const { action } = field().form;
  try {
    const answer = await fetch(`${action}?${new URLSearchParams({ q: text })}`, { headers: HEADERS });
    const html = await answer.text();
    if (number !== last) return;
    // Signed out meanwhile, the answer is another page.
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    list().innerHTML = html;
    const { length } = options();
    select(options()[0]);
    say(length ? "" : `No matches for “${text}”`, length ? `${length} ${length === 1 ? "match" : "matches"}` : "");
  } catch {
    if (number !== last) return;
    list().replaceChildren();
    select();
    say("Search failed. Reload the page.");
  }
}

// What everybody reads, or else only screen readers.
function say(words, unseen = "") {
  const status = palette().querySelector("[role=status]");
  status.textContent = words || unseen;
  status.className = words ? "palette-status" : "visually-hidden";
}

function select(option) {
  selected()?.setAttribute("aria-selected", "false");
  if (!option) {
    field().removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field().setAttribute("aria-activedescendant", option.id);
}

function move(step) {
  const all = options();
  if (all.length) select(all[(all.indexOf(selected()) + step + all.length) % all.length]);
}

// On a keyboard of other letters the key that is K elsewhere counts.
function isOpener(event) {
  const isK = event.key.toLowerCase() === "k" || (event.code === "KeyK" && !/^[a-z]$/i.test(event.key));
  const [wanted, other] = IS_MAC ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  return isK && wanted && !other && !event.altKey && !event.shiftKey;
}

document.addEventListener("keydown", async (event) => {
  if (!palette()) return;
  if (isOpener(event)) {
    event.preventDefault();
    if (palette().open) palette().close();
    else open();
    return;
  }
  if (event.target !== field() || event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    move(step);
  } else if (event.key === "Enter") {
    event.preventDefault();
    // The list may be that of fewer letters.
    if (pause) search();
    await searching;
    if (palette().open) selected()?.click();
  }
});

document.addEventListener("input", ({ target }) => {
  if (target !== field()) return;
  clearTimeout(pause);
  last += 1; // what is on its way is for fewer letters
  pause = setTimeout(search, PAUSE_MS);
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !palette()) return;
  if (event.target.closest("[data-palette]")) {
    event.preventDefault();
    open();
  } else if (event.target.closest("#palette-items a")) palette().close();
});

if (IS_MAC) for (const key of document.querySelectorAll("[data-palette] kbd")) key.textContent = "⌘ K";
