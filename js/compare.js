// Two runs side by side: the settings that differ, and the curves they came to.
import { attr, h, text } from "./dom.js";
import { short } from "./values.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, BOTTOM, EDGE] = [420, 180, 44, 22, 8];
const COLUMNS = ["epoch", "trainLoss", "trainAccuracy", "valLoss", "valAccuracy"];
const CHARTS = [{ name: "Loss", lines: ["trainLoss", "valLoss"] }, { name: "Accuracy", lines: ["trainAccuracy", "valAccuracy"] }];

function svg(tag, props, ...children) {
  const el = document.createElementNS(SVG, tag);
  for (const name in props) el.setAttribute(name, props[name]);
  el.append(...children);
  return el;
}

/** A buffer of float32, column after column, as arrays by name. */
function table(buffer, rows) {
  const all = new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
  return Object.fromEntries(COLUMNS.map((name, i) => [name, all.subarray(i * rows, (i + 1) * rows)]));
}

/** Train is a thin line, validation a dashed one, as on the chart. */
function draw({ name, lines }, tables, _) {
  const every = tables.flatMap(each => lines.flatMap(key => [...each[key]])).filter(Number.isFinite);
  const [low, high] = every.length ? [Math.min(0, ...every), Math.max(...every) || 1] : [0, 1];
  const last = Math.max(1, ...tables.map(each => each.epoch.at(-1) ?? 0));
  const x = epoch => LEFT + ((WIDE - LEFT - EDGE) * epoch) / last;
  const y = value => HIGH - BOTTOM - ((HIGH - BOTTOM - EDGE) * (value - low)) / (high - low);
  const words = (at, value, label) => svg("text", { x: at, y: value }, label);
  const parts = [low, high].flatMap(value => [
    svg("line", { x1: LEFT, x2: WIDE - EDGE, y1: y(value), y2: y(value), class: "tl-compare-grid" }), words(2, y(value) + 4, short(value)),
  ]);
  parts.push(words(LEFT, HIGH - 4, "0"), words(WIDE - EDGE - 24, HIGH - 4, short(last)));
  tables.forEach((each, number) => lines.forEach((key, dashed) => {
    const points = [...each.epoch].map((epoch, i) => [epoch, each[key][i]]).filter(([, value]) => Number.isFinite(value));
    const place = points.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`);
    if (place.length === 1) place.push(place[0].replace(/,/, ".5,"));
    parts.push(svg("polyline", { points: place.join(" "), "data-run": number, "data-kind": dashed ? "validation" : "train" }));
  }));
  const el = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "tl-compare-chart", role: "img" }, ...parts);
  attr(el, "aria-label", `${_(name)}: ${_("train is thin, validation dashed")}`);
  return h("figure", null, h("figcaption", null, _(name)), el);
}

export function makeCompare(_) {
  const title = h("h3", { tabindex: -1 }, _("Compare"));
  const close = h("button", { type: "button", class: "tl-button tl-small", onclick: () => (el.hidden = true) }, _("Close"));
  const body = h("div", { class: "tl-compare-body" });
  const note = h("p", { class: "tl-runs-hint" });
  const el = h("section", { class: "tl-compare", hidden: true, "aria-label": _("Compare") }, h("div", { class: "tl-compare-head" }, title, close), body, note);

  function settings({ runs, settings: rows }) {
    const named = runs.map((run, i) => h("th", { scope: "col" }, h("span", { class: "tl-compare-key", "data-run": i, "aria-hidden": "true" }), run.name));
    const line = (label, values) => h("tr", null, h("th", { scope: "row" }, label), ...values.map(value => h("td", null, value)));
    return h("table", null,
      h("thead", null, h("tr", null, h("td"), ...named)),
      h("tbody", null,
        line(_("Best"), runs.map(run => (run.best == null ? "–" : run.best.toFixed(4)))), line(_("Epochs"), runs.map(run => String(run.epochs))),
        ...rows.map(({ path, values }) => line(path, values))));
  }

  return {
    el,
    update(message, buffers = []) {
      el.hidden = !message;
      if (!message) return;
      const tables = message.runs.map((run, i) => table(buffers[i], run.m));
      body.replaceChildren(h("div", { class: "tl-compare-settings" }, settings(message)), ...CHARTS.map(chart => draw(chart, tables, _)));
      text(note, message.settings.length ? "" : _("Their settings are the same."));
      title.focus();
    },
  };
}
