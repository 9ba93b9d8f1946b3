// Another order in the chooser of columns: a drag by the grip, or Alt with an arrow on the box.
import { boxesOf, formOf, send } from "./column-choices.js";

// Places count among the shown columns. A search hides some of them.
const isWhole = (form) => !form.querySelector("#find-column").value;
const shown = (form) => boxesOf(form).filter((box) => box.checked);

let moved = false; // from here: focus stays with the box
function move(form, box, to) {
  const boxes = shown(form);
  if (to < 0 || to >= boxes.length || boxes.indexOf(box) === to) return;
  moved = true;
  send(form, `move ${box.value} ${to + 1}`);
}

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  const form = step && event.altKey && target.name === "on" && formOf(target);
  if (!form || !target.checked || !isWhole(form)) return;
  event.preventDefault();
  move(form, target, shown(form).indexOf(target) + step);
});

// The change that the page waits for. Any other answer, such as one about the copy, leaves the boxes as they are ticked.
let awaited;
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.request.form?.id !== "columns-form") return;
  // Whatever moves a column, from here, a header or its menu, names its place.
  const place = /^(?:move|left|right) (\d+)/.exec(ctx.request.submitter?.value)?.[1];
  awaited = { ctx, place, isFocused: moved };
  moved = false;
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (awaited?.ctx === ctx) awaited = undefined;
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (awaited && awaited.ctx !== ctx) return;
  // A box that was ticked by hand keeps its tick, whatever the answer says.
  for (const box of document.querySelectorAll("[data-chooser] [name=on]")) box.checked = box.defaultChecked;
  if (!awaited?.place) return;
  const form = document.getElementById("columns-form");
  const boxes = form ? shown(form) : [];
  const to = boxes.findIndex(({ value }) => value === awaited.place);
  if (to < 0) return;
  if (awaited.isFocused) boxes[to].focus();
  announce(boxes[to], `place ${to + 1} of ${boxes.length}`);
});

// After the state of the table, which every change announces.
function announce(box, place) {
  const name = box.closest("li").querySelector("bdi").textContent;
  queueMicrotask(() => {
    document.getElementById("announcer").textContent = `${name} moved to ${place}`;
  });
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-chooser] .grip");
  const form = grip && formOf(grip);
  if (!form || event.button || !isWhole(form)) return;
  event.preventDefault(); // no text is selected
  const line = grip.closest("li");
  const stop = new AbortController();
  let over;
  const unmark = () => {
    for (const one of form.querySelectorAll("li")) one.classList.remove("is-dragged", "is-before", "is-after");
  };
  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    unmark();
    line.classList.add("is-dragged");
    const found = document.elementFromPoint(clientX, clientY)?.closest("li");
    over = found !== line && form.contains(found) && found.querySelector(":checked") ? found : undefined;
    if (!over) return;
    const isLater = line.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
    over.classList.add(isLater ? "is-after" : "is-before");
  }, { signal: stop.signal });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => {
      stop.abort();
      unmark();
      const box = (one) => one.querySelector("[name=on]");
      if (over && name === "pointerup") move(form, box(line), shown(form).indexOf(box(over)));
    }, { signal: stop.signal });
  }
});
