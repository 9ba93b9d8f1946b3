// Uploads: chosen or dropped files are sent a few at a time, each with its progress. The page asks before it is left
// meanwhile. Without scripts the same form sends them.
import { droppedFiles } from "./dropped-files.js";
import { HEADERS } from "./fragment.js";
import { inUnits, left, sizes } from "./upload-words.js";

const AT_ONCE = 3;
const MOST_BYTES = 100 * 2 ** 20; // datasources/uploads/checks
const HEAD_BYTES = 256 * 1024; // of it, the server can check as much before the rest is sent
const SHOWN_EVERY_MS = 250;
const waiting = [];
const checking = new Set();
let sending = 0;
let list; // the lines, which outlive the page's body: going back brings another one

const panel = () => document.querySelector("[data-uploads]");
// Where there are several keys: in the panel, or in the form. A file goes to the one that was chosen when it was started.
const chosenKey = () => document.querySelector("[data-uploads] [data-upload-key], [data-upload-form] [name=key]");
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

const headers = () => ({ ...HEADERS, "X-CSRFToken": token() });

function announce(words) {
  document.getElementById("announcer").textContent = words;
}

function add(files, refused = []) {
  const place = panel();
  const count = files.length + refused.length;
  if (!place || !count) return;
  place.hidden = false;
  list = place.querySelector("[data-lines]");
  for (const file of files) {
    const upload = listed(file, place);
    if (file.size > MOST_BYTES) fail(upload, "The file has more than 100 MB, the most that Claro accepts.");
    else if (file.size > HEAD_BYTES) check(upload);
    else waiting.push(upload);
  }
  for (const { name, why } of refused) fail(listed({ name }, place), why);
  if (files.length) announce(`${files.length} ${files.length === 1 ? "file" : "files"} to upload.`);
  if (!chosenKey()) {
    start();
    return;
  }
  for (const { line } of waiting) state(line, "Waits for you: choose the key, then press Upload.");
  place.scrollIntoView({ block: "nearest" });
}

