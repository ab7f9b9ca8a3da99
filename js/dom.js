// The few DOM helpers both widgets share.

/** Creates an element; `on…` properties are listeners, everything else is an attribute. */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else attr(el, name, value);
  }
  el.append(...children.filter(child => child != null));
  return el;
}

/** Sets an attribute, or removes it when `value` is null or false (ARIA states keep their "false"). */
export function attr(el, name, value) {
  const keep = value != null && (value !== false || name.startsWith("aria-"));
  if (!keep) el.removeAttribute(name);
  else if (el.getAttribute(name) !== String(value)) el.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
}

/** Writes text only when it changed, so that selections and screen readers are left in peace. */
export function text(el, value) {
  if (el.textContent !== (value ?? "")) el.textContent = value ?? "";
}

/** Shows an optional line of text: an empty one takes no room. */
export function line(el, value) {
  text(el, value);
  el.hidden = !value;
}

const place = (parent, el, at) =>
  el.parentNode === parent && parent.moveBefore ? parent.moveBefore(el, at) : parent.insertBefore(el, at);

/**
 * Keeps one component an item under `parent`. A component is `{el, update(item)}`; it is kept by key,
 * and moved only when out of place, because a moved node loses focus and caret in older browsers.
 * They stand behind `before`, or first.
 */
export function keyed(parent, keyOf, make, before = null) {
  let held = new Map();
  return items => {
    const wanted = new Map(items.map(item => [keyOf(item), item]));
    for (const [key, part] of held) if (!wanted.has(key)) part.el.remove();
    let at = before ? before.nextSibling : parent.firstChild;
    const next = new Map();
    for (const [key, item] of wanted) {
      const part = held.get(key) ?? make(item);
      part.update(item);
      next.set(key, part);
      if (part.el === at) at = at.nextSibling;
      else place(parent, part.el, at);
    }
    held = next;
  };
}

/** Calls `send` at most every `ms`; the newest value always gets through. */
export function throttle(send, ms) {
  let timer = 0;
  let waiting = null;
  const fire = () => {
    timer = 0;
    if (waiting) {
      send(...waiting);
      waiting = null;
      timer = setTimeout(fire, ms);
    }
  };
  return {
    push(...args) {
      waiting = args;
      if (!timer) fire();
    },
    cancel() {
      waiting = null;
    },
  };
}

const ICONS = {
  start: "M5 3.2v9.6l8-4.8z",
  pause: "M4.5 3h2.5v10H4.5zM9 3h2.5v10H9z",
  resume: "M3 3h2v10H3zM6.5 3.2v9.6l7.5-4.8z",
  step: "M3.5 3.2v9.6l6.5-4.8zM10.5 3h2v10h-2z",
  stop: "M4 4h8v8H4z",
  save: "M3 2h8l2 2v10H3zM5 3v3.5h5V3zM5 9v4h6V9z",
  edit: "M8 2l5 6-5 6-5-6z",
  checkpoint: "M8 3.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z",
  reset: "M8 3a5 5 0 1 0 5 5h-1.6A3.4 3.4 0 1 1 8 4.6V7l4-3.2L8 .6z",
  up: "M8 4l4.5 5-1.1 1L8 6.2 4.6 10 3.5 9z",
  down: "M8 12L3.5 7l1.1-1L8 9.8 11.4 6l1.1 1z",
  remove: "M4 3l4 4 4-4 1 1-4 4 4 4-1 1-4-4-4 4-1-1 4-4-4-4z",
  revert: "M6.5 2.5L2.5 6l4 3.5V7.2h3a2.3 2.3 0 0 1 0 4.6H6V13.4h3.5a3.9 3.9 0 0 0 0-7.8h-3z",
  share: "M8 1l3.5 3.6-1 1L8.7 3.8V10H7.3V3.8L5.5 5.6l-1-1zM3 8h1.5v5.5h7V8H13v7H3z",
  code: "M5.5 4L1.5 8l4 4 1.1-1.1L3.7 8l2.9-2.9zM10.5 4L9.4 5.1 12.3 8l-2.9 2.9 1.1 1.1 4-4z",
  pin: "M5 1.5h6v1.3l-1 .9v3.6l2 2v1.4H8.7V15H7.3v-4.3H4V9.3l2-2V3.7l-1-.9z",
  pass: "M6.4 12.6L2 8.2l1.3-1.3 3.1 3.1 6.3-6.3L14 5z",
  warn: "M8 1.5l7 12.5H1zM7.2 6v4.2h1.6V6zM7.2 11.2v1.6h1.6v-1.6z",
  fail: "M4 2.6l4 4 4-4L13.4 4l-4 4 4 4-1.4 1.4-4-4-4 4L2.6 12l4-4-4-4z",
  skip: "M3 7.1h10v1.8H3z",
  mark: "M1.5 2h1.6v2.2c1.2 6 4.2 8.3 11.4 8.3v1.5H1.5z",
};

/** An inline icon, hidden from screen readers: the text beside it is the name. */
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const path = document.createElementNS(ns, "path");
  for (const [key, value] of [["viewBox", "0 0 16 16"], ["class", "tl-icon"], ["aria-hidden", "true"], ["focusable", "false"]])
    svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Translates through the widget's `words`: English is the key and the fallback. */
export function translator(model) {
  return key => (model.get("words") ?? {})[key] ?? key;
}

/** Subscribes to a model's events, and returns how to leave. */
export function listen(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}

/**
 * Marks a widget's root, and keeps JupyterLab's shortcuts out of its controls, all but the one that saves.
 * JupyterLab looks for the attribute while the event is still on its way down, so this has to be earlier.
 */
export function adopt(el, ...classes) {
  el.classList.add(...classes);
  const look = event => {
    const saves = (event.ctrlKey || event.metaKey) && event.key?.toLowerCase() === "s";
    if (saves) delete el.dataset.lmSuppressShortcuts;
    else el.dataset.lmSuppressShortcuts = "true";
  };
  window.addEventListener("keydown", look, true);
  return () => window.removeEventListener("keydown", look, true);
}

/** Keeps the class `tl-dark` on `el` as its computed background says, and reports changes. */
export function watchTheme(el, changed = () => {}) {
  let dark = null;
  const look = () => {
    const [r, g, b] = (getComputedStyle(el).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
    const now = 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
    if (now === dark) return;
    dark = now;
    el.classList.toggle("tl-dark", dark);
    changed(dark);
  };
  const observer = new MutationObserver(() => requestAnimationFrame(look));
  const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class", "style"];
  for (const node of [document.body, document.documentElement]) observer.observe(node, { attributes: true, attributeFilter });
  // A theme's style sheet may arrive after its attribute, and a view is rendered before it is attached.
  const timer = setInterval(look, 1000);
  requestAnimationFrame(look);
  return () => {
    observer.disconnect();
    clearInterval(timer);
  };
}
