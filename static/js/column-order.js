// Another order in the chooser of columns: a drag by the grip, or Alt with an arrow on the box.
import { send } from "./column-changes.js";
import { boxesOf, formOf } from "./column-choices.js";

// Places count among the shown columns. A search hides some of them.
const isWhole = (form) => !form.querySelector("#find-column").value;
const shown = (form) => boxesOf(form).filter((box) => box.checked);

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  // A step, not a place: another step may be under way.
  const step = { ArrowDown: "right", ArrowUp: "left" }[key];
  const form = step && event.altKey && target.name === "on" && formOf(target);
  if (!form || !target.checked || !isWhole(form)) return;
  event.preventDefault();
  send(form, `${step} ${target.value}`, true);
});

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
      if (over && name === "pointerup") send(form, `move ${box(line).value} ${shown(form).indexOf(box(over)) + 1}`);
    }, { signal: stop.signal });
  }
});
