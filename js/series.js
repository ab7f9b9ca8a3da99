// The curves a view holds: one table of rows ascending in x, steps and epochs merged.
// In a cell `undefined` means "not measured here" (lines run on), null means "not finite" (lines break).

export const STEP_COLUMNS = ["loss", "accuracy", "lr"];
export const EPOCH_COLUMNS = ["trainLoss", "trainAccuracy", "valLoss", "valAccuracy"];
const SMOOTHED = { lossSmooth: "loss", accuracySmooth: "accuracy" };

/** The columns of a message's buffer: float32, column after column. Copied, since it need not be aligned. */
function columns(buffer, rows, count) {
  if (!buffer || !rows) return [];
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const all = new Float32Array(bytes);
  return Array.from({ length: count }, (_, i) => all.subarray(i * rows, (i + 1) * rows));
}

const finite = value => (Number.isFinite(value) ? value : null);

export class Series {
  constructor() {
    this.smoothing = 0.9;
    this.clear();
  }

  clear() {
    this.columns = { x: [] };
    this.stepsPerEpoch = 0;
    for (const name of [...STEP_COLUMNS, ...EPOCH_COLUMNS, ...Object.keys(SMOOTHED)]) this.columns[name] = [];
    this.restart();
  }

  get length() {
    return this.columns.x.length;
  }

  get lastX() {
    return this.length ? this.columns.x[this.length - 1] : 0;
  }

  /** Adds a message's rows: `n` steps from the first buffer, `m` epochs from the second. */
  append(n, m, [steps, epochs]) {
    const [x, ...measured] = columns(steps, n, 1 + STEP_COLUMNS.length);
    for (let i = 0; i < n; i++) {
      const row = this.place(x[i]);
      STEP_COLUMNS.forEach((name, k) => (this.columns[name][row] = finite(measured[k][i])));
      this.smooth(row);
    }
    const [epoch, ...means] = columns(epochs, m, 1 + EPOCH_COLUMNS.length);
    for (let i = 0; i < m; i++) {
      const row = this.place(epoch[i]);
      EPOCH_COLUMNS.forEach((name, k) => (this.columns[name][row] = finite(means[k][i])));
    }
  }

  /** The row at `x`, made where missing. Almost always the last: both kinds of rows arrive in order. */
  place(x) {
    const xs = this.columns.x;
    let at = xs.length;
    while (at > 0 && xs[at - 1] > x) at--;
    if (at > 0 && xs[at - 1] === x) return at - 1;
    for (const name in this.columns) {
      const value = name === "x" ? x : undefined;
      if (at === xs.length && name !== "x") this.columns[name].push(value);
      else if (name !== "x") this.columns[name].splice(at, 0, value);
    }
    xs.splice(at, 0, x);
    return at;
  }

  restart() {
    this.averages = Object.fromEntries(Object.keys(SMOOTHED).map(name => [name, { sum: 0, weight: 0, x: null }]));
  }

  /** Extends the exponential moving averages by one row; dividing by the weight corrects the start's bias. */
  smooth(row) {
    for (const [name, source] of Object.entries(SMOOTHED)) {
      const value = this.columns[source][row];
      const average = this.averages[name];
      if (value == null) {
        this.columns[name][row] = value;
        continue;
      }
      // A row of a shortened history stands for several steps, and forgets as much as they would.
      const x = this.columns.x[row];
      const steps = average.x === null ? 1 : Math.max(1, Math.round((x - average.x) * this.stepsPerEpoch));
      const keep = this.smoothing ** steps;
      average.x = x;
      average.sum = keep * average.sum + (1 - keep) * value;
      average.weight = keep * average.weight + (1 - keep);
      this.columns[name][row] = average.sum / average.weight;
    }
  }

  setSmoothing(smoothing) {
    this.smoothing = smoothing;
    this.restart();
    for (let row = 0; row < this.length; row++) this.smooth(row);
  }

  /** The value of a column at a row, or the last one measured before it. */
  at(name, row) {
    const column = this.columns[name];
    for (let i = Math.min(row, column.length - 1); i >= 0; i--) if (column[i] != null) return column[i];
    return null;
  }

  /** The row nearest to `x`. */
  nearest(x) {
    const xs = this.columns.x;
    let low = 0;
    let high = xs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
  }
}
