// The live chart: three stacked plots on one x axis, drawn at most once a frame and only while visible.
import { attr, h, line } from "./dom.js";
import { LEGEND_HEIGHT, PANELS, plotOptions, uPlot } from "./plot.js";
import { makeLegends, makeOthers, makeToolbar } from "./toolbar.js";

const LATEST_SHARE = 0.2;
let charts = 0;

export class Chart {
  constructor(_, series) {
    this._ = _;
    this.series = series;
    this.plots = [];
    this.visible = false;
    this.queued = 0;
    this.hoverX = null;
    this.showLr = true;
    this.view = {
      zoom: null, log: false, hidden: new Set(), dark: false, font: "sans-serif", ground: "white", sync: `trainlab-${charts++}`,
      marks: [], overlays: [], references: [], referring: true, verdicts: [], pointed: null,
      hover: x => this.readAt(x),
      select: zoom => this.zoomTo(zoom),
      scaled: () => {},  // hears which part of the x axis is shown
    };
    this.toolbar = makeToolbar(_, {
      log: on => this.rebuild(() => (this.view.log = on)),
      lr: on => this.rebuild(() => (this.showLr = on)),
      refer: on => this.change(() => (this.view.referring = on)),
      smooth: value => this.change(() => [series, ...this.view.overlays.map(other => other.series)].forEach(each => each.setSmoothing(value))),
      zoom: zoom => this.zoomTo(zoom),
    });
    this.legends = makeLegends(_, (key, hidden) => this.rebuild(() => this.view.hidden[hidden ? "add" : "delete"](key)));
    this.others = makeOthers(_, (id, hidden) => this.change(() => this.view.hidden[hidden ? "add" : "delete"](id)));
    this.canvas = h("div", { class: "tl-plots", role: "img" });
    this.empty = h("p", { class: "tl-chart-empty" });
    this.el = h("div", { class: "tl-chart" }, this.toolbar.el, this.others.el, h("div", { class: "tl-stack" }, this.canvas, this.legends.el, this.empty));
    // Gives the empty chart its final height, so that nothing moves when it is drawn.
    this.legends.layout(PANELS, false);
    this.watch();
  }

  watch() {
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.canvas);
    this.sight = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      this.queue();
    });
    this.sight.observe(this.el);
    this.wake = () => this.queue();
    document.addEventListener("visibilitychange", this.wake);
  }

  destroy() {
    this.sizes.disconnect();
    this.sight.disconnect();
    document.removeEventListener("visibilitychange", this.wake);
    cancelAnimationFrame(this.queued);
    for (const plot of this.plots) plot.destroy();
  }

  /** Applies a change of state and draws it in the next frame. */
  change(apply) {
    apply();
    this.refresh();
  }

  /** Shows the values under the cursor: the plots themselves stay as they are. */
  readAt(x) {
    this.hoverX = x;
    this.queue();
  }

  /** Draws rows that were added to the series. */
  refresh() {
    this.dirty = true;
    this.queue();
  }

  /** A change that uPlot takes only at birth: axes, colours, which panels there are. */
  rebuild(apply) {
    this.stale = true;
    this.change(apply);
  }

  setTheme(dark) {
    this.rebuild(() => (this.view.dark = dark));
    this.others.update(this.view.overlays, dark);
  }

  /** Other runs to be drawn beside this one: `{id, name, number, series}` each. */
  overlay(others) {
    for (const { series } of others) series.setSmoothing(this.series.smoothing);
    const ids = new Set(others.map(other => other.id));
    for (const { id } of this.view.overlays) if (!ids.has(id)) this.view.hidden.delete(id);
    this.others.update(others, this.view.dark);
    this.change(() => (this.view.overlays = others));
  }

  /** Levels to measure the accuracy by: `{y, text}` each. */
  refer(references) {
    this.toolbar.refer(references.length > 0);
    this.change(() => (this.view.references = references));
  }

  get lastX() {
    return Math.max(this.series.lastX, ...this.view.overlays.map(other => other.series.lastX));
  }

  zoomTo(zoom) {
    const end = this.lastX;
    for (const plot of this.plots) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.change(() => (this.view.zoom = zoom === "latest" ? { min: end * (1 - LATEST_SHARE), max: end } : zoom));
  }

  /** Tells the chart what a screen reader should hear of it, and what to show while it is empty. */
  describe(status) {
    const points = status.points ? `${status.points} ${this._("points")}` : this._("No points yet.");
    const levels = this.view.references.map(line => line.text).join(", ");
    const referred = levels ? `. ${this._("Reference lines")}: ${levels}.` : "";
    attr(this.canvas, "aria-label", status.points ? `${status.summary} ${points}${referred}` : points);
    line(this.empty, this.series.length ? "" : status.message);
  }

  resize() {
    const width = Math.floor(this.canvas.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    if (!this.plots.length) this.stale = true;
    for (const plot of this.plots) plot.setSize({ width, height: plot.height });
    this.refresh();
  }

  queue() {
    if (this.queued || !this.visible || document.hidden) return;
    this.queued = requestAnimationFrame(() => {
      this.queued = 0;
      if (this.width) this.draw();
    });
  }

  build() {
    this.stale = false;
    for (const plot of this.plots) plot.destroy();
    const style = getComputedStyle(this.el);
    this.view.font = style.fontFamily;
    this.view.ground = style.getPropertyValue("--tl-surface");
    this.panels = PANELS.filter(panel => panel.id !== "lr" || this.showLr);
    this.canvas.replaceChildren();
    this.plots = this.panels.map(panel => {
      const row = h("div");
      row.style.paddingTop = `${LEGEND_HEIGHT}px`;
      this.canvas.append(row);
      return new uPlot(plotOptions(panel, this.view, this.width, panel === this.panels.at(-1)), this.data(panel), row);
    });
    this.legends.layout(this.panels, this.view.dark);
  }

  data(panel) {
    const { columns } = this.series;
    return [columns.x, ...panel.series.map(({ key }) => columns[key])];
  }

  draw() {
    if (this.stale) this.build();
    if (this.dirty) this.drawPlots();
    this.dirty = false;
    const row = !this.series.length ? null : this.hoverX == null ? this.series.length - 1 : this.series.nearest(this.hoverX);
    this.legends.update(this.series, row);
    this.toolbar.update(row == null ? null : this.series.columns.x[row], Boolean(this.view.zoom));
  }

  drawPlots() {
    const { min, max } = this.view.zoom ?? { min: 0, max: this.lastX || 1 };
    this.view.scaled({ min, max });
    this.plots.forEach((plot, i) =>
      plot.batch(() => {
        plot.setData(this.data(this.panels[i]), false);
        // Setting x explicitly also makes uPlot fit y anew.
        plot.setScale("x", { min, max });
      }));
  }
}
