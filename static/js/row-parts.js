// A large table comes in several bodies, and a browser shows the first at once. The others follow while it is idle.
const AHEAD = 2; // heights of the box below what is seen

export function showPart(body) {
  for (const one of body.parentElement.tBodies) {
    one.classList.add("is-shown");
    if (one === body) break;
  }
}

const next = (table) => [...table.tBodies].slice(1).find((body) => !body.matches(".is-shown"));

export function showParts(table) {
  const addressed = document.getElementById(location.hash.slice(1))?.closest("table.rows tbody");
  if (addressed && addressed !== table.tBodies[0]) {
    showPart(addressed);
    document.getElementById(location.hash.slice(1)).scrollIntoView();
  }
  const step = () => {
    const body = table.isConnected && next(table);
    if (!body) return;
    body.classList.add("is-shown");
    requestIdleCallback(step);
  };
  requestIdleCallback(step);
}

// A user is faster.
document.addEventListener("scroll", ({ target }) => {
  const table = target.matches?.(".rows-box") && target.querySelector("table.rows");
  const body = table && next(table);
  if (!body || target.scrollTop + (1 + AHEAD) * target.clientHeight < target.scrollHeight) return;
  body.classList.add("is-shown");
}, { capture: true, passive: true });
