// One row a field: label, control, reset button, help and error. Rows live as long as their path does.
import { attr, h, icon, line, text, throttle } from "./dom.js";
import { nearest, parse, same, show, sliderStops } from "./values.js";

const SETTLE_MS = 400;
const STREAM_MS = 100;
const LONGEST_HINT = 8;

/** What an empty box stands for, inside it: the help where that is a word, such as "none". */
const isHint = spec => spec.nullable && spec.help.length <= LONGEST_HINT;
const hint = (spec, _) => (!spec.nullable ? null : isHint(spec) && spec.help ? spec.help : _("auto"));

/** A text box that keeps what was typed while it is being typed, and when Python refuses it. */
function typed(commit, props) {
  let dirty = false;
  let painted = false;
  let latest = null;
  const el = h("input", {
    type: "text", autocomplete: "off", spellcheck: "false", ...props,
    oninput: () => (dirty = true),
    onchange: settle,
    // JupyterLab keeps the browser from making a change of Enter.
    onkeydown: event => event.key === "Enter" && settle(),
    // Text typed back to what it was is no change: the box is left as it would be without it.
    onblur: () => {
      if (!dirty) return;
      dirty = false;
      if (latest) paint(...latest);
    },
  });
  function settle() {
    if (!dirty) return;
    dirty = false;
    commit(el.value);
  }
  function paint(value, refused) {
    latest = [value, refused];
    if (dirty || (refused && painted)) return;
    if (el.value !== value) el.value = value;
    painted = true;
  }
  return { el, show: paint };
}

function slider(send, box) {
  let stops = [];
  let dragging = false;
  const stream = throttle(send, STREAM_MS);
  const paint = () => {
    attr(el, "aria-valuetext", show(stops[el.value]));
    el.style.setProperty("--fill", `${(100 * el.value) / Math.max(1, stops.length - 1)}%`);
  };
  const el = h("input", {
    type: "range", class: "tl-slider", step: 1, min: 0,
    oninput: () => {
      dragging = true;
      paint();
      box.show(show(stops[el.value]), false);
      stream.push(stops[el.value]);
    },
    onchange: () => {
      dragging = false;
      stream.cancel();
      send(stops[el.value]);
    },
  });
  return {
    el,
    busy: () => dragging,
    update(spec) {
      stops = sliderStops(spec) ?? [];
      el.hidden = !stops.length;
      attr(el, "max", Math.max(0, stops.length - 1));
      attr(el, "aria-label", spec.label);
      el.value = nearest(stops, spec.value);
      paint();
    },
  };
}

function numberControl(send, id, _) {
  let nullable = false;
  const box = typed(value => send(parse(value, nullable)), { id, class: "tl-number", inputmode: "decimal" });
  const range = slider(send, box);
  const unit = h("span", { class: "tl-unit" });
  return {
    el: h("div", { class: "tl-control" }, range.el, box.el, unit),
    inputs: [box.el, range.el],
    update(spec) {
      nullable = spec.nullable;
      line(unit, spec.unit);
      attr(box.el, "placeholder", hint(spec, _));
      if (range.busy()) return;
      range.update(spec);
      box.show(show(spec.value), spec.error);
    },
  };
}

function numbersControl(send) {
  let boxes = [];
  let nullable = false;
  const el = h("div", { class: "tl-control", role: "group" });
  const commit = () => send(boxes.map(box => parse(box.el.value, nullable)));
  const control = {
    el,
    inputs: [],
    update(spec) {
      const values = Array.isArray(spec.value) ? spec.value : spec.default ?? [];
      nullable = spec.nullable;
      attr(el, "aria-label", spec.label);
      if (boxes.length !== values.length) {
        boxes = values.map((_, i) => typed(commit, { class: "tl-number", inputmode: "decimal", "aria-label": `${spec.label} ${i + 1}` }));
        control.inputs = boxes.map(box => box.el);
        el.replaceChildren(...control.inputs);
      }
      boxes.forEach((box, i) => box.show(show(values[i]), spec.error));
    },
  };
  return control;
}

