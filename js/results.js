// The panel Results: what a checkpoint's network gets right and wrong. Python asks it; images come when they are wanted.
import { makePictures, table } from "./card.js";
import { attr, h, keyed, line, text } from "./dom.js";
import { select } from "./fields.js";
import { makeMatrix } from "./matrix.js";
import { same } from "./values.js";

/** Images as buttons, that open them in the lens. */
function makeShots(look) {
  const el = h("ul", { class: "tl-shots" });
  const update = keyed(el, shot => shot.image, first => {
    const [picture, words] = [h("img", { alt: "", class: "tl-pixelated", decoding: "async" }), h("span")];
    const button = h("button", { type: "button", class: "tl-shot", "data-image": first.image, onclick: () => look(first.image, el) }, picture, words);
    return {
      el: h("li", null, button),
      update(shot) {
        picture.hidden = !shot.png;
        attr(picture, "src", shot.png && `data:image/png;base64,${shot.png}`);
        text(words, shot.words);
      },
    };
  });
  return { el, update };
}

/** One image, and beside it what speaks for a class. */
function makeLens(ctx, look) {
  let shown = null;
  const [title, how] = [h("h4"), h("p", { class: "tl-help" })];
  const likely = h("ul", { class: "tl-likely" });
  const [image, heat] = [h("img", { class: "tl-pixelated" }), h("img", { class: "tl-pixelated" })];
  const id = ctx.id("lens-class");
  const menu = select(target => look(shown.image, el.parentNode, target), { id });
  const el = h("div", { class: "tl-lens", hidden: true, tabindex: -1 }, title,
    h("div", { class: "tl-lens-images" }, image, heat), likely,
    h("div", { class: "tl-menu" }, h("label", { for: id }, ctx._("What speaks for")), menu.el), how);
  return {
    el,
    update(found, classes) {
      shown = found;
      text(title, found.words ?? "");
      line(how, found.error ?? found.how);
      for (const [part, png, alt] of [[image, found.png, found.words], [heat, found.heat, found.how]]) {
        part.hidden = !png;
        attr(part, "src", png && `data:image/png;base64,${png}`);
        attr(part, "alt", alt);
      }
      menu.update(classes.map((label, value) => ({ value, label })), found.about);
      likely.replaceChildren(...(found.likely ?? []).map(({ name, share }) => h("li", null, h("span", null, name), h("strong", null, share))));
    },
  };
}

function makeGallery(look) {
  const [title, caption] = [h("h3"), h("p", { class: "tl-help" })];
  const shots = makeShots(look);
  return {
    el: h("section", { class: "tl-gallery" }, title, caption, shots.el),
    update(gallery) {
      text(title, gallery.title);
      text(caption, gallery.caption);
      shots.update(gallery.images);
    },
  };
}

/** The menu of checkpoints, the button, and lines on how far it is. */
function makeBar(ctx) {
  let state = { options: [] };
  let chosen = null;
  const id = ctx.id("checkpoint");
  const menu = select(value => (chosen = value), { id });
  const words = h("span");
  const press = () => ctx.send({ type: "results", ...(state.busy ? { do: "cancel" } : { do: "grade", checkpoint: wanted() }) });
  const button = h("button", { type: "button", class: "tl-button", onclick: press }, words);
  const [empty, stale, error] = [h("p", { class: "tl-empty" }), h("p", { class: "tl-stale" }), h("p", { class: "tl-error", role: "alert" })];
  const busy = h("p", { class: "tl-help", role: "status" });
  const bar = h("div", { class: "tl-check-bar" }, h("div", { class: "tl-menu" }, h("label", { for: id }, ctx._("Checkpoint")), menu.el), button, busy);
  // Who chose none follows the newest.
  const wanted = () => (state.options.find(option => option.value === chosen) ?? state.options[0])?.value;

  function reason() {
    if (state.run) return state.options.length ? "" : ctx._("The run has no checkpoint yet: wait for one, or press Save.");
    return ctx._("No run is on the chart yet: press Start.");
  }

  function age(graded) {
    if (!graded.key) return "";
    if (graded.run !== state.run) return ctx._("This is of another run: {name}").replace("{name}", () => graded.run);
    const newest = state.options[0];
    return newest && newest.value > graded.checkpoint ? ctx._("There is a newer checkpoint: {name}").replace("{name}", () => newest.label) : "";
  }

  return {
    el: h("div", { class: "tl-results-head" }, bar, empty, stale, error),
    update(next, graded) {
      state = next;
      bar.hidden = !state.options.length;
      line(empty, reason());
      menu.update(state.options, wanted());
      text(words, state.busy ? ctx._("Cancel") : ctx._("Show the results"));
      button.classList.toggle("tl-primary", !state.busy);
      line(busy, state.busy && ctx._("Asking the network …"));
      line(stale, age(graded));
      line(error, state.error);
    },
  };
}

