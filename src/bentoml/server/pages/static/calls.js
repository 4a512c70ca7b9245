"use strict";

// How to call each API from a terminal: a curl line, made from the OpenAPI document.

const CALLS_SHOWN_AT_ONCE = 3;
const LONGEST_EXAMPLE = 2000;
const SAMPLES = new Map([["integer", 1], ["number", 1.5], ["boolean", true], ["string", "text"]]);
const DEEPEST_SAMPLE = 3;
const MOST_PROPERTIES = 20;
const EXTENSIONS = new Map([["text/csv", "csv"], ["text/plain", "txt"]]);
// They change the order of what is shown, or cannot be seen; JSON may have them escaped.
const INVISIBLE = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function quoted(text) {
  return /^[\w@:/.,=%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function asJson(value) {
  const escape = (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(INVISIBLE, escape);
}

// Some value that a schema describes; what cannot be told is left out.
function sampleOf(schema, depth = 0) {
  if (schema?.example !== undefined) {
    return schema.example;
  }
  if (SAMPLES.has(schema?.type)) {
    return SAMPLES.get(schema.type);
  }
  const isDeep = depth >= DEEPEST_SAMPLE;
  if (schema?.type === "array") {
    return isDeep ? [] : [sampleOf(schema.items, depth + 1)];
  }
  const properties = isDeep ? [] : Object.entries(schema?.properties ?? {}).slice(0, MOST_PROPERTIES);
  return Object.fromEntries(properties.map(([name, value]) => [name, sampleOf(value, depth + 1)]));
}

function jsonArguments(type, media) {
  const value = media?.example ?? sampleOf(media?.schema);
  const body = asJson(value);
  // An empty object says that nothing is known; a long example says too much.
  const isShown = body !== "{}" && body.length <= LONGEST_EXAMPLE;
  return ["-H", `Content-Type: ${type}`, "-d", isShown ? body : "@input.json"];
}

function extensionOf(type) {
  return EXTENSIONS.get(type) ?? (type.replace(/^.*[/+*]/, "") || "bin");
}

function fileArguments(type, media) {
  const sent = type.includes("*") ? "application/octet-stream" : type;
  const example = media?.example;
  if (typeof example === "string" && example.length <= LONGEST_EXAMPLE && !example.startsWith("@")) {
    const text = example.replace(INVISIBLE, "").replaceAll("\0", "");
    return ["-H", `Content-Type: ${type.includes("*") ? "text/plain" : type}`, "--data-binary", text];
  }
  return ["-H", `Content-Type: ${sent}`, "--data-binary", `@input.${extensionOf(type)}`];
}

// A file for each field that is required, or for the first; its name says what it is, where the document does.
function formArguments(media) {
  const names = Object.keys(media?.schema?.properties ?? {});
  const required = names.filter((name) => media?.schema?.required?.includes?.(name));
  const used = required.length ? required : [names[0] ?? "file"];
  return used.flatMap((name) => {
    const type = Object.hasOwn(media?.encoding ?? {}, name) ? media.encoding[name]?.contentType : undefined;
    const extension = typeof type === "string" ? `.${extensionOf(type.split(",")[0].trim())}` : "";
    return ["-F", `${name}=@${used.length > 1 ? name : "input"}${extension}`];
  });
}

function bodyArguments(content) {
  const types = Object.keys(content ?? {});
  const json = types.find((type) => /[/+]json\b/.test(type));
  if (json) {
    return jsonArguments(json, content[json]);
  }
  const plain = types.find((type) => !type.startsWith("multipart/"));
  if (plain) {
    return fileArguments(plain, content[plain]);
  }
  return types.length ? formArguments(content[types[0]]) : ["-d", "{}"];
}

// Parts of the path that may be chosen, such as a model, each as the first choice. A route of an API may have braces of
// its own, which no parameter belongs to.
function withFirstChoices(path, parameters) {
  const choices = (parameters ?? []).filter((one) => one?.in === "path" && one.schema?.enum?.length);
  return choices.reduce((filled, one) => filled.replace(`{${one.name}}`, () => one.schema.enum[0]), path);
}

function curlLine(template, operation) {
  const path = withFirstChoices(template, operation.parameters);
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const url = new URL(`.${encoded}`, window.location.href).href;
  const token = operation.security?.length ? ["-H", "Authorization: Bearer TOKEN"] : [];
  const words = ["curl", ...token, ...bodyArguments(operation.requestBody?.content), url];
  return words.map(quoted).join(" ");
}

function copyButton(path, line) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.title = `Copy the command for ${path}`;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(line);
    button.textContent = "Copied";
    window.setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
  return button;
}

function callItem(path, operation) {
  const item = document.createElement("li");
  const name = document.createElement("h3");
  name.textContent = path;
  const code = document.createElement("code");
  code.textContent = curlLine(path, operation);
  const block = document.createElement("pre");
  block.append(code);
  item.append(name, block);
  // Browsers have a clipboard on https and on this machine only.
  if (navigator.clipboard) {
    item.append(copyButton(path, code.textContent));
  }
  return item;
}

function noteOf(text) {
  const note = document.createElement("p");
  note.textContent = text;
  return note;
}

function callList(items) {
  const list = document.createElement("ul");
  list.append(...items);
  return list;
}

// Fills the section with the lines of all APIs in an OpenAPI document; it stays hidden when there is none.
function showCalls(section, openapi) {
  const items = Object.entries(openapi.paths ?? {})
    .filter(([, methods]) => methods?.post && !methods.post.tags?.includes("infra"))
    .map(([path, methods]) => callItem(path, methods.post));
  if (!items.length) {
    return;
  }
  section.append(callList(items.slice(0, CALLS_SHOWN_AT_ONCE)));
  if (items.length > CALLS_SHOWN_AT_ONCE) {
    const rest = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = `${items.length - CALLS_SHOWN_AT_ONCE} more`;
    rest.append(summary, callList(items.slice(CALLS_SHOWN_AT_ONCE)));
    section.append(rest);
  }
  if (section.textContent.includes("@input.json")) {
    section.append(noteOf("input.json stands for a file with your input; an input adapter's http_input_example replaces it."));
  }
  if (items.some((item) => item.textContent.includes("Bearer TOKEN"))) {
    section.append(noteOf("TOKEN stands for a token that whoever runs this service gives you."));
  }
  section.hidden = false;
}
