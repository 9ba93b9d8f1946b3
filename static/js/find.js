// A search box over a list of buttons: those that hold all words stay, Enter presses the first, arrows move between them.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const choices = (box) => [...document.getElementById(box.dataset.find).querySelectorAll("button, a, input")];
const line = (choice) => choice.closest("li, label") ?? choice;
const shown = (box) => choices(box).filter((choice) => !line(choice).hidden && !choice.disabled);

document.addEventListener("input", ({ target }) => {
  const box = target.closest("[data-find]");
  if (!box) return;
  const words = plain(box.value).split(/\s+/).filter(Boolean);
  for (const choice of choices(box)) {
    const text = plain(line(choice).textContent);
    line(choice).hidden = !words.every((word) => text.includes(word));
  }
});

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[data-find]");
  if (box && !event.isComposing && event.key === "Enter") {
    event.preventDefault(); // the form is not sent without a choice
    shown(box)[0]?.click();
  } else if (box && event.key === "ArrowDown") {
    event.preventDefault();
    shown(box)[0]?.focus();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key)) {
    moveFrom(event);
  }
});

function moveFrom(event) {
  const list = event.target.closest?.("[data-choices]");
  const box = list && document.querySelector(`[data-find="${list.id}"]`);
  if (!box) return;
  const found = shown(box);
  const next = found.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  (found[next] ?? (next < 0 ? box : found.at(-1)))?.focus();
}
