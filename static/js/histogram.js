// A drag over the bars of a number column filters by their range: in the header, and in the menu of a header.
import { follow } from "./follow.js";
import { inTurn } from "./in-turn.js";

const barAt = (chart, x) => {
  const { left, width } = chart.getBoundingClientRect();
  const place = Math.floor(((x - left) / width) * (chart.viewBox.baseVal.width / 10));
  return Math.min(Math.max(place, 0), chart.dataset.bounds.split(" ").length - 2);
};

document.addEventListener("pointerdown", (event) => {
  const chart = event.target.closest?.("[data-bounds]");
  if (!chart || event.button) return;
  const first = barAt(chart, event.clientX);
  let last = first;
  const stop = new AbortController();
  const { signal } = stop;
  event.preventDefault(); // no text is selected, no link is dragged
  document.addEventListener("pointermove", ({ clientX }) => {
    last = barAt(chart, clientX);
    mark(chart, first, last);
  }, { signal });
  document.addEventListener("pointercancel", () => {
    mark(chart, 0, -1);
    stop.abort();
  }, { signal });
  document.addEventListener("pointerup", () => {
    stop.abort();
    if (first === last) return; // a click on a bar
    const range = [Math.min(first, last), Math.max(first, last) + 1];
    inTurn(() => filter(chart, ...range));
  }, { signal });
});

function mark(chart, first, last) {
  [...chart.children].forEach((bar, place) => {
    bar.classList.toggle("is-in", place >= Math.min(first, last) && place <= Math.max(first, last));
  });
}

function filter(chart, low, high) {
  const bounds = chart.dataset.bounds.split(" ");
  const query = new URLSearchParams(location.search);
  const { column } = chart.dataset;
  // Another range of the column is replaced.
  const chip = [...document.querySelectorAll("[data-range]")].find(({ dataset }) => dataset.range === column);
  const change = chip ? [["do", "set"], ["at", chip.value]] : [["do", "add"]];
  for (const [name, value] of [...change, ["c", column], ["op", "from_to"], ["v", bounds[low]], ["v", bounds[high]]]) {
    query.append(name, value);
  }
  const panel = chart.closest("[popover]"); // of the form in which the bars are
  follow(`${location.pathname}filter/?${query}`, chart.isConnected ? chart : document.getElementById("rows").lastElementChild);
  panel?.hidePopover();
}
