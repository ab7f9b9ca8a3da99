// The plane of two-dimensional data, coloured by what the net says there now, with the points it learns from.
import { attr, h, line, text } from "./dom.js";
import { trace } from "./surface.js";

/** Okabe and Ito's colours, for both themes: ground and marks lie on each other, and an outline parts them. */
const CLASSES = ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#999999"];
const POINT_SIZE = 4;
const MOST_SIZE = 420;

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
const colour = label => CLASSES[label % CLASSES.length];
const outline = dark => (dark ? "#111" : "#333");

/** The cells as a small image: the surer the net, the fuller the colour. The first row is the lowest. */
function ground({ side, cells }, dark) {
  const image = new OffscreenCanvas(side, side);
  const pixels = new ImageData(side, side);
  const paper = dark ? 33 : 255;
  for (let at = 0; at < side * side; at++) {
    const [label, sure] = [cells[2 * at], cells[2 * at + 1] / 255];
    const to = 4 * ((side - 1 - Math.floor(at / side)) * side + (at % side));
    const share = 0.15 + 0.5 * sure;
    rgb(colour(label)).forEach((part, k) => (pixels.data[to + k] = paper + share * (part - paper)));
    pixels.data[to + 3] = 255;
  }
  image.getContext("2d").putImageData(pixels, 0, 0);
  return image;
}

function drawPoints(pen, points, size, dark) {
  pen.lineWidth = 1;
  for (let at = 0; at < points.length; at += 4) {
    const [x, y, label, learnt] = points.subarray(at, at + 4);
    trace(pen, label, x * size, (1 - y) * size, POINT_SIZE);
    pen.strokeStyle = learnt ? outline(dark) : colour(label);
    if (learnt) {
      pen.fillStyle = colour(label);
      pen.fill();
    } else pen.lineWidth = 2;
    pen.stroke();
    pen.lineWidth = 1;
  }
}

export function makePlane(_) {
  const canvas = h("canvas", { role: "img", "aria-label": _("Decision boundary") });
  const title = h("h3", null, _("Decision boundary"));
  const when = h("p", { class: "tl-help" });
  const legend = h("ul", { class: "tl-plane-classes" });
  const hint = h("p", { class: "tl-help" }, _("Filled: training points. Open: validation points. The fuller the colour, the surer the net."));
  const el = h("section", { class: "tl-plane", hidden: true }, canvas, h("div", null, title, when, legend, hint));
  let [shown, points, classes, dark, listed] = [null, null, [], false, ""];

  /** The share of the plane that each class has. */
  function shares() {
    const counts = classes.map(() => 0);
    for (let at = 0; at < shown.cells.length; at += 2) counts[shown.cells[at]]++;
    return counts.map(count => `${Math.round((200 * count) / shown.cells.length)} %`);
  }

  function list(parts) {
    if (listed !== `${classes}${dark}`) {
      listed = `${classes}${dark}`;
      legend.replaceChildren(...classes.map((name, label) => {
        const mark = h("canvas", { width: 32, height: 32, "aria-hidden": "true" });
        const pen = mark.getContext("2d");
        pen.scale(2, 2);
        trace(pen, label, 8, 8, 5);
        pen.fillStyle = colour(label);
        pen.fill();
        pen.strokeStyle = outline(dark);
        pen.stroke();
        return h("li", null, mark, h("span", { class: "tl-plane-name" }, name), h("span", { class: "tl-plane-share" }));
      }));
    }
    [...legend.children].forEach((item, label) => text(item.lastChild, parts[label]));
  }

  function draw() {
    el.hidden = !shown;
    const size = Math.min(MOST_SIZE, Math.floor(canvas.clientWidth));
    if (!shown || !size) return;
    const pixels = Math.round(size * devicePixelRatio);
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    const pen = canvas.getContext("2d");
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.drawImage(ground(shown, dark), 0, 0, size, size);
    if (points) drawPoints(pen, points, size, dark);
    const parts = shares();
    list(parts);
    line(when, _("after step {step}").replace("{step}", shown.step));
    attr(canvas, "aria-label", `${_("Decision boundary")}, ${when.textContent}: ${classes.map((name, i) => `${name} ${parts[i]}`).join(", ")}`);
  }

  return {
    el,
    draw,
    /** Takes in what a message says of the plane; `null` where the data are no points of one. */
    update(plane, cells, places) {
      if (plane === null) shown = points = null;
      else {
        if (places) [points, classes] = [new Float32Array(places.buffer.slice(places.byteOffset, places.byteOffset + places.byteLength)), plane.classes];
        shown = { ...plane, cells: new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength) };
      }
      draw();
    },
    setTheme(now) {
      dark = now;
      draw();
    },
  };
}
