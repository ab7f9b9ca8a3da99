// The curve of a range test: the loss over the learning rate, both axes as long as they need to be.
import { attr, h } from "./dom.js";
import { same, short } from "./values.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM] = [640, 240, 48, 16, 20, 32];
const MOST = 1.6;
const [LOW, GREAT] = [1e-7, 10];

function s(tag, attributes, words) {
  const el = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
  if (words != null) el.textContent = words;
  return el;
}

const decades = () => Array.from({ length: 9 }, (_, i) => 10 ** (i - 7));

/** A round number near a quarter of `high`. */
function stride(high) {
  const unit = 10 ** Math.floor(Math.log10(high / 4));
  return [1, 2, 5, 10].map(times => times * unit).find(size => high / size <= 5);
}

function path(points, column, x, y) {
  let pen = "M";
  return points.map(point => {
    if (point[column] == null) return (pen = "M"), "";
    const at = `${pen}${x(point[0]).toFixed(1)} ${y(point[column]).toFixed(1)}`;
    pen = "L";
    return at;
  }).join("");
}

const drawn = new WeakMap();

/** Draws points (lr, loss, smoothed) into `el`; the suggestions are marked. */
export function drawCurve(el, points, suggestions, _) {
  const before = drawn.get(el);
  if (before && before.points === points.length && same(before.suggestions, suggestions)) return;
  drawn.set(el, { points: points.length, suggestions });
  // What explodes leaves the picture by its upper edge: the interesting part is far below.
  const start = points[0][2] ?? 1;
  const high = Math.max(...points.map(point => Math.min(point[2] ?? 0, MOST * start)), 1e-6) * 1.05;
  const x = lr => LEFT + ((WIDE - LEFT - RIGHT) * Math.log(lr / LOW)) / Math.log(GREAT / LOW);
  const y = loss => HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * Math.min(1.2, loss / high);
  const clip = `tl-sweep-${Math.random().toString(36).slice(2)}`;
  const svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", focusable: "false" });
  const marks = suggestions.map(offer => `${offer.label} ${short(offer.lr)}`);
  attr(svg, "aria-label", [_("Loss over the learning rate"), ...marks].join(", "));
  const box = s("clipPath", { id: clip });
  box.append(s("rect", { x: LEFT, y: TOP - 4, width: WIDE - LEFT - RIGHT, height: HIGH - TOP - BOTTOM + 4 }));
  svg.append(box);
  for (const lr of decades()) {
    svg.append(s("line", { x1: x(lr), x2: x(lr), y1: TOP, y2: HIGH - BOTTOM, class: "tl-grid" }));
    svg.append(s("text", { x: x(lr), y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, lr >= 0.01 ? short(lr) : lr.toExponential(0)));
  }
  for (let loss = 0; loss <= high; loss += stride(high)) {
    svg.append(s("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(loss), y2: y(loss), class: "tl-grid" }));
    svg.append(s("text", { x: LEFT - 8, y: y(loss) + 4, "text-anchor": "end" }, short(loss)));
  }
  svg.append(s("text", { x: LEFT - 40, y: 12 }, _("Loss")));
  svg.append(s("path", { d: path(points, 1, x, y), class: "tl-raw", "clip-path": `url(#${clip})` }));
  svg.append(s("path", { d: path(points, 2, x, y), class: "tl-smooth", "clip-path": `url(#${clip})` }));
  suggestions.forEach((offer, i) => {
    svg.append(s("line", { x1: x(offer.lr), x2: x(offer.lr), y1: TOP, y2: HIGH - BOTTOM, class: `tl-offer tl-offer-${i}` }));
    svg.append(s("text", { x: x(offer.lr), y: 12, "text-anchor": "middle", class: `tl-offer-${i}` }, short(offer.lr)));
  });
  el.replaceChildren(svg);
}
