// Ticking several sources on the list: ranges with Shift, a whole page, all that match. What is ticked survives live
// updates, and goes with the page. All of them stay ticked on each page, until other ones match.
let ticked = new Set();
let matching; // the filters that the boxes belong to
let last = null;

const CHOICE = "input[name=source][form=chosen]";
const boxes = () => [...document.querySelectorAll(CHOICE)];
const row = (box) => box.closest("tr").id;
const whole = () => document.getElementById("choose-all");
const page = () => document.querySelector("[data-choose-page]");

function filters() {
  const query = new URLSearchParams(location.search);
  for (const name of ["sort", "order", "group", "limit", "page"]) query.delete(name);
  return query.toString();
}

function show() {
  const all = boxes();
  const chosen = all.filter((box) => box.checked);
  matching = filters();
  ticked = new Set(chosen.map(row));
  const head = page();
  if (head) {
    head.checked = all.length > 0 && chosen.length === all.length;
    head.indeterminate = chosen.length > 0 && !head.checked;
  }
  const count = document.querySelector("[data-chosen-count]");
  if (!count) return;
  const number = whole()?.checked ? Number(whole().dataset.count) : chosen.length;
  const words = number ? `${number.toLocaleString("en")} selected` : "";
  if (count.textContent !== words) count.textContent = words;
  const files = number === 1 ? "1 file" : `${number.toLocaleString("en")} files`;
  document.querySelector("[data-chosen-download]").textContent = number ? `Download ${files}` : "Download";
}

// A click on the keyboard's behalf (Space, with Shift) is a click too.
document.addEventListener("click", (event) => {
  const box = event.target.closest?.(CHOICE);
  if (!box) return;
  const all = boxes();
  const [from, to] = [all.findIndex((one) => row(one) === last), all.indexOf(box)];
  if (event.shiftKey && from >= 0) {
    for (const between of all.slice(Math.min(from, to), Math.max(from, to) + 1)) between.checked = box.checked;
  }
  last = row(box);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-choose-page]")) {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  // One that is no longer meant: then not all are.
  if (event.target.matches(`${CHOICE}, [data-choose-page]`) && !event.target.checked && whole()) {
    whole().checked = false;
  }
  if (event.target === whole()) {
    for (const box of boxes()) box.checked = whole().checked;
  }
  if (event.target.matches(`${CHOICE}, [data-choose-page], #choose-all`)) show();
});

document.addEventListener("reset", (event) => {
  if (event.target.id === "chosen") setTimeout(show);
});

document.addEventListener("htmx:after:swap", () => {
  if (whole()?.checked) whole().checked = filters() === matching;
  for (const box of boxes()) box.checked = whole()?.checked || ticked.has(row(box));
  show();
});
addEventListener("pageshow", show);
show();
