// Airflow's theme and time zone, copying, and pictures that a browser cannot load. The page is whole without it.
"use strict";

function stored(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function airflowTheme() {
  try {
    const shown = window.parent !== window && window.parent.document.documentElement.className;
    if (/\b(dark|light)\b/.test(shown || "")) return RegExp.$1;
  } catch { /* framed by somebody else */ }
  const chosen = stored("theme");
  return chosen === "dark" || chosen === "light" ? chosen : null;
}

function applyTheme() {
  const theme = airflowTheme();
  if (theme) document.documentElement.dataset.theme = theme;
}

applyTheme();
try {
  new MutationObserver(applyTheme).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
} catch { /* framed by somebody else */ }
window.addEventListener("storage", applyTheme);

function replaceLost(image) {
  const words = document.querySelector("main").dataset.unreachable;
  const hole = document.createElement("span");
  hole.className = image.className + " hole";
  hole.textContent = words;
  image.replaceWith(hole);
}

// From the first one on: a picture may be lost before the rest of the page is there.
document.addEventListener("error", ({ target }) => {
  if (target instanceof HTMLImageElement && !target.closest(".true")) replaceLost(target);
}, true);

function showPixels(image, words) {
  const { naturalWidth: width, naturalHeight: height } = image;
  image.style.width = `${width / window.devicePixelRatio}px`;
  const { width: was, height: wasHigh } = image.dataset;
  if (!was || (Number(was) === width && Number(wasHigh) === height) || image.dataset.told) return;
  image.dataset.told = "yes";
  const note = document.createElement("p");
  note.className = "no";
  note.textContent = words.replace("{width}", width).replace("{height}", height);
  image.closest("details").append(note);
}

async function copy(button, words) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard but this one.
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  const before = button.dataset.before ?? (button.dataset.before = button.textContent);
  button.textContent = words;
  setTimeout(() => { button.textContent = before; }, 2000);
}

function localTimes() {
  const zone = stored("timezone");
  for (const time of document.querySelectorAll("time[datetime]")) {
    const options = { dateStyle: "medium", timeStyle: "medium" };
    try {
      time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { ...options, ...(zone && { timeZone: zone }) });
    } catch { /* a zone that this browser does not know: it stays in UTC */ }
  }
}

function phoneSwitch(main) {
  const button = document.getElementById("phone");
  if (!button) return;
  const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";
  const name = () => { button.textContent = button.dataset[main.dataset.phone ?? (isDark() ? "dark" : "light")]; };
  button.hidden = false;
  name();
  button.addEventListener("click", () => {
    main.dataset.phone = (main.dataset.phone ?? (isDark() ? "dark" : "light")) === "dark" ? "light" : "dark";
    name();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main");
  for (const image of document.images) {
    if (image.closest(".true")) image.addEventListener("load", () => showPixels(image, main.dataset.changed));
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", () => copy(button, main.dataset.copied));
  }
  localTimes();
  phoneSwitch(main);
});