export function makeResults(ctx) {
  let state = { options: [] };
  let graded = {};
  let asked = null;
  const ask = question => {
    asked = question;
    ctx.send({ type: "results", view: ctx.view, key: graded.key, ...question });
  };
  const cell = (label, answer) => ask({ do: "cell", label, answer });
  const look = (image, place, target = -1) => {
    const home = place.classList.contains("tl-shots") ? place.parentNode : place;
    if (lens.el.parentNode !== home) home.append(lens.el);
    ask({ do: "image", image, target });
  };
  const bar = makeBar(ctx);
  const says = h("p", { class: "tl-results-says" });
  const matrix = makeMatrix(ctx, cell);
  const found = h("p", { class: "tl-help", role: "status" });
  const shots = makeShots((image, place) => look(image, place));
  const lens = makeLens(ctx, look);
  const pairs = h("ul", { class: "tl-pairs" });
  const scores = h("div");
  const galleries = h("div", { class: "tl-galleries" });
  const pictures = makePictures(ctx);
  const picked = h("section", { class: "tl-gallery", hidden: true }, found, shots.el);
  const pairing = h("section", null, h("h3", null, ctx._("Mixed up most often")), pairs);
  const body = h("div", { class: "tl-results-body" }, says, matrix.el, pairing, picked, galleries,
    h("section", null, h("h3", null, ctx._("Class by class")), scores), pictures.el);
  const el = h("div", { class: "tl-results", hidden: true });
  const updateGalleries = keyed(galleries, gallery => gallery.id, () => makeGallery(look));
  const updatePairs = keyed(pairs, pair => `${pair.label} ${pair.answer}`, pair => {
    const button = h("button", { type: "button", class: "tl-button tl-small", onclick: () => cell(pair.label, pair.answer) });
    return { el: h("li", null, button), update: ({ label, answer, count }) => text(button, `${graded.classes[label]} → ${graded.classes[answer]}: ${count}`) };
  });

  function fill() {
    picked.hidden = lens.el.hidden = true;
    text(says, graded.says);
    matrix.update(graded.confusion, graded.classes, graded.dense);
    pairing.hidden = !graded.pairs.length;
    updatePairs(graded.pairs);
    updateGalleries(graded.galleries);
    scores.replaceChildren(table(graded.scores, ctx._("Class by class")));
    pictures.update(graded.pictures);
  }

  return {
    el,
    update(wanted) {
      if (el.hidden === !wanted) return;
      el.hidden = !wanted;
      el.replaceChildren(...(wanted ? [bar.el, body] : []));
    },
    show(next, answers) {
      const news = answers?.key && !same(answers.key, graded.key);
      [state, graded] = [{ options: [], ...next }, answers ?? {}];
      bar.update(state, graded);
      body.hidden = !graded.key;
      if (news) fill();
    },
    receive(message) {
      // An answer to an older question, or on another checkpoint, comes too late.
      if (message.key !== graded.key || Object.entries(asked ?? {}).some(([name, value]) => message[name] !== value)) return;
      if (message.do === "cell") {
        picked.hidden = false;
        line(found, message.error ?? message.says);
        shots.update(message.images ?? []);
      } else {
        lens.el.hidden = false;
        lens.update(message, graded.classes);
        lens.el.scrollIntoView({ block: "nearest" });
      }
    },
  };
}
