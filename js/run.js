// The run: buttons, status, progress, errors and the live chart. Nothing here lives in traits:
// every view asks for a snapshot when it appears, then takes what is new.
import { Chart } from "./chart.js";
import { makeButtons, makeEdits, makeError, makeProgress, makeStatus } from "./controls.js";
import { adopt, h, listen, translator, watchTheme } from "./dom.js";
import { makePlane } from "./plane.js";
import { makeTimeline } from "./timeline.js";
import { makeVerdicts } from "./verdicts.js";
import { Series } from "./series.js";

const MOST_ROWS = 12_000;
const ASK_AGAIN_MS = 1000;

const IDLE = { state: "idle", state_label: "", items: [], progress: 0, points: 0, summary: "", buttons: {}, message: "", error: null };

function render({ model, el }) {
  const _ = translator(model);
  const view = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  const series = new Series();
  const chart = new Chart(_, series);
  const buttons = makeButtons(_, name => model.send({ type: "command", name }));
  const [status, progress, error, plane] = [makeStatus(_), makeProgress(_), makeError(_), makePlane(_)];
  const edits = makeEdits(_);
  const verdicts = makeVerdicts(_, {
    mend: (id, number) => model.send({ type: "mend", id, number }),
    dismiss: id => model.send({ type: "dismiss", id }),
    point: id => chart.change(() => (chart.view.pointed = id)),
  });
  const timeline = makeTimeline(_, (checkpoint, forms) => model.send({ type: "branch", checkpoint, forms }));
  chart.view.scaled = timeline.place;
  let [run, asked] = [null, -Infinity];

  function hello() {
    // While the answer is under way, appended rows need not ask again.
    if (performance.now() - asked < ASK_AGAIN_MS) return;
    asked = performance.now();
    model.send({ type: "hello", view });
  }

  function show(next) {
    buttons.update(next.buttons ?? {});
    status.update(next);
    progress.update(next.progress, next.state);
    error.update(next.error);
    chart.describe(next);
    timeline.allow(Boolean(next.buttons?.start));
  }

  const handlers = {
    snapshot(message, buffers) {
      if (message.view != null && message.view !== view) return;
      if (message.run !== run) chart.zoomTo(null);
      run = message.run;
      asked = -Infinity;
      series.clear();
      this.append(message, buffers);
    },
    append(message, buffers) {
      if (message.run !== run) return hello();
      series.stepsPerEpoch = message.status.steps_per_epoch;
      series.append(message.n, message.m, buffers);
      if (message.plane !== undefined) plane.update(message.plane, buffers[2], buffers[3]);
      if (message.marks) {
        const edited = message.marks.filter(mark => mark.kind === "edit");
        chart.view.marks = edited;
        edits.update(edited);
        timeline.update(message.marks);
      }
      if (message.references) chart.refer(message.references);
      if (message.verdicts) {
        chart.view.verdicts = message.verdicts.filter(card => card.letter);
        verdicts.update(message.verdicts);
      }
      chart.refresh();
      show(message.status);
      if (series.length > MOST_ROWS) hello();
    },
    overlays,
  };
  /** Curves of other runs: two buffers each. */
  function overlays(message, buffers) {
    if (message.view != null && message.view !== view) return;
    chart.overlay(message.items.map((item, number) => {
      const other = new Series();
      other.stepsPerEpoch = item.steps_per_epoch;
      other.append(item.n, item.m, buffers.slice(2 * number));
      return { id: item.id, name: item.name, number, series: other };
    }));
  }

  const receive = (message, buffers = []) => handlers[message.type]?.(message, buffers);

  const release = adopt(el, "tl-run", "tl-surface");
  el.append(h("div", { class: "tl-run-head" }, buttons.el, ...status.els, progress.el), error.el, verdicts.el, edits.el, plane.el, chart.el, timeline.el);
  show(IDLE);
  const unlisten = listen(model, { "msg:custom": receive });
  const unwatch = watchTheme(el, dark => {
    chart.setTheme(dark);
    plane.setTheme(dark);
  });
  const sizes = new ResizeObserver(plane.draw);
  sizes.observe(el);
  hello();
  return () => {
    release();
    unlisten();
    unwatch();
    sizes.disconnect();
    chart.destroy();
  };
}

export default { render };
