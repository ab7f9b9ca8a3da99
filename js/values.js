// Pure functions from texts to values and from bounds to the stops of a slider.

const MANTISSAS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
const DECADES = 7;
const MOST_SINGLE_STEPS = 256;

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** What a value looks like in a box: null is an empty box. */
export const show = value => (value == null ? "" : String(value));

/** At most four significant digits, without needless zeros; small ones as powers of ten. */
export function short(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

/** What a typed text means: a number, null where that is allowed, or the text itself for Python to refuse. */
export function parse(typed, nullable) {
  const trimmed = typed.trim();
  if (trimmed === "") return nullable ? null : "";
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

const tidy = value => Number(value.toPrecision(12));

function logStops({ min, max, value, default: normal, type }) {
  const stops = [];
  if (type === "integer") {
    // Powers of two and one and a half times those: the sizes people use.
    for (let size = 1; size <= max; size *= 2) stops.push(size, size * 1.5);
    return stops.filter(Number.isInteger);
  }
  const inUse = [value, normal].filter(number => number > 0);
  const lowest = min > 0 ? min : Math.min(max * 10 ** -DECADES, ...inUse);
  for (let exponent = Math.floor(Math.log10(lowest)); exponent <= Math.log10(max); exponent++)
    for (const mantissa of MANTISSAS) stops.push(tidy(mantissa * 10 ** exponent));
  return stops;
}

function linearStops({ min, max, type }) {
  const rough = (max - min) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].find(factor => factor * power >= rough * 0.999) * power;
  const step = type !== "integer" ? nice : max - min <= MOST_SINGLE_STEPS ? 1 : Math.round(nice);
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
}

/** The values a slider can take, ascending: every stop is one arrow key, so none may be a duplicate. */
export function sliderStops(field) {
  const { min, max } = field;
  if (!field.slider || !Number.isFinite(min) || !Number.isFinite(max) || !(min < max)) return null;
  const inside = stop => (field.min_exclusive ? stop > min : stop >= min) && (field.max_exclusive ? stop < max : stop <= max);
  const stops = field.scale === "log" ? logStops(field) : linearStops(field);
  return [...new Set([min, ...stops, max])].filter(inside).sort((a, b) => a - b);
}

/** The index of the stop nearest to `value`. */
export function nearest(stops, value) {
  let best = 0;
  for (let i = 1; i < stops.length; i++) if (Math.abs(stops[i] - value) < Math.abs(stops[best] - value)) best = i;
  return best;
}
