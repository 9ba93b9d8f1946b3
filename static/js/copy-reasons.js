// "Copy reasons" copies the text of the page to which it leads. If that can't be copied, the page opens.
import { write } from "./clipboard.js";

document.addEventListener("click", async (event) => {
  const control = event.target.closest("[data-copy-reasons]");
  if (!control || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const response = await fetch(control.href || control.formAction, requested(control));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    await write(page.querySelector("[data-reasons]").value.trimEnd());
    said(control, "Copied");
  } catch {
    if (control.form) control.form.requestSubmit(again(control));
    else location.assign(control.href);
  }
});

const requested = (control) => (control.form ? { method: "POST", body: new FormData(control.form) } : {});

function again(button) {
  button.removeAttribute("data-copy-reasons");
  return button;
}

function said(control, words) {
  const label = control.querySelector("[data-label]");
  label.dataset.before ??= label.textContent;
  label.textContent = words;
  document.getElementById("announcer").textContent = words;
  setTimeout(() => {
    label.textContent = label.dataset.before;
  }, 2000);
}
