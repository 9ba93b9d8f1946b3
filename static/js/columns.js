// The profile of a column opens in a dialog. Without this its link leads to a page of its own.
import { HEADERS } from "./fragment.js";
import { follow } from "./follow.js";
import { inTurn } from "./in-turn.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-panel]");
  const dialog = document.getElementById("column-panel");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation(); // htmx would follow it
  open(dialog, link);
}, { capture: true });

// htmx boosts no links of SVG.
document.addEventListener("click", (event) => {
  const bar = event.target.closest(".head-chart a");
  if (!bar || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const chart = bar.closest("svg");
  const place = [...chart.children].indexOf(bar);
  const found = again(chart);
  inTurn(() => {
    const now = found();
    const { href } = now?.children[place] ?? {};
    if (href) follow(href.baseVal, now);
  });
  chart.closest("[popover]")?.hidePopover();
});

// The bars of the same column in another table.
function again(chart) {
  const cell = chart.closest("#rows .heads td");
  if (!cell) return () => chart;
  const { place } = cell.closest("table").rows[0].cells[cell.cellIndex].dataset;
  return () => {
    const head = document.querySelector(`#rows th[data-place="${place}"]`);
    return head?.closest("table").querySelector(`.heads td:nth-child(${head.cellIndex + 1}) .head-chart`);
  };
}

// The rows of a link appear in the table behind the dialog.
document.addEventListener("click", (event) => {
  event.target.closest("#column-panel a")?.closest("dialog").close();
});

async function open(dialog, link) {
  const title = dialog.querySelector("[data-title]");
  const body = dialog.querySelector("[data-body]");
  title.textContent = link.dataset.panel;
  dialog.dataset.at = link.href;
  body.textContent = "Loading…";
  dialog.showModal();
  const html = await profile(link.href);
  // Another column may have been opened meanwhile.
  if (!dialog.open || dialog.dataset.at !== link.href) return;
  body.innerHTML = html;
  htmx.process(body);
}

async function profile(address) {
  try {
    const response = await fetch(address, { headers: HEADERS });
    if (!response.ok) throw new Error(response.status);
    return await response.text();
  } catch {
    return "Loading failed. Close the profile and open it again.";
  }
}
