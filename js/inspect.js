// The panel Inspect: what a run does inside, now or at any step of its past. While the panel is open, and seen, the
// page asks Python for what it lacks; each answer says how long to wait before the next question.
import { attr, h, keyed, line, text } from "./dom.js";
import { select } from "./fields.js";
import { drawBars, drawChances, drawLog, drawTiles, key } from "./strips.js";

const ASK_EVERY_MS = 1000;
const ASK_AGAIN_MS = 4000;
const BAND = [1e-4, 1e-3, 1e-2];

const floats = view => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
const bytes = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Rows of a table that arrived in one piece. */
const rows = (values, count) => Array.from({ length: count }, (_, i) => values.subarray((i * values.length) / count, ((i + 1) * values.length) / count));

/** Asks at most as often as the answers allow, and once a second by itself. */
function makeAsker(ask) {
  let [timer, free, waiting] = [0, 0, 0];
  function go() {
    clearTimeout(timer);
    const now = performance.now();
    const wait = Math.max(free - now, waiting + ASK_AGAIN_MS * (waiting > 0) - now * (waiting > 0));
    if (wait > 0) return (timer = setTimeout(go, wait));
    waiting = now;
    timer = setTimeout(go, ASK_AGAIN_MS);
    ask();
  }
  return {
    soon: go,
    answered(wait) {
      clearTimeout(timer);
      [free, waiting] = [performance.now() + wait, 0];
      timer = setTimeout(go, Math.max(wait, ASK_EVERY_MS));
    },
    stop() {
      clearTimeout(timer);
      waiting = 0;
    },
  };
}

/** A layer's card: histograms of its outputs and gradients, and what they say. */
function makeCard(ctx) {
  const title = h("h4");
  const [outputs, gradients] = [ctx._("outputs"), ctx._("gradients")].map(name => ({ name, el: h("figure", { class: "tl-hist" }) }));
  const [says, warns] = [h("p"), h("p", { class: "tl-warns" })];
  return {
    el: h("li", { class: "tl-inside-card" }, title, outputs.el, gradients.el, warns, says),
    update(card) {
      text(title, card.label);
      for (const [{ name, el }, values] of [[outputs, card.outputs], [gradients, card.gradients]]) {
        el.hidden = !values;
        if (values) el.replaceChildren(drawBars(values, `${card.label}: ${name}`), h("figcaption", null, h("span", null, values[0]), name, h("span", null, values[1])));
      }
      line(warns, card.warns.join(", "));
      line(says, card.says.join(", "));
    },
  };
}

/** One of the fixed images: itself, what the network says of it, and how that moved. */
function makeGuess(ctx) {
  const canvas = h("canvas", { class: "tl-tiles", "aria-hidden": "true" });
  const [says, curve] = [h("p"), h("div", { class: "tl-chances" })];
  return {
    el: h("li", null, canvas, says, curve),
    update({ image, fixed, chances, at }) {
      drawTiles(canvas, fixed.shape, fixed.images, 1, image, 1);
      const right = fixed.labels[image];
      const now = chances[at];
      const others = [...now.keys()].filter(label => label !== right);
      const rival = others.reduce((best, label) => (best === null || now[label] > now[best] ? label : best), null);
      const wrong = rival !== null && now[rival] > now[right];
      const percent = label => `${fixed.classes[label]}: ${Math.round(now[label] / 2.55)} %`;
      text(says, `${wrong ? "✗ " : ""}${[right, rival].filter(label => label !== null).map(percent).join(" · ")}`);
      says.classList.toggle("tl-wrong", wrong);
      curve.replaceChildren(drawChances(chances, right, rival, at, says.textContent));
    },
  };
}

