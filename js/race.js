// The race: optimizers on a surface, played, stepped, and started where the user drags them to.
// Python runs the optimizers; here is only what was asked for, what came back, and which step is shown.
import { attr, h, keyed, line, text } from "./dom.js";
import { select } from "./fields.js";
import { colourOf, dashOf, drawPaths, ground, trace } from "./surface.js";
import { same, short } from "./values.js";

const STEPS_A_SECOND = 40;
const ASK_AGAIN_MS = 3000;
const ASPECT = 0.6;
const KEY_SHARE = 0.02;
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const floats = view => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

/** Sends the newest question once the last one was answered, so that dragging never piles them up. */
function asker(send) {
  let waiting = false;
  let next = null;
  let number = 0;
  let timer = 0;
  function ask(question) {
    if (waiting) return (next = question);
    waiting = true;
    send({ ...question, number: ++number });
    // An answer may be lost with its connection.
    timer = setTimeout(() => arrived(number), ASK_AGAIN_MS);
  }
  /** Whether this is the answer that was waited for. */
  function arrived(which) {
    if (which !== number || !waiting) return false;
    clearTimeout(timer);
    waiting = false;
    if (next) {
      const question = next;
      next = null;
      ask(question);
    }
    return true;
  }
  return { ask, arrived, busy: () => waiting, stop: () => clearTimeout(timer) };
}

function makeLegend(ctx, state, change) {
  const el = h("div", { class: "tl-racers", role: "group", "aria-label": ctx._("Racers") });
  const update = keyed(el, racer => racer.index, first => {
    const canvas = h("canvas", { width: 72, height: 28, class: "tl-racer-swatch", "aria-hidden": "true" });
    const [label, detail, value] = [h("span", { class: "tl-racer-name" }), h("span", { class: "tl-racer-detail" }), h("span", { class: "tl-racer-value" })];
    const button = h("button", {
      type: "button", class: "tl-toggle tl-racer", "aria-pressed": true,
      onclick: () => change(() => state.hidden[state.hidden.has(first.index) ? "delete" : "add"](first.index)),
    }, canvas, label, detail, value);
    let drawn = null;
    return {
      el: button,
      update(racer) {
        text(label, racer.label);
        text(detail, racer.detail);
        text(value, racer.value);
        attr(button, "title", racer.refused || null);
        attr(button, "aria-pressed", !state.hidden.has(racer.index));
        if (drawn === state.dark) return;
        drawn = state.dark;
        const pen = canvas.getContext("2d");
        pen.setTransform(2, 0, 0, 2, 0, 0);
        pen.clearRect(0, 0, 36, 14);
        pen.strokeStyle = pen.fillStyle = colourOf(racer.index, state.dark);
        pen.lineWidth = racer.index ? 2 : 3;
        pen.setLineDash(dashOf(racer.index));
        pen.beginPath();
        pen.moveTo(0, 7);
        pen.lineTo(36, 7);
        pen.stroke();
        pen.setLineDash([]);
        trace(pen, racer.index, 18, 7, 4.5);
        pen.fill();
      },
    };
  });
  return { el, update };
}

