// Single-key shortcuts. The page declares them on its controls; this module has no list of its own.
//
//   data-key="f"            on a link, button or summary: the key f presses it. On a field or select: it moves there.
//                           The first control with this key that is shown and enabled is meant; hidden ones are not,
//                           but for those of a closed panel, which opens.
//   data-key-label="Filter" its words in the list of shortcuts, where its own name (aria-label, label, text) would be
//                           too long or would hold numbers. Optional.
//   data-items              on the parent of a list's lines (tbody, ul, ol), or on any element around several lists:
//                           its tr, li and article are lines. j and k move between lines, x ticks the line's checkbox.
//                           The line's link has the focus, so Enter opens it: the first [data-open], .name or link.
//
// aria-keyshortcuts is set here from data-key, because without this script or with the setting off no key works.
// A key is the character typed (event.key), with Shift or AltGr where a keyboard needs them. Keys are off while the user
// types, in dialogs, menus and list boxes, and where the account says so (data-keys="off" on the dialog of shortcuts).
const TYPED_IN = "input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=reset]), textarea, select";
const NOT_HERE = `${TYPED_IN}, dialog, [contenteditable]:not([contenteditable=false]), [role=menu], [role=listbox], [role=combobox]`;
const IS_MAC = navigator.platform.startsWith("Mac");
const LINES = ["tr", "li", "article"];
const PAGES = { prev: "Previous page", next: "Next page" };
// Keys of the table of rows (grid.js), which are those of its cells and not of a control.
const TABLE = [
  [["↑", "↓", "←", "→"], "Move in the table"],
  [["Enter"], "Open the menu of the cell"],
  [["Space"], "Open the row"],
];

const help = () => document.getElementById("shortcuts");
const areOff = () => help()?.dataset.keys === "off";

// The character, or "" where the combination belongs to the browser.
function typed(event) {
  const isThirdLevel = event.getModifierState("AltGraph") || (IS_MAC && event.altKey && !/[\p{L}\p{N}]/u.test(event.key));
  if (event.metaKey || ((event.ctrlKey || event.altKey) && !isThirdLevel)) return "";
  return event.shiftKey ? event.key : event.key.toLowerCase(); // Caps Lock alone changes no shortcut
}

const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
const isUsable = (control) => (isShown(control) || isInPanel(control)) && !control.matches(":disabled, [aria-disabled=true]");
const closedPanel = (control) => control.closest("[popover]:not(:popover-open)");

// Whether it shows once its panel is open.
function isInPanel(control) {
  const panel = closedPanel(control);
  const opener = panel && document.querySelector(`[popovertarget="${panel.id}"]`);
  if (!opener || !isShown(opener)) return false;
  for (let one = control; one !== panel; one = one.parentElement) {
    if (getComputedStyle(one).display === "none") return false;
  }
  return true;
}

function controls() {
  const found = new Map();
  for (const control of document.querySelectorAll("[data-key]")) {
    if (!found.has(control.dataset.key) && isUsable(control)) found.set(control.dataset.key, control);
  }
  return found;
}

function use(control) {
  const panel = closedPanel(control);
  if (panel) {
    const source = document.querySelector(`[popovertarget="${panel.id}"]`);
    source.focus(); // Esc gives it back
    panel.showPopover({ source });
  }
  control.focus();
  if (!control.matches(TYPED_IN)) control.click();
  else if (control.matches("input, textarea")) control.select();
}

// Lines of lists. Rows of headings and lines inside lines are none.
function lines() {
  const selector = LINES.map((name) => `[data-items] ${name}`).join(", ");
  const all = [...document.querySelectorAll(selector)].filter((line) => !line.closest("thead") && !line.matches(".group"));
  return all.filter((line) => !line.parentElement.closest(selector) && line.checkVisibility());
}

const opener = (line) => ["[data-open]", "a.name", "a[href]"].map((one) => line.querySelector(one)).find((one) => one?.checkVisibility());
const box = (line) => line?.querySelector("input[type=checkbox]:not(:disabled)");

function move(step) {
  const all = lines();
  const here = all.findIndex((line) => line.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  const line = all[next];
  const target = opener(line) ?? line;
  if (target === line) line.tabIndex = -1;
  target.focus();
  line.scrollIntoView({ block: "nearest" });
}

function inList(key) {
  if (!lines().length) return false;
  if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
  else if (key === "x") {
    const line = lines().find((one) => one.contains(document.activeElement));
    if (!box(line)) return false;
    box(line).click();
  } else return false;
  return true;
}

// A dialog that was just closed may keep the focus until the next frame.
const isTyping = (target) => target.closest?.(NOT_HERE) && !target.closest("dialog:not([open])");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || areOff() || isTyping(event.target)) return;
  if (document.querySelector("dialog:modal")) return;
  const key = typed(event);
  if (key.length !== 1 || key === " ") return;
  const control = controls().get(key);
  if (key === "?" && help()) open(help());
  else if (control && !event.repeat) use(control);
  else if (control || !inList(key)) return;
  event.preventDefault(); // or the character lands in the field that has the focus now
});

function announceKeys() {
  for (const control of document.querySelectorAll("[data-key]")) {
    if (areOff()) control.removeAttribute("aria-keyshortcuts");
    else control.setAttribute("aria-keyshortcuts", control.dataset.key);
  }
}
document.addEventListener("htmx:after:swap", announceKeys);
announceKeys();

// The list of shortcuts: what this page offers now. Its link leads to a page with all of them.
function nameOf(control) {
  const { dataset, labels, placeholder } = control;
  const label = control.getAttribute("aria-label") || labels?.[0]?.textContent || placeholder;
  return (dataset.keyLabel || PAGES[control.rel] || label || control.textContent).trim().replace(/\s+/g, " ");
}

function offered() {
  const found = [...controls()].map(([key, control]) => [[key], nameOf(control)]);
  const all = lines();
  if (all.length) found.push([["j"], "Next line"], [["k"], "Previous line"]);
  if (all.some(opener)) found.push([["Enter"], "Open the line"]);
  if (all.some(box)) found.push([["x"], "Select the line"]);
  if (document.querySelector("[role=grid]")) found.push(...TABLE);
  return found;
}

function fill(dialog) {
  const list = dialog.querySelector("[data-offered]");
  const made = offered().map(([keys, label]) => {
    const [line, term, words] = ["div", "dt", "dd"].map((name) => document.createElement(name));
    for (const key of keys) term.append(" ", Object.assign(document.createElement("kbd"), { textContent: key }));
    words.textContent = label;
    line.append(term, words);
    return line;
  });
  list.replaceChildren(...made);
}

function open(dialog) {
  if (!areOff()) fill(dialog);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-shortcuts]") || !help() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(help());
});
