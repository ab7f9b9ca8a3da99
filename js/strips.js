// Small drawings of the panel Inspect: curves on a log axis, chances over time, histograms, tiles of grey or colour.
import { attr, h } from "./dom.js";
import { short } from "./values.js";

const SVG = "http://www.w3.org/2000/svg";
const [HIGH, LEFT, RIGHT, TOP, BOTTOM] = [200, 52, 28, 8, 24];
const LABEL_HIGH = 12;
const LEAST = -7;
const COLOURS = 6;

export function s(tag, attributes, words) {
  const el = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
  if (words != null) el.textContent = words;
  return el;
}

/** The look of line `i`: a colour and dashes; after six of them the dashes move on. */
export const lineClass = i => `tl-line tl-line-${i % COLOURS} tl-dash-${(i + Math.floor(i / COLOURS)) % COLOURS}`;

/** A path through the points that are numbers. */
export function pathOf(values, x, y) {
  let pen = "M";
  let path = "";
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) return (pen = "M");
    path += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** The first, the last and some round steps between. */
function marks(low, high, most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, (high - low) / most)));
  const stride = Math.max(1, [1, 2, 5, 10].map(times => times * unit).find(size => (high - low) / size <= most) ?? 1);
  const found = [];
  for (let at = Math.ceil(low / stride) * stride; at <= high; at += stride) found.push(at);
  return found;
}

/** Moves the numbers at the lines' ends apart. */
function apart(ends, least, most) {
  ends.sort((a, b) => a.at - b.at);
  let next = least;
  for (const end of ends) next = (end.at = Math.max(end.at, next)) + LABEL_HIGH;
  let last = most;
  for (const end of [...ends].reverse()) last = (end.at = Math.min(end.at, last)) - LABEL_HIGH;
}

/** Lines over steps on a log axis; `band` is [lowest, sound, highest], and a line at `chosen` where that is a step. */
export function drawLog(el, { name, steps, lines, band, bandName, chosen }) {
  const wide = Math.max(280, el.clientWidth);
  const sizes = lines.flatMap(line => line.values.filter(value => value > 0 && Number.isFinite(value)));
  const around = band ? [...sizes, band[0], band[2]] : sizes;
  // What is smaller still lies on the lower edge: it would make the rest of the curves flat.
  const low = Math.max(LEAST, Math.floor(Math.log10(Math.min(...around, 1))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...around, 1e-30))));
  const [from, to] = [steps[0], Math.max(steps.at(-1), steps[0] + 1)];
  const at = step => LEFT + ((wide - LEFT - RIGHT) * (step - from)) / (to - from);
  const y = value => HIGH - BOTTOM - ((HIGH - TOP - BOTTOM) * (Math.log10(Math.max(value, 10 ** low)) - low)) / (high - low);
  const svg = s("svg", { viewBox: `0 0 ${wide} ${HIGH}`, role: "img", focusable: "false" });
  attr(svg, "aria-label", `${name}: ${lines.map(line => `${line.label} ${short(line.values.at(-1))}`).join(", ")}`);
  if (band) {
    svg.append(s("rect", { x: LEFT, width: wide - LEFT - RIGHT, y: y(band[2]), height: y(band[0]) - y(band[2]), class: "tl-band" }));
    svg.append(s("line", { x1: LEFT, x2: wide - RIGHT, y1: y(band[1]), y2: y(band[1]), class: "tl-sound" }));
    svg.append(s("text", { x: wide - RIGHT - 4, y: y(band[1]) - 4, "text-anchor": "end" }, bandName));
  }
  const every = Math.ceil((high - low) / 6);
  for (let power = high; power >= low; power -= every) {
    const level = y(10 ** power);
    svg.append(s("line", { x1: LEFT, x2: wide - RIGHT, y1: level, y2: level, class: "tl-grid" }));
    svg.append(s("text", { x: LEFT - 8, y: level + 4, "text-anchor": "end" }, power > -3 && power < 4 ? String(10 ** power) : `1e${power}`));
  }
  for (const step of marks(from, to, wide / 90)) svg.append(s("text", { x: at(step), y: HIGH - 6, "text-anchor": "middle" }, step.toLocaleString("en")));
  if (chosen != null) svg.append(s("line", { x1: at(chosen), x2: at(chosen), y1: TOP, y2: HIGH - BOTTOM, class: "tl-chosen" }));
  lines.forEach((line, i) => svg.append(s("path", { d: pathOf(line.values, place => at(steps[place]), y), class: lineClass(i) })));
  const ends = lines.map((line, i) => ({ i, at: y(line.values.at(-1)) + 4 })).filter(end => Number.isFinite(end.at));
  apart(ends, TOP + 4, HIGH - BOTTOM + 4);
  for (const end of ends) svg.append(s("text", { x: wide - RIGHT + 4, y: end.at, class: `tl-end tl-line-${end.i % COLOURS}` }, String(end.i + 1)));
  el.replaceChildren(svg);
}