function textControl(send, id, _) {
  let nullable = false;
  const box = typed(value => send(value === "" && nullable ? null : value), { id, class: "tl-text" });
  return {
    el: h("div", { class: "tl-control" }, box.el),
    inputs: [box.el],
    update(spec) {
      nullable = spec.nullable;
      attr(box.el, "placeholder", hint(spec, _));
      box.show(show(spec.value), spec.error);
    },
  };
}

function booleanControl(send, id) {
  const box = h("input", { type: "checkbox", id, class: "tl-switch", onchange: () => send(box.checked) });
  return { el: h("div", { class: "tl-control" }, box), inputs: [box], update: spec => (box.checked = Boolean(spec.value)) };
}

/** A drop-down over any JSON values; also what chooses the kind of a section. */
export function select(send, props) {
  let options = [];
  const el = h("select", { class: "tl-select", ...props, onchange: () => send(options[el.selectedIndex].value) });
  return {
    el,
    update(next, value) {
      if (!same(next, options)) {
        options = next;
        el.replaceChildren(...options.map(option => h("option", { value: show(option.value) }, option.label)));
      }
      const index = options.findIndex(option => same(option.value, value));
      if (el.selectedIndex !== index) el.selectedIndex = index;
    },
  };
}

function choiceControl(send, id) {
  const box = select(send, { id });
  return { el: h("div", { class: "tl-control" }, box.el), inputs: [box.el], update: spec => box.update(spec.options, spec.value) };
}

const CONTROLS = {
  number: numberControl, integer: numberControl, numbers: numbersControl,
  text: textControl, boolean: booleanControl, choice: choiceControl,
};

/**
 * Holds back incoming values for a moment after the user's own change: answers to earlier changes are
 * still on their way and would make the control jump back.
 */
function settling(send, paint) {
  let sent;
  let until = 0;
  let timer = 0;
  return {
    send(value) {
      sent = value;
      until = performance.now() + SETTLE_MS;
      send(value);
    },
    receive(spec) {
      clearTimeout(timer);
      const wait = until - performance.now();
      if (wait > 0 && !spec.error && !same(spec.value, sent)) timer = setTimeout(() => paint(spec), wait);
      else paint(spec);
    },
  };
}

export function makeField(first, ctx) {
  const id = ctx.id(first.path);
  let latest = first;
  const gate = settling(value => ctx.send({ type: "set", path: latest.path, value }), spec => control.update(spec));
  const control = CONTROLS[first.type](gate.send, id, ctx._);
  const label = h("label", { for: first.type === "numbers" ? null : id }, "");
  const help = h("div", { class: "tl-help", id: `${id}-help` });
  const error = h("div", { class: "tl-error", id: `${id}-error` });
  const was = h("div", { class: "tl-was", id: `${id}-was` });
  const revert = h("button", {
    type: "button", class: "tl-revert",
    onclick: () => {
      gate.send(latest.default);
      control.update({ ...latest, value: latest.default, error: null });
      control.inputs[0].focus();
    },
  }, icon("revert"));
  const el = h("div", { class: "tl-field", "data-path": first.path }, h("div", { class: "tl-label" }, label), control.el, revert, help, was, error);

  return {
    el,
    update(spec) {
      latest = spec;
      gate.receive(spec);
      text(label, spec.label);
      line(help, isHint(spec) ? "" : spec.help);
      line(error, spec.error);
      line(was, spec.was);
      const changed = Boolean(spec.error) || !same(spec.value, spec.default);
      el.classList.toggle("tl-changed", changed);
      revert.hidden = !changed;
      const name = ctx._("Reset {name} to default").replace("{name}", spec.label);
      attr(revert, "aria-label", name);
      attr(revert, "title", name);
      for (const input of control.inputs) {
        attr(input, "aria-describedby", [!help.hidden && help.id, spec.was && was.id, spec.error && error.id].filter(Boolean).join(" ") || null);
        attr(input, "aria-invalid", spec.error ? true : null);
      }
    },
  };
}
