// What the pages do beyond links and forms. Everything works without it.
"use strict";

document.documentElement.classList.remove("no-js");

// Copies the text of the block that a button stands in, and says so to everybody.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.closest(".copy").querySelector("pre").innerText;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = copyBySelection(text) ? "Copied" : "Press Ctrl+C";
  }
  button.textContent = said;
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2000);
});

// The clipboard is for pages with TLS or on this machine only; elsewhere a selection does it.
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "skip";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// "/" goes to the field for searches, as on other pages of its kind.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = document.querySelector("input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// A choice that is a form of its own is sent when it is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
