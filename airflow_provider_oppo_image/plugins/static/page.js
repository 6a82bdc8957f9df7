// Airflow's theme and time zone, copy buttons, and pictures that do not load. The page also works without this script.
"use strict";

function stored(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function airflowTheme() {
  try {
    const theme = window.parent !== window && window.parent.document.documentElement.className;
    if (/\b(dark|light)\b/.test(theme || "")) return RegExp.$1;
  } catch { /* framed by another site */ }
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
} catch { /* framed by another site */ }
window.addEventListener("storage", applyTheme);

function replaceUnloadable(image) {
  const text = document.querySelector("main").dataset.unreachable;
  const placeholder = document.createElement("span");
  placeholder.className = image.className + " placeholder";
  placeholder.textContent = text;
  image.replaceWith(placeholder);
}

// Registered before the page is loaded, since a picture may fail to load earlier.
document.addEventListener("error", ({ target }) => {
  if (target instanceof HTMLImageElement && !target.closest(".actual-pixels")) replaceUnloadable(target);
}, true);

function showActualPixels(image, text) {
  const { naturalWidth: width, naturalHeight: height } = image;
  image.style.width = `${width / window.devicePixelRatio}px`;
  const { width: checkedWidth, height: checkedHeight } = image.dataset;
  if (!checkedWidth || (Number(checkedWidth) === width && Number(checkedHeight) === height) || image.dataset.noted) return;
  image.dataset.noted = "yes";
  const note = document.createElement("p");
  note.className = "error";
  note.textContent = text.replace("{width}", width).replace("{height}", height);
  image.closest("details").append(note);
}

async function copy(button, copiedText) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The Clipboard API needs https; this older one does not.
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  const original = button.dataset.original ?? (button.dataset.original = button.textContent);
  button.textContent = copiedText;
  setTimeout(() => { button.textContent = original; }, 2000);
}

function localTimes() {
  const zone = stored("timezone");
  for (const time of document.querySelectorAll("time[datetime]")) {
    const options = { dateStyle: "medium", timeStyle: "medium" };
    try {
      time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { ...options, ...(zone && { timeZone: zone }) });
    } catch { /* unknown time zone: keep UTC */ }
  }
}

function phoneThemeButton(main) {
  const button = document.getElementById("phone-theme");
  if (!button) return;
  const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";
  const updateLabel = () => { button.textContent = button.dataset[main.dataset.phone ?? (isDark() ? "dark" : "light")]; };
  button.hidden = false;
  updateLabel();
  button.addEventListener("click", () => {
    main.dataset.phone = (main.dataset.phone ?? (isDark() ? "dark" : "light")) === "dark" ? "light" : "dark";
    updateLabel();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main");
  for (const image of document.images) {
    if (image.closest(".actual-pixels")) image.addEventListener("load", () => showActualPixels(image, main.dataset.replaced));
  }
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", () => copy(button, main.dataset.copied));
  }
  localTimes();
  phoneThemeButton(main);
});
