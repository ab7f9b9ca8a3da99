// What the three panels of the chart show, and how uPlot is to draw one of them.
import uPlot from "uplot";
import { short } from "./values.js";

/** Okabe and Ito's colours; the lighter ones on dark ground. Dashes and markers say the same without colour. */
const PALETTES = {
  light: { train: "#0072B2", mean: "#007A5A", validation: "#C04A00", lr: "#8A4A74", ink: "#595959", grid: "rgba(0,0,0,0.07)", mark: "rgba(0,0,0,0.45)", band: "#9A5A00" },
  dark: { train: "#56B4E9", mean: "#2FC79A", validation: "#F0A030", lr: "#DDA0C4", ink: "#B4B4B4", grid: "rgba(255,255,255,0.09)", mark: "rgba(255,255,255,0.5)", band: "#F0A030" },
};

/** Of the runs that are drawn beside the one on the chart; each also has dashes and a number of its own. */
const OTHERS = {
  light: ["#6A3D9A", "#9B4F1B", "#117733", "#882255", "#4D4D4D", "#00798C"],
  dark: ["#C9A8F0", "#E8A87C", "#7FD68A", "#F08FB5", "#C8C8C8", "#6FD3E0"],
};
const DASHES = [[8, 3], [2, 3], [8, 3, 2, 3], [4, 4], [12, 4], [2, 6]];

export const otherColour = (number, dark) => OTHERS[dark ? "dark" : "light"][number % 6];
export const otherDash = number => DASHES[number % 6];
export const palette = dark => (dark ? PALETTES.dark : PALETTES.light);

export const PANELS = [
  {
    id: "loss", title: "Loss", height: 216,
    series: [
      { key: "loss", label: "each step", colour: "train", width: 1, alpha: 0.55 },
      { key: "lossSmooth", label: "train", colour: "train", width: 2, shared: true },
      { key: "valLoss", label: "validation", colour: "validation", width: 1.5, dash: [6, 4], marker: 6, shared: true },
    ],
  },
  {
    id: "accuracy", title: "Accuracy", height: 176,
    series: [
      { key: "accuracySmooth", label: "train", colour: "train", width: 2, shared: true },
      { key: "trainAccuracy", label: "train mean", colour: "mean", width: 1.5, dash: [2, 3], marker: 5 },
      { key: "valAccuracy", label: "validation", colour: "validation", width: 1.5, dash: [6, 4], marker: 6, shared: true },
    ],
  },
  { id: "lr", title: "Learning rate", height: 96, series: [{ key: "lr", label: "lr", colour: "lr", width: 1.5, shared: true }] },
];

export const LEGEND_HEIGHT = 32;
export const AXIS_HEIGHT = 28;
const GUTTER = 60;

const padded = (low, high, by) => [low - by * (high - low || 1), high + by * (high - low || 1)];

/** The limits of the run's own values, widened by those of the runs beside it. */
function withOthers(panel, view, low, high) {
  const { min, max } = view.zoom ?? { min: -Infinity, max: Infinity };
  const log = panel.id === "loss" && view.log;
  for (const { columns } of sharedLines(panel, view)) {
    columns.x.forEach((x, i) => {
      const value = columns.y[i];
      if (value == null || x < min || x > max || (log && value <= 0)) return;
      if (low == null || value < low) low = value;
      if (high == null || value > high) high = value;
    });
  }
  return [low, high];
}

/** The lines of other runs that a panel shows. */
function sharedLines(panel, view) {
  const lines = panel.series.filter(line => line.shared && !view.hidden.has(line.key));
  return view.overlays.filter(other => !view.hidden.has(other.id))
    .flatMap(other => lines.map(line => ({ other, line, columns: { x: other.series.columns.x, y: other.series.columns[line.key] } })));
}

/** A whole run is seen from zero up, on calm round limits; a zoomed part fills its panel. */
function rangeOf(panel, view) {
  return (_, ownLow, ownHigh) => {
    const [low, high] = withOthers(panel, view, ownLow, ownHigh);
    if (low == null) return panel.id === "loss" && view.log ? [0.01, 10] : [0, 1];
    if (panel.id === "loss" && view.log) return [low - (low % 10 ** Math.floor(Math.log10(low))), high * 1.25];
    if (panel.id === "accuracy") return view.zoom ? [Math.max(0, padded(low, high, 0.08)[0]), Math.min(1, padded(low, high, 0.08)[1])] : [0, 1];
    if (view.zoom && panel.id === "loss") return padded(low, high, 0.08);
    const step = 10 ** Math.floor(Math.log10(high || 1)) / 2;
    return [Math.min(0, low), Math.ceil((high * 1.04) / step) * step || 1];
  };
}

