// What a mark of a plot is, beside the pointer.
const tip = document.createElement("div");
tip.className = "plot-tip";
tip.hidden = true;
document.body.append(tip);

// Hides it where there is no text.
export function tipAt(event, text) {
  tip.hidden = !text;
  if (!text) return;
  const { clientX, clientY } = event;
  tip.textContent = text;
  tip.style.left = `${Math.max(Math.min(clientX + 12, innerWidth - tip.offsetWidth - 8), 8)}px`;
  tip.style.top = `${Math.min(clientY + 12, innerHeight - tip.offsetHeight - 8)}px`;
}