/** The canvas, with the start on it as a button that is dragged or moved by the arrow keys. */
function makeStage(ctx, state, moved) {
  const canvas = h("canvas", { role: "img", "aria-label": ctx._("The race") });
  const start = h("button", { type: "button", class: "tl-race-start", onkeydown: nudge });
  const el = h("div", { class: "tl-race-stage", onpointerdown: grab, onpointermove: drag, onpointerup: release, onpointercancel: release }, canvas, start);
  const pen = canvas.getContext("2d");
  let held = false;
  let shown = null;
  let base = null;

  function grab(event) {
    if (event.button !== 0 || !state.surface) return;
    held = true;
    el.setPointerCapture(event.pointerId);
    event.preventDefault();
    start.focus({ preventScroll: true });
    drag(event);
  }
  function drag(event) {
    if (!held) return;
    const box = canvas.getBoundingClientRect();
    const [across, up] = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    const { x, y } = state.surface;
    moved(x[0] + across * (x[1] - x[0]), y[0] + up * (y[1] - y[0]));
  }
  function release() {
    held = false;
  }
  function nudge(event) {
    const by = ARROWS[event.key];
    if (!by || !state.surface) return;
    event.preventDefault();
    const { x, y } = state.surface;
    moved(state.start[0] + by[0] * KEY_SHARE * (x[1] - x[0]), state.start[1] + by[1] * KEY_SHARE * (y[1] - y[0]));
  }

  function draw() {
    const { surface, answer } = state;
    const [width, ratio] = [Math.floor(el.clientWidth), devicePixelRatio];
    if (!surface || !width) return;
    const height = Math.round(width * ASPECT);
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      [canvas.width, canvas.height] = [width * ratio, height * ratio];
      canvas.style.height = `${height}px`;
    }
    const [{ x, y }, [sx, sy]] = [surface, state.start];
    start.style.left = `${(100 * (sx - x[0])) / (x[1] - x[0])}%`;
    start.style.top = `${(100 * (y[1] - sy)) / (y[1] - y[0])}%`;
    attr(start, "aria-label", ctx._("Start at {x}, {y}: drag it, or press the arrow keys").replace("{x}", short(sx)).replace("{y}", short(sy)));
    attr(start, "title", ctx._("Drag the start"));
    if (!answer || answer.surface !== surface.name) return;
    const wanted = [surface.name, canvas.width, canvas.height, state.dark];
    if (!same(wanted, shown)) {
      shown = wanted;
      base = ground(canvas.width, canvas.height, answer, state.dark);
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.putImageData(base, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawPaths(pen, { width, height, surface, racers: answer.racers.length, at: answer.at, step: state.step, hidden: state.hidden, dark: state.dark });
    attr(canvas, "aria-label", answer.summary);
  }
  return { el, draw };
}

/** What came back, with ways to read it. */
function unpacked(message, [paths, losses, grid], steps) {
  const [places, heights] = [floats(paths), floats(losses)];
  const row = (racer, step) => racer * (steps + 1) + step;
  return {
    ...message,
    grid: floats(grid),
    at(racer, step) {
      const i = 2 * row(racer, step);
      return Number.isFinite(places[i]) ? [places[i], places[i + 1]] : null;
    },
    loss: (racer, step) => heights[row(racer, step)],
  };
}

export function makeRace(ctx) {
  const state = { surface: null, start: [0, 0], factor: null, step: 0, hidden: new Set(), dark: false, answer: null };
  let spec = null;
  let timer = 0;
  const questions = asker(question => ctx.send({ type: "race", view: ctx.view, ...question }));
  const legend = makeLegend(ctx, state, change);
  const stage = makeStage(ctx, state, (x, y) => {
    state.start = [clamp(x, ...state.surface.x), clamp(y, ...state.surface.y)];
    pause();
    change(() => (state.step = spec.steps));
    ask();
  });
  const surfaces = select(name => choose(name), { id: ctx.id("race-surface") });
  const factors = select(factor => {
    state.factor = factor;
    ask();
  }, { id: ctx.id("race-factor") });
  const play = h("button", { type: "button", class: "tl-button tl-small", onclick: () => (timer ? pause() : start()) });
  const next = h("button", { type: "button", class: "tl-button tl-small", "aria-label": ctx._("Step the race"), onclick: () => { pause(); to(state.step >= spec.steps ? 0 : state.step + 1); } }, ctx._("Step"));
  const range = h("input", { type: "range", class: "tl-slider", min: 0, step: 1, "aria-label": ctx._("Step"), oninput: () => { const step = Number(range.value); pause(); to(step); } });
  const count = h("span", { class: "tl-race-count" });
  const summary = h("p", { class: "tl-help", "aria-live": "polite" });
  const el = h("figure", { class: "tl-race" },
    h("h3", null, ctx._("The race")),
    h("div", { class: "tl-race-bar" },
      h("label", null, ctx._("Surface"), surfaces.el),
      h("label", { title: ctx._("The surfaces are wide: your optimizer's lr is multiplied by this") }, ctx._("Your lr ×"), factors.el),
      play, next, range, count),
    stage.el, legend.el, summary);

  function ask() {
    if (state.surface) questions.ask({ surface: state.surface.name, start: state.start, factor: state.factor });
    attr(el, "aria-busy", true);
  }
  function choose(name) {
    state.surface = spec.surfaces.find(surface => surface.name === name);
    state.start = [...state.surface.start];
    pause();
    change(() => (state.step = spec.steps));
    ask();
  }
  function to(step) {
    change(() => (state.step = clamp(step, 0, spec.steps)));
  }
  function start() {
    const from = state.step >= spec.steps ? 0 : state.step;
    const began = performance.now();
    const tick = now => {
      timer = requestAnimationFrame(tick);
      to(from + Math.floor(((now - began) / 1000) * STEPS_A_SECOND));
      if (state.step >= spec.steps || !el.isConnected) pause();
    };
    timer = requestAnimationFrame(tick);
    paint();
  }
  function pause() {
    cancelAnimationFrame(timer);
    timer = 0;
    paint();
  }
  function change(apply) {
    apply();
    paint();
  }

  function standing(racer, index) {
    if (racer.refused) return ctx._("cannot run on two weights");
    const place = state.answer.at(index, state.step);
    const { x, y } = state.surface;
    const inside = place && place[0] >= x[0] && place[0] <= x[1] && place[1] >= y[0] && place[1] <= y[1];
    return inside ? short(state.answer.loss(index, state.step)) : ctx._("left the picture");
  }

  function paint() {
    if (!spec) return;
    text(play, timer ? ctx._("Pause") : ctx._("Play"));
    attr(play, "aria-label", timer ? ctx._("Pause the race") : ctx._("Play the race"));
    attr(range, "max", spec.steps);
    range.value = state.step;
    range.style.setProperty("--fill", `${(100 * state.step) / spec.steps}%`);
    text(count, `${state.step}/${spec.steps}`);
    surfaces.update(spec.surfaces.map(({ name, label }) => ({ value: name, label })), state.surface.name);
    factors.update(spec.factors.map(value => ({ value, label: String(value) })), state.factor ?? spec.usual);
    if (state.answer?.surface === state.surface.name) {
      line(summary, state.answer.summary);
      legend.update(state.answer.racers.map((racer, index) => ({ ...racer, index, value: standing(racer, index) })));
    }
    stage.draw();
  }

  const sizes = new ResizeObserver(paint);
  sizes.observe(stage.el);
  return {
    el,
    update(wanted) {
      el.hidden = !wanted;
      if (!wanted || same(wanted, spec)) return;
      const changed = spec?.key !== wanted.key;
      spec = wanted;
      if (!state.surface) choose(spec.surfaces[0].name);
      else if (changed) ask();
      paint();
    },
    receive(message, buffers) {
      if (!questions.arrived(message.number) || message.racers == null) return;
      if (!questions.busy()) attr(el, "aria-busy", null);
      change(() => (state.answer = unpacked(message, buffers, spec.steps)));
    },
    setTheme: dark => change(() => (state.dark = dark)),
    destroy() {
      sizes.disconnect();
      questions.stop();
      cancelAnimationFrame(timer);
    },
  };
}