export function makeInspect(ctx) {
  const _ = ctx._;
  let spec = null;
  let parts = {};
  let [number, step, layer, tier, image, state] = [null, null, "", "usual", 0, "idle"];
  const asker = makeAsker(() => {
    if (document.visibilityState === "hidden" || !el.isConnected) return asker.answered(0);
    const known = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.key]));
    ctx.send({ type: "inspect", view: ctx.view, step, layer, known });
  });
  const choose = () => ctx.send({ type: "inspect", tier, image });

  const tiers = select(value => ((tier = value), choose(), draw()), { "aria-label": _("Cost") });
  const [cost, tierHelp] = [h("span"), h("span")];
  const range = h("input", { type: "range", class: "tl-slider", min: 0, step: 1, "aria-label": _("Step"), oninput: slide });
  const latest = h("button", { type: "button", class: "tl-button tl-small", onclick: follow }, _("Newest step"));
  const says = h("p", { class: "tl-inspect-says" });
  const empty = h("p", { class: "tl-empty" });
  const [ratios, norms] = [h("div", { class: "tl-log" }), h("div", { class: "tl-log" })];
  const names = h("ul", { class: "tl-key" });
  const guesses = h("ul", { class: "tl-guesses" });
  const layers = h("ul", { class: "tl-inside" });
  const rules = h("div");
  const more = h("p", { class: "tl-help" });
  const none = h("p", { class: "tl-help" });
  const [filters, maps] = [h("canvas", { class: "tl-tiles", role: "img" }), h("canvas", { class: "tl-tiles", role: "img" })];
  const layerBox = select(value => ((layer = value), asker.soon()), { "aria-label": _("Layer") });
  const imageBox = select(value => ((image = Number(value)), choose(), draw()), { "aria-label": _("Image") });
  const when = h("p", { class: "tl-help" });
  const sections = {
    curves: h("section", null, h("h3", null, _("Update : weight")),
      h("p", { class: "tl-help" }, `${_("How far a step moves a layer's weights, over how long they are: about 1e-3 is sound.")} ${_("Much less, and the learning rate is low; much more, and it is high.")}`),
      ratios, h("h3", null, _("Gradient norm")), norms, names, more),
    chances: h("section", null, h("h3", null, _("The same images again and again")),
      h("p", { class: "tl-help" }, `${_("Solid: the chance of the right class. Dashed: of the likeliest wrong one.")} ${_("Curves that jump from look to look say that the learning rate is high.")}`), guesses),
    cards: h("section", null, h("h3", null, _("Layers")), rules, layers, none),
    pictures: h("section", null, h("h3", null, _("Filters and feature maps")), when,
      h("div", { class: "tl-inspect-bar" }, h("label", null, _("Layer"), layerBox.el), h("label", null, _("Image"), imageBox.el)),
      h("div", { class: "tl-tilings" }, h("figure", null, filters, h("figcaption", null, _("First layer's filters: grey is 0"))), h("figure", null, maps, h("figcaption", null, _("Feature maps: the brighter, the larger"))))),
  };
  const el = h("div", { class: "tl-inspect" },
    h("div", { class: "tl-inspect-bar" }, h("label", null, _("Cost"), tiers.el), h("p", { class: "tl-help" }, tierHelp, " ", cost)),
    empty, h("div", { class: "tl-inspect-bar tl-inspect-steps" }, range, latest, says), ...Object.values(sections));
  const bar = range.parentElement;
  const updateCards = keyed(layers, card => card.name, () => makeCard(ctx));
  const updateGuesses = keyed(guesses, guess => guess.image, () => makeGuess(ctx));
  new ResizeObserver(() => parts.curves && drawCurves()).observe(el);

  function slide() {
    const place = Number(range.value);
    step = place === parts.curves.steps.length - 1 ? null : parts.curves.steps[place];
    asker.soon();
  }
  function follow() {
    step = null;
    asker.soon();
  }

  function drawCurves() {
    const { steps, layers: labels, update_ratio: moves, grad_norm: lengths, left_out: left } = parts.curves;
    const chosen = step === null ? null : parts.look.step;
    const lines = values => rows(values, labels.length).map((row, i) => ({ label: labels[i], values: [...row] }));
    if (labels.length) {
      drawLog(ratios, { name: _("Update : weight"), steps, lines: lines(moves), band: BAND, bandName: _("sound"), chosen });
      drawLog(norms, { name: _("Gradient norm"), steps, lines: lines(lengths), chosen });
    }
    names.replaceChildren(...key(labels));
    line(more, left ? _("{n} layers between these are left out").replace("{n}", left) : "");
  }

  function drawGuesses(at) {
    const { curves, fixed } = parts;
    const count = fixed?.labels.length ?? 0;
    sections.chances.hidden = !count || !curves.chances;
    if (sections.chances.hidden) return;
    const looks = rows(curves.chances, curves.steps.length).map(row => rows(row, count));
    updateGuesses(fixed.labels.map((_label, image) => ({ image, fixed, at, chances: looks.map(look => look[image]) })));
  }

  function drawPictures() {
    const { pictures, fixed } = parts;
    sections.pictures.hidden = !pictures?.filters && !pictures?.maps;
    if (sections.pictures.hidden) return;
    text(when, _("Recorded after step {step}, of image {n}.").replace("{step}", pictures.step.toLocaleString("en")).replace("{n}", pictures.image + 1));
    for (const [kind, canvas] of [["filters", filters], ["maps", maps]]) {
      canvas.parentElement.hidden = !pictures[kind];
      if (pictures[kind]) drawTiles(canvas, pictures[kind], pictures[`${kind}Bytes`]);
      attr(canvas, "aria-label", kind === "filters" ? _("First layer's filters: grey is 0") : `${_("Feature maps: the brighter, the larger")}: ${pictures.layer}`);
    }
    layerBox.update(pictures.layers, pictures.layer);
    layerBox.el.parentElement.hidden = !pictures.layers.length;
    const named = label => (label === undefined ? "" : `: ${fixed.classes[label]}`);
    const options = Array.from({ length: fixed?.labels.length ?? 0 }, (_none, i) => ({ value: String(i), label: `${i + 1}${named(fixed.labels[i])}` }));
    imageBox.update(options, String(image));
    imageBox.el.parentElement.hidden = !options.length || !pictures.layers.length;
    imageBox.el.disabled = !["building", "running", "paused"].includes(state);
  }

  function draw() {
    if (!spec) return;
    tiers.update(spec.tiers, tier);
    text(tierHelp, spec.tiers.find(option => option.value === tier)?.help);
    text(cost, parts.look?.cost);
    const { curves, look } = parts;
    const shown = Boolean(curves && look);
    line(empty, shown ? "" : ["building", "running"].includes(state) ? _("The first look comes with the first steps.") : _("Press Start: this shows the run while it trains, and any step of it afterwards."));
    bar.hidden = !shown;
    for (const section of Object.values(sections)) section.hidden = !shown;
    if (!shown) return;
    range.max = curves.steps.length - 1;
    const place = curves.steps.findIndex(at => at >= look.step);
    const at = place < 0 ? curves.steps.length - 1 : place;
    if (document.activeElement !== range || step === null) range.value = at;
    attr(range, "aria-valuetext", look.says);
    attr(latest, "aria-pressed", step === null);
    text(says, look.says);
    drawCurves();
    drawGuesses(at);
    updateCards(look.cards);
    rules.replaceChildren(...look.rules.map(rule => h("p", { class: "tl-warns" }, rule)));
    line(none, look.left_out ? _("{n} layers between these are left out").replace("{n}", look.left_out) : look.cards.every(card => !card.outputs) ? _("At this cost no histograms and no pictures are kept.") : "");
    drawPictures();
  }

  /** Takes in an answer: the parts that are new, each with its bytes. */
  function receive(message, buffers) {
    if (!spec) return; // the panel was left meanwhile
    asker.answered(message.wait);
    const fresh = message.number !== number || message.state !== state || message.tier !== tier || message.image !== image || Object.keys(message.parts).length;
    if (message.number !== number) [parts, step] = [{}, null];
    ({ number, tier, image, state } = message);
    const found = Object.fromEntries(message.buffers.map((name, i) => [name, buffers[i]]));
    for (const [name, part] of Object.entries(message.parts)) parts[name] = part;
    for (const [name, data] of Object.entries(found)) {
      const [part, kind] = name.split(".");
      if (part === "pictures") parts.pictures[`${kind}Bytes`] = bytes(data);
      else parts[part][kind] = kind in { images: 1, chances: 1 } ? bytes(data) : floats(data);
    }
    if (fresh) draw();
  }

  return {
    el,
    receive,
    update(wanted) {
      const opened = wanted && !spec;
      el.hidden = !wanted;
      spec = wanted ?? null;
      if (!spec) asker.stop();
      else if (opened) asker.soon();
      draw();
    },
    destroy: asker.stop,
  };
}
