// Passkeys: a form with data-passkey asks the browser to make one or to show one, and sends what it answers. What the server
// asks for is in data-options, or at the address in data-options-url. Nothing of it shows where no passkey can work.
const isName = !/^[\d.]+$|^\[/.test(location.hostname);
const canWork = isName && Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

for (const part of document.querySelectorAll("[data-needs-passkeys]")) part.hidden = !canWork;
for (const note of document.querySelectorAll("[data-without-passkeys]")) note.hidden = canWork;

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.passkey === undefined) return;
  event.preventDefault();
  tell(form, "");
  try {
    const credential = await ceremonies[form.dataset.passkey](await optionsOf(form));
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    tell(form, WORDS[error.name] ?? `The passkey did not work (${error.name}). Try again.`);
  }
});

const ceremonies = {
  create(options) {
    // It is to sign in alone: kept by the device, and only after it has seen who holds it.
    const how = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
    const publicKey = { ...options, authenticatorSelection: { ...options.authenticatorSelection, ...how } };
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  },
  get(options) {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  },
};

const WORDS = {
  NotAllowedError: "Cancelled or timed out. Try again.",
  InvalidStateError: "This device already has a passkey for you.",
  Refused: "The server is down, or there were too many attempts. Try again in a minute.",
};

async function optionsOf(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options).publicKey;
  const response = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) throw new DOMException("", "Refused");
  return (await response.json()).request_options.publicKey;
}

function tell(form, words) {
  const place = form.querySelector("[data-passkey-trouble]");
  place.textContent = words;
  place.hidden = !words;
}
