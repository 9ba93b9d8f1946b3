// A link that became ready starts the file by itself; the address of one can be copied.
document.addEventListener("htmx:after:swap", () => {
  for (const link of document.querySelectorAll("a[data-download-now]")) {
    link.removeAttribute("data-download-now");
    location.assign(link.href);
  }
});

// A button of a list names its address once: for the form, which needs no scripts, and for htmx.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("button[formaction]")) ctx.request.action = ctx.sourceElement.getAttribute("formaction");
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  const text = await meant(button);
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    show(text, button.dataset.copyOf ? "Copy this text" : "Copy this address");
  }
});

// The button has the address or names the element with the text, or the form requests the address.
function meant(button) {
  const { copy, copyOf } = button.dataset;
  if (copy) return new URL(copy, location.href).href;
  if (!copyOf) return requested(button);
  const from = document.getElementById(copyOf);
  return from.value ?? from.textContent;
}

async function requested(button) {
  const form = button.closest("form");
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (response?.ok) return response.text();
  say(button, response?.status === 410 ? "Expired" : "Failed");
  return "";
}

function say(button, word) {
  const label = button.querySelector("[data-label]");
  label.dataset.before ??= label.textContent;
  label.textContent = word;
  document.getElementById("announcer").textContent = word;
  setTimeout(() => {
    label.textContent = label.dataset.before;
  }, 2000);
}

// Without a clipboard (plain http, permission refused): the text to copy by hand.
function show(text, title) {
  const dialog = document.getElementById("dialog");
  dialog.querySelector("[data-title]").textContent = title;
  dialog.querySelector("[data-body]").textContent = text;
  dialog.showModal();
  getSelection().selectAllChildren(dialog.querySelector("[data-body]"));
}
