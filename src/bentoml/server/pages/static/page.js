"use strict";

const LONGEST_SUMMARY = 120;

// Runs before the page is painted, so that dark mode does not flash white. Swagger UI goes dark by a class.
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function followColorScheme() {
  document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
}

followColorScheme();
prefersDark.addEventListener("change", followColorScheme);

// "Try it out" must reach the service when a proxy serves it below a path prefix.
async function loadDocument() {
  const answer = await fetch("docs.json");
  if (!answer.ok) {
    throw new Error(`docs.json answered ${answer.status}`);
  }
  const openapi = await answer.json();
  const prefix = new URL(".", window.location.href).pathname;
  if (prefix !== "/" && !openapi.servers) {
    openapi.servers = [{ url: prefix.replace(/\/$/, "") }];
  }
  summarize(openapi);
  return openapi;
}

// The first line of its description stands beside the path of an operation that is folded up.
function summarize(openapi) {
  for (const methods of Object.values(openapi.paths ?? {})) {
    for (const operation of Object.values(methods ?? {})) {
      const line = String(operation?.description ?? "").trim().split("\n")[0];
      if (line && line.length <= LONGEST_SUMMARY && !operation.summary) {
        operation.summary = line;
      }
    }
  }
}

// A document that is odd enough to fail here may still make sense to Swagger UI.
function showCallsOf(openapi) {
  try {
    showCalls(document.getElementById("calls"), openapi);
  } catch (error) {
    console.warn("No command lines can be made of docs.json:", error);
  }
}

async function showSwagger() {
  const target = document.getElementById("swagger-ui");
  try {
    const openapi = await loadDocument();
    showCallsOf(openapi);
    window.SwaggerUIBundle({
      spec: openapi,
      domNode: target,
      deepLinking: true,
      displayRequestDuration: true,
      // What people come for is above what machines ask.
      tagsSorter: (one, other) => (one === "infra") - (other === "infra"),
      tryItOutEnabled: true,
      validatorUrl: null,
    });
  } catch (error) {
    target.className = "note";
    target.textContent = `The description of the service could not be shown: ${error.message}`;
  }
}

function selectTab(tabs, selected, focus) {
  for (const tab of tabs) {
    const isSelected = tab === selected;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isSelected;
  }
  if (focus) {
    selected.focus();
  }
}

function neighbour(tabs, tab, key) {
  const index = tabs.indexOf(tab);
  switch (key) {
    case "ArrowRight":
      return tabs[(index + 1) % tabs.length];
    case "ArrowLeft":
      return tabs[(index + tabs.length - 1) % tabs.length];
    case "Home":
      return tabs[0];
    case "End":
      return tabs[tabs.length - 1];
    default:
      return undefined;
  }
}

function bindTabs() {
  const tabs = Array.from(document.querySelectorAll("[role=tab]"));
  const readme = tabs.find((tab) => tab.id === "tab-readme");
  if (!readme) {
    return;
  }
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      selectTab(tabs, tab, false);
      // A link to the ReadMe can be shared; Swagger UI uses the other fragments for itself.
      const address = window.location.pathname + window.location.search;
      window.history.replaceState(null, "", tab === readme ? "#readme" : address);
    });
    tab.addEventListener("keydown", (event) => {
      const next = neighbour(tabs, tab, event.key);
      if (next) {
        event.preventDefault();
        selectTab(tabs, next, true);
      }
    });
  }
  if (window.location.hash === "#readme") {
    selectTab(tabs, readme, false);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  bindTabs();
  showSwagger();
});