// The file with a line of its own in the panel.
function listed(file, place) {
  const line = place.querySelector("template").content.firstElementChild.cloneNode(true);
  line.querySelector("[data-name]").textContent = file.name;
  line.querySelector("[data-state]").before(bar(file.name));
  for (const button of line.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent.trim()}: ${file.name}`);
  }
  list.append(line);
  const upload = { file, line, key: undefined, to: place.dataset.uploads };
  line.querySelector("[data-upload-cancel]").addEventListener("click", () => cancel(upload));
  line.querySelector("[data-upload-retry]").addEventListener("click", () => {
    line.querySelector("[data-upload-retry]").hidden = true;
    waiting.push(upload);
    next();
  });
  return upload;
}

// A large file that breaks a rule is not sent. If the check fails, the file is: the server repeats it.
async function check(upload) {
  const { file, line } = upload;
  const form = new FormData();
  form.append("file", file.slice(0, HEAD_BYTES), file.name);
  form.append("size", file.size);
  state(line, "Checking");
  checking.add(upload);
  try {
    const answer = await fetch(panel().dataset.checks, { method: "POST", body: form, headers: headers(), redirect: "error" });
    const found = document.createElement("template");
    if (answer.ok) found.innerHTML = await answer.text();
    const problem = found.content.querySelector("[data-problem]");
    if (problem) {
      fail(upload, problem.textContent);
      return;
    }
    line.querySelector("[data-state]").after(found.content);
  } catch {
    // Sent all the same.
  } finally {
    checking.delete(upload);
  }
  if (upload.isCancelled) return;
  state(line, upload.key === undefined && chosenKey() ? "Waits for you: choose the key, then press Upload." : "Waiting");
  waiting.push(upload);
  next();
}

function bar(label) {
  const progress = document.createElement("progress");
  progress.className = "progress";
  progress.max = 1;
  progress.value = 0;
  progress.setAttribute("aria-label", label);
  return progress;
}

function next() {
  while (sending < AT_ONCE) {
    const place = waiting.findIndex(({ key }) => key !== undefined);
    if (place < 0) return;
    send(...waiting.splice(place, 1));
  }
}

function start() {
  for (const upload of [...checking, ...waiting]) upload.key ??= chosenKey()?.value ?? "";
  for (const { line } of waiting) state(line, "Waiting");
  next();
}

function send(upload) {
  const { file, line, key, to } = upload;
  const form = new FormData();
  form.append("csrfmiddlewaretoken", token());
  form.append("key", key);
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  upload.request = request;
  request.open("POST", to);
  for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
  const show = progress(upload);
  request.upload.addEventListener("progress", show);
  request.upload.addEventListener("load", () => {
    upload.hasArrived = true;
    state(line, "Arrived. The server checks and stores it.");
  });
  request.addEventListener("load", () => answered(upload));
  request.addEventListener("error", () => fail(upload, "The connection broke.", true));
  request.addEventListener("loadend", () => {
    sending -= 1;
    upload.request = undefined;
    next();
  });
  sending += 1;
  upload.hasArrived = false;
  offer(upload, "Cancel");
  state(line, "Starts");
  request.send(form);
}

// Speed is that of the last seconds. Screen readers hear of the half of a long upload, and of its end.
function progress({ file, line }) {
  const began = performance.now();
  let shown = 0;
  let speed = 0;
  let before = { at: began, loaded: 0 };
  let isHalfSaid = false;
  return ({ loaded, total }) => {
    const now = performance.now();
    if (now - shown < SHOWN_EVERY_MS && loaded < total) return;
    const latest = ((loaded - before.loaded) / Math.max(now - before.at, 1)) * 1000;
    speed = speed ? 0.7 * speed + 0.3 * latest : latest;
    before = { at: now, loaded };
    shown = now;
    line.querySelector("progress").value = loaded / total;
    state(line, `${sizes(loaded, total)} · ${inUnits(speed)}/s · ${left((total - loaded) / speed)}`);
    if (!isHalfSaid && loaded >= total / 2 && now - began > 5000) {
      isHalfSaid = true;
      announce(`${file.name}: half sent.`);
    }
  };
}

function answered(upload) {
  const { file, line, request, to } = upload;
  // A redirect leads to the sign-in.
  const isAnswer = request.status === 200 && request.responseURL === new URL(to, location.href).href;
  if (!isAnswer) {
    const why = { 403: "You may not upload, or the page is too old. Reload it.", 422: "You may no longer use this key. Reload the page.", 503: "The dashboard is busy." };
    const words = request.status === 200 ? "Sign in again." : why[request.status];
    fail(upload, words ?? `The dashboard answered with an error (${request.status}).`, true);
    return;
  }
  const answer = document.createElement("template");
  answer.innerHTML = request.responseText;
  if (answer.content.querySelector("[data-may-pass]")) {
    fail(upload, answer.content.querySelector("[data-said] bdi").textContent, true);
    return;
  }
  const told = answer.content.querySelectorAll("[data-said], [data-warning]");
  const words = [...told].map(({ textContent }) => textContent.replace(/\s+/g, " ").trim()).join(" ");
  line.replaceWith(...answer.content.children);
  announce(`${file.name}: ${words}`);
}

// There is nothing to cancel any more: the line goes away by "Remove".
function fail({ file, line }, why, mayRetry = false) {
  state(line, `Not uploaded. ${why}`);
  offer({ file, line }, "Remove");
  line.querySelector("[data-upload-retry]").hidden = !mayRetry;
  announce(`${file.name}: not uploaded. ${why}`);
}

function offer({ file, line }, word) {
  line.querySelector("progress").hidden = word !== "Cancel";
  line.querySelector("[data-word]").textContent = word;
  line.querySelector("[data-upload-cancel]").setAttribute("aria-label", `${word}: ${file.name}`);
}

function cancel(upload) {
  if (upload.request && upload.hasArrived) {
    state(upload.line, "It has arrived. Cancel it in the queue once it is stored.");
    announce(`${upload.file.name}: it has arrived. Cancel it in the queue once it is stored.`);
    return;
  }
  upload.isCancelled = true;
  upload.request?.abort();
  const place = waiting.indexOf(upload);
  if (place >= 0) waiting.splice(place, 1);
  upload.line.remove();
}

function state(line, words) {
  line.querySelector("[data-state]").textContent = words;
}

const isBusy = () => Boolean(sending || waiting.length || checking.size);

addEventListener("beforeunload", (event) => {
  if (isBusy()) event.preventDefault();
});
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-start]")) start();
});
document.addEventListener("submit", (event) => {
  // All files that were chosen are in the panel: a form without any would only say that there is none.
  if (!event.target.matches("[data-upload-form]") || !list?.childElementCount) return;
  event.preventDefault();
  if (isBusy()) start();
  else announce("No file is left to upload. Choose more files.");
});
document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-upload-files]") || !panel()) return;
  add([...target.files]);
  target.value = "";
});

for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!panel() || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (name === "drop") droppedFiles(event.dataTransfer).then(({ files, refused }) => add(files, refused));
  });
}

// Going back brings the body as it was; files are sent all the same.
document.addEventListener("htmx:after:swap", () => {
  if (!list || list.isConnected || !panel()) return;
  panel().querySelector("[data-lines]").replaceWith(list);
  panel().hidden = !list.children.length;
});
