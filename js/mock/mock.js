// Stands in for the kernel: fake models that answer the two widgets as Python does.
import panels from "../../trainlab/widgets/static/panels.js";
import run from "../../trainlab/widgets/static/run.js";
import { firstPanel, PANELS, HEADER, TABS } from "./specs.js";
import { Simulator } from "./simulator.js";

class Model {
  constructor(traits, answer) {
    this.traits = traits;
    this.answer = answer;
    this.listeners = {};
    this.sent = [];
  }
  get(name) {
    return this.traits[name];
  }
  set(name, value) {
    // A copy through JSON, as it comes over the wire.
    this.traits[name] = JSON.parse(JSON.stringify(value));
    for (const listener of this.listeners[`change:${name}`] ?? []) listener();
  }
  on(event, listener) {
    (this.listeners[event] ??= []).push(listener);
  }
  off(event, listener) {
    this.listeners[event] = this.listeners[event]?.filter(other => other !== listener);
  }
  send(message) {
    this.sent.push(message);
    setTimeout(() => this.answer(this, message), 20);
  }
  push(message, buffers) {
    for (const listener of this.listeners["msg:custom"] ?? []) listener(message, buffers);
  }
}

/** The section or field at a path such as "augmentations.1.degrees". */
function find(specs, path) {
  for (const spec of specs ?? []) {
    if (spec.path === path) return spec;
    const inner = find([...(spec.fields ?? []), ...(spec.items ?? []), ...(spec.section ? [spec.section] : [])], path);
    if (inner) return inner;
  }
  return null;
}

function setValue(panel, { path, value }) {
  if (path.endsWith(".kind")) {
    find(panel.sections, path.slice(0, -5)).kind = value;
    return;
  }
  const field = find(panel.sections, path);
  const number = ["number", "integer"].includes(field.type);
  field.error = null;
  if (number && typeof value !== "number" && !(field.nullable && value === null)) field.error = "must be a number";
  else if (number && value > field.max) field.error = `must be at most ${field.max}`;
  else if (number && value < field.min) field.error = `must be at least ${field.min}`;
  else field.value = value;
}

function editList(panel, message) {
  const path = message.type === "add" ? message.path : message.path.slice(0, message.path.lastIndexOf("."));
  const list = find(panel.sections, path);
  const at = Number(message.path.slice(path.length + 1));
  if (message.type === "add") {
    const option = list.options.find(({ kind }) => kind === message.kind);
    list.items.push({ label: option.label, kind: option.kind, options: null, fields: [], removable: true, movable: true });
  } else {
    const [item] = list.items.splice(at, 1);
    if (message.type === "move") list.items.splice(at + message.by, 0, item);
  }
  list.items.forEach((item, i) => (item.path = `${path}.${i}`));
}

function answerForm(model, message) {
  const panel = message.type === "open" ? PANELS[message.panel] : model.get("panel");
  if (message.type === "set") setValue(panel, message);
  if (["add", "remove", "move"].includes(message.type)) editList(panel, message);
  model.set("panel", panel);
}

const wanted = new URLSearchParams(location.search);
if (wanted.has("dark")) document.body.dataset.jpThemeLight = "false";
const forms = new Model({ words: {}, header: HEADER, tabs: TABS, panel: PANELS[wanted.get("panel")] ?? firstPanel }, answerForm);
const simulator = new Simulator((message, buffers) => live.push(message, buffers));
const live = new Model({ words: {} }, (_, message) => simulator.answer(message));
window.mock = { forms, live, simulator };

const place = document.querySelector("#place");
const box = (...names) => Object.assign(document.createElement("div"), { className: ["widget-box", ...names].join(" ") });
const alone = wanted.get("alone");
const [root, lab] = [box("tl-root"), box("tl-lab")];
place.append(alone ? lab : root);
if (alone) lab.className = "widget-box";
else root.append(lab);
for (const [name, widget, model] of [["panels", panels, forms], ["run", run, live]]) {
  if (alone && alone !== name) continue;
  const el = document.createElement("div");
  widget.render({ model, el });
  lab.append(el);
}
