// Draws a race: the shaded surface with its contour lines, and the paths on it.

/** Okabe and Ito's colours, darker on light ground; dashes and marks say the same without colour. */
const COLOURS = {
  light: ["#C04A00", "#0072B2", "#007A5A", "#8A4A74", "#7A6000"],
  dark: ["#F0A030", "#56B4E9", "#2FC79A", "#DDA0C4", "#F0E442"],
};
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2]];
const MARKS = ["circle", "square", "triangle", "diamond", "cross"];
const GROUND = { light: [[199, 224, 241], [250, 250, 250]], dark: [[22, 62, 84], [36, 36, 36]] };
const INK = { light: "rgba(0,0,0,0.75)", dark: "rgba(255,255,255,0.85)" };
const LINE = { light: [0, 0, 0, 40], dark: [255, 255, 255, 46] };
const MARK_SIZE = 5;

const theme = dark => (dark ? "dark" : "light");

export const colourOf = (racer, dark) => COLOURS[theme(dark)][racer % MARKS.length];
export const dashOf = racer => DASHES[racer % MARKS.length];

/** Adds a mark's outline to a path, in the way of its racer. */
export function trace(ctx, racer, x, y, size = MARK_SIZE) {
  ctx.beginPath();
  const around = points => points.forEach(([dx, dy], i) => ctx[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size));
  switch (MARKS[racer % MARKS.length]) {
    case "circle": ctx.arc(x, y, size, 0, 2 * Math.PI); break;
    case "square": ctx.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8); break;
    case "triangle": around([[0, -1.2], [1.1, 0.9], [-1.1, 0.9]]); break;
    case "diamond": around([[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]); break;
    default: around([[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]]);
  }
  ctx.closePath();
}

/** The surface as an image: bands between levels, and a thin line where two of them meet. */
export function ground(width, height, { grid, across, up, levels }, dark) {
  const image = new ImageData(width, height);
  const [low, high] = GROUND[theme(dark)];
  const line = LINE[theme(dark)];
  const bands = new Uint8Array(width * height);
  for (let j = 0; j < height; j++) {
    const v = (1 - j / (height - 1)) * (up - 1);
    const row = Math.min(up - 2, Math.floor(v));
    for (let i = 0; i < width; i++) {
      const u = (i / (width - 1)) * (across - 1);
      const column = Math.min(across - 2, Math.floor(u));
      const at = row * across + column;
      const [fu, fv] = [u - column, v - row];
      const value = (1 - fv) * ((1 - fu) * grid[at] + fu * grid[at + 1]) + fv * ((1 - fu) * grid[at + across] + fu * grid[at + across + 1]);
      let band = 0;
      while (band < levels.length && value > levels[band]) band++;
      bands[j * width + i] = band;
    }
  }
  for (let at = 0; at < bands.length; at++) {
    const share = bands[at] / levels.length;
    const edge = bands[at] !== bands[at + 1] || bands[at] !== (bands[at + width] ?? bands[at]);
    const alpha = edge ? line[3] / 255 : 0;
    for (let k = 0; k < 3; k++) image.data[4 * at + k] = (low[k] + share * (high[k] - low[k])) * (1 - alpha) + line[k] * alpha;
    image.data[4 * at + 3] = 255;
  }
  return image;
}

/** From the surface's coordinates to pixels. */
const placer = (surface, width, height) => {
  const [[left, right], [bottom, top]] = [surface.x, surface.y];
  return (x, y) => [((x - left) / (right - left)) * width, ((top - y) / (top - bottom)) * height];
};

function drawLowest(ctx, surface, place, dark) {
  ctx.strokeStyle = INK[theme(dark)];
  ctx.lineWidth = 1.5;
  ctx.setLineDash([]);
  for (const [x, y] of surface.lowest) {
    const [px, py] = place(x, y);
    ctx.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      ctx.moveTo(px - 6 * dx, py - 6 * dy);
      ctx.lineTo(px + 6 * dx, py + 6 * dy);
    }
    ctx.stroke();
  }
}

/** Draws the first `step` steps of every racer that is not hidden; `at(racer, step)` is a place or null. */
export function drawPaths(ctx, { width, height, surface, racers, at, step, hidden, dark }) {
  const place = placer(surface, width, height);
  drawLowest(ctx, surface, place, dark);
  // The chosen optimizer, the first, lies on top.
  for (let racer = racers - 1; racer >= 0; racer--) {
    if (hidden.has(racer)) continue;
    const points = [];
    for (let i = 0; i <= step; i++) {
      const found = at(racer, i);
      if (!found) break;
      points.push(place(...found));
    }
    if (!points.length) continue;
    ctx.strokeStyle = ctx.fillStyle = colourOf(racer, dark);
    ctx.lineWidth = racer ? 2 : 3;
    ctx.lineJoin = "round";
    ctx.setLineDash(dashOf(racer));
    ctx.beginPath();
    points.forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](x, y));
    ctx.stroke();
    ctx.setLineDash([]);
    trace(ctx, racer, ...points.at(-1));
    ctx.fill();
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = dark ? "#212121" : "#fff";
    ctx.stroke();
  }
}