function axes(panel, view, colours, last) {
  const font = `11px ${view.font}`;
  const shared = { stroke: colours.ink, font, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
  return [
    { ...shared, size: last ? AXIS_HEIGHT : 0, gap: 6, space: 64, values: (_, splits) => splits.map(x => (last ? short(x) : "")) },
    // On a log axis uPlot blanks the labels it has no room for: those stay blank.
    { ...shared, size: GUTTER, gap: 8, space: 32, values: (_, splits) => splits.map(y => (y == null ? "" : short(y))) },
  ];
}

/** Vertical lines where a run was edited. */
function drawMarks(u, marks, colour) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const mark of marks) {
    const x = Math.round(u.valToPos(mark.x, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** The curves of other runs: thin, the validation's dashed, each ending in the run's number. */
function drawOthers(u, panel, view) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * devicePixelRatio}px ${view.font}`;
  ctx.textAlign = "right";
  for (const { other, line, columns } of sharedLines(panel, view)) {
    ctx.strokeStyle = ctx.fillStyle = otherColour(other.number, view.dark);
    ctx.lineWidth = (line.dash ? 1.5 : 1) * devicePixelRatio;
    ctx.setLineDash(line.dash ? otherDash(other.number).map(length => length * devicePixelRatio) : []);
    ctx.beginPath();
    let [drawing, end] = [false, null];
    columns.x.forEach((x, i) => {
      const value = columns.y[i];
      if (value === undefined) return;
      const place = value === null ? NaN : u.valToPos(value, "y", true);
      if (Number.isFinite(place)) ctx[drawing ? "lineTo" : "moveTo"](...(end = [u.valToPos(x, "x", true), place]));
      drawing = Number.isFinite(place);
    });
    ctx.stroke();
    if (end && line.dash) ctx.fillText(String(other.number + 1), end[0] - 2, end[1] - 4 * devicePixelRatio);
  }
  ctx.restore();
}

const BAND = { faint: 0.07, strong: 0.2, row: 14 };

/** Where the evidence of each verdict lies: a faint band, and on top of the first panel a bar with its letter. */
function drawBands(u, panel, view, colour) {
  const { ctx, bbox } = u;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.font = `600 ${11 * pixel}px ${view.font}`;
  view.verdicts.forEach((card, row) => {
    const [from, to] = card.span.map(x => Math.min(bbox.left + bbox.width, Math.max(bbox.left, u.valToPos(x, "x", true))));
    const width = Math.max(to - from, 2 * pixel);
    ctx.globalAlpha = card.id === view.pointed ? BAND.strong : BAND.faint;
    ctx.fillRect(from, bbox.top, width, bbox.height);
    if (panel !== PANELS[0]) return;
    const top = bbox.top + row * BAND.row * pixel;
    ctx.globalAlpha = 1;
    ctx.fillRect(from, top, width, 2 * pixel);
    ctx.fillText(card.letter, Math.min(from, bbox.left + bbox.width - 12 * pixel) + 3 * pixel, top + 12 * pixel);
  });
  ctx.restore();
}

const LEVEL_DASHES = [[2, 4], [10, 4], [6, 3, 2, 3]];
const LABEL = 13;

/** Levels to measure a curve by: a thin line each, with its name at the right, moved where two would meet. */
function drawReferences(u, view, colours) {
  const { ctx, bbox } = u;
  const pixel = devicePixelRatio;
  const { min, max } = u.scales.y;
  const seen = view.references.map((line, number) => ({ ...line, number })).filter(line => line.y >= min && line.y <= max);
  seen.sort((one, other) => other.y - one.y);
  const [right, bottom] = [bbox.left + bbox.width, bbox.top + bbox.height];
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colours.ink;
  ctx.lineWidth = pixel;
  ctx.font = `${11 * pixel}px ${view.font}`;
  ctx.textAlign = "right";
  let next = bbox.top + LABEL * pixel;
  seen.forEach((line, i) => {
    const y = Math.round(u.valToPos(line.y, "y", true));
    ctx.setLineDash(LEVEL_DASHES[line.number % 3].map(length => length * pixel));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
    // Room is left below for those that follow.
    const at = Math.min(Math.max(y - 4 * pixel, next), bottom - (4 + LABEL * (seen.length - 1 - i)) * pixel);
    next = at + LABEL * pixel;
    ctx.setLineDash([]);
    ctx.lineWidth = 4 * pixel;
    ctx.strokeStyle = view.ground;
    ctx.strokeText(line.text, right - 4 * pixel, at);
    ctx.lineWidth = pixel;
    ctx.strokeStyle = colours.ink;
    ctx.fillText(line.text, right - 4 * pixel, at);
  });
  ctx.restore();
}

/** uPlot's options for one panel. `view` is the chart's state, see chart.js. */
export function plotOptions(panel, view, width, last) {
  const colours = palette(view.dark);
  const log = panel.id === "loss" && view.log;
  return {
    width,
    height: panel.height + (last ? AXIS_HEIGHT : 0),
    padding: [8, 16, last ? 0 : 8, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      sync: { key: view.sync, scales: ["x", null] },
      bind: { dblclick: () => () => view.select(null) },
    },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1, range: rangeOf(panel, view) } },
    axes: axes(panel, view, colours, last),
    series: [
      {},
      ...panel.series.map(line => ({
        show: !view.hidden.has(line.key),
        stroke: colours[line.colour],
        alpha: line.alpha ?? 1,
        width: line.width,
        dash: line.dash,
        // A single step draws no line: its point keeps the first steps visible.
        points: line.marker ? { show: true, size: line.marker, fill: colours[line.colour], width: 0 } : { show: u => u.data[0].length < 3, size: 5 },
      })),
    ],
    hooks: {
      drawClear: [u => drawBands(u, panel, view, colours.band)],
      draw: [
        u => drawOthers(u, panel, view),
        u => drawMarks(u, view.marks, colours.mark),
        u => panel.id === "accuracy" && view.referring && drawReferences(u, view, colours),
      ],
      setCursor: [u => view.hover(u.cursor.left >= 0 && u.data[0].length ? u.posToVal(u.cursor.left, "x") : null)],
      setSelect: [u => u.select.width > 4 && view.select({ min: u.posToVal(u.select.left, "x"), max: u.posToVal(u.select.left + u.select.width, "x") })],
    },
  };
}

export { uPlot };