/** A key to the numbers at the lines' ends. */
export function key(labels) {
  return labels.map((label, i) => {
    const swatch = s("svg", { viewBox: "0 0 24 8", class: "tl-swatch", "aria-hidden": "true" });
    swatch.append(s("path", { d: "M0 4H24", class: lineClass(i) }));
    return h("li", null, swatch, `${i + 1}: ${label}`);
  });
}

const [CHANCE_WIDE, CHANCE_HIGH] = [120, 40];

/** The chances of all classes over the looks: the right one stands out, and the others' best. */
export function drawChances(rows, right, rival, at, name) {
  const last = Math.max(1, rows.length - 1);
  const [x, y] = [i => (i / last) * CHANCE_WIDE, value => 1 + (1 - value / 255) * (CHANCE_HIGH - 2)];
  const svg = s("svg", { viewBox: `0 0 ${CHANCE_WIDE} ${CHANCE_HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": name, focusable: "false" });
  svg.append(s("line", { x1: x(at), x2: x(at), y1: 0, y2: CHANCE_HIGH, class: "tl-chosen" }));
  const order = [...rows[0].keys()].sort((a, b) => (a === right) - (b === right) || (a === rival) - (b === rival));
  for (const label of order) {
    const kind = label === right ? "tl-right" : label === rival ? "tl-rival" : "tl-other";
    svg.append(s("path", { d: pathOf(rows.map(row => row[label]), x, y), class: kind }));
  }
  return svg;
}

const [BARS_WIDE, BARS_HIGH] = [144, 40];

/** A histogram: [least, largest, ...counts]; zero is marked where it lies inside. */
export function drawBars([low, high, ...counts], name) {
  const [most, step] = [Math.max(...counts), BARS_WIDE / counts.length];
  const svg = s("svg", { viewBox: `0 0 ${BARS_WIDE} ${BARS_HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}, ${short(low)} … ${short(high)}`, focusable: "false" });
  const tops = counts.map(count => (BARS_HIGH * (1 - count / most)).toFixed(1));
  svg.append(s("path", { d: `M0 ${BARS_HIGH}${tops.map((top, i) => `V${top}H${((i + 1) * step).toFixed(1)}`).join("")}V${BARS_HIGH}Z`, class: "tl-bars" }));
  const zero = (-low / (high - low || 1)) * BARS_WIDE;
  if (zero > 0 && zero < BARS_WIDE) svg.append(s("line", { x1: zero, x2: zero, y1: 0, y2: BARS_HIGH, class: "tl-zero" }));
  return svg;
}

const GAP = 1;

/** Draws `count` of the pictures (N, H, W, C) of `bytes` side by side, `across` in a row. */
export function drawTiles(canvas, [all, high, wide, colours], bytes, across = 8, from = 0, count = all) {
  const [columns, rows] = [Math.min(across, count), Math.ceil(count / across)];
  canvas.width = columns * (wide + GAP) - GAP;
  canvas.height = rows * (high + GAP) - GAP;
  const pen = canvas.getContext("2d");
  for (let tile = 0; tile < count; tile++) {
    const image = new ImageData(wide, high);
    for (let at = 0; at < wide * high; at++) {
      const source = ((from + tile) * wide * high + at) * colours;
      for (let k = 0; k < 3; k++) image.data[4 * at + k] = bytes[source + (colours === 3 ? k : 0)];
      image.data[4 * at + 3] = 255;
    }
    pen.putImageData(image, (tile % across) * (wide + GAP), Math.floor(tile / across) * (high + GAP));
  }
  canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
}
