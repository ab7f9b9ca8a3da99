// How good are you? Images to be labelled one by one, and what the curves of the data set are measured by.
import { attr, h, keyed, line, text } from "./dom.js";
import { select } from "./fields.js";

const MOST_KEYS = 10;
const percent = share => `${Number((100 * share).toPrecision(4))} %`;
const image = props => h("img", { class: "tl-pixelated", decoding: "sync", ...props });
const source = png => `data:image/png;base64,${png}`;

/** The image that is asked about, and a button a class: with ten at most each has a digit for a key. */
function makeQuestion(ctx, send) {
  let [classes, at] = [[], 0];
  const progress = h("p", { "aria-live": "polite" });
  const picture = image();
  const filter = h("input", { type: "text", class: "tl-text", autocomplete: "off", spellcheck: "false", placeholder: ctx._("Type to find a class"), "aria-label": ctx._("Type to find a class"), oninput: offer });
  const buttons = h("div", { class: "tl-quiz-classes" });
  const undo = h("button", { type: "button", class: "tl-button tl-small", onclick: () => send({ do: "undo" }) }, ctx._("Undo the last"));
  const cancel = h("button", { type: "button", class: "tl-button tl-small", onclick: () => send({ do: "cancel" }) }, ctx._("Cancel"));
  const hint = h("p", { class: "tl-help" });
  const el = h("div", { class: "tl-quiz", role: "group", "aria-label": ctx._("How good are you?"), tabindex: -1, onkeydown: press },
    h("div", { class: "tl-quiz-image" }, picture), h("div", { class: "tl-quiz-side" }, progress, filter, buttons, hint, h("div", { class: "tl-check-bar" }, undo, cancel)));
  const update = keyed(buttons, item => `${item.number} ${item.name}`, ({ number, name }) => ({
    el: h("button", { type: "button", class: "tl-button tl-small", "data-class": number, onclick: () => answer(number) },
      classes.length <= MOST_KEYS && String(number) !== name ? h("kbd", null, String(number)) : null, name),
    update() {},
  }));
  const answer = number => send({ do: "answer", at, answer: number });
  const offered = () => {
    const typed = filter.value.trim().toLowerCase();
    return classes.map((name, number) => ({ name, number })).filter(item => item.name.toLowerCase().includes(typed));
  };

  function offer() {
    update(offered());
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === filter;
    const number = Number(event.key);
    if (typing && event.key === "Enter" && offered().length) answer(offered()[0].number);
    else if (event.key === "Escape") send({ do: "cancel" });
    else if (!typing && event.key === "Backspace") send({ do: "undo" });
    else if (!typing && /^\d$/.test(event.key) && classes.length <= MOST_KEYS && number < classes.length) answer(number);
    else return;
    event.preventDefault();
  }

  return {
    el,
    focus: () => (filter.hidden ? el : filter).focus(),
    update(quiz) {
      if (quiz.at !== at) filter.value = "";
      [classes, at] = [quiz.classes, quiz.at];
      text(progress, quiz.alt);
      attr(picture, "src", source(quiz.png));
      attr(picture, "alt", quiz.alt);
      filter.hidden = classes.length <= MOST_KEYS;
      text(hint, filter.hidden ? ctx._("Press a digit, or Backspace for the one before.") : ctx._("Enter takes the first of those that are left."));
      undo.disabled = !at;
      offer();
    },
  };
}

/** Which level, beside chance and your own, the accuracy curves are measured by. */
function makeLevels(ctx, send) {
  let [known, own] = [[], false];
  const id = ctx.id("known");
  const box = select(choose, { id });
  const cite = h("p", { class: "tl-help" });
  const name = h("input", { type: "text", class: "tl-text", maxlength: 24, "aria-label": ctx._("Name of the line"), placeholder: ctx._("Name of the line") });
  const level = h("input", { type: "text", inputmode: "decimal", class: "tl-number", "aria-label": ctx._("Accuracy in %"), placeholder: "%" });
  const form = h("form", { class: "tl-check-bar", onsubmit: draw }, name, level, h("button", { type: "submit", class: "tl-button tl-small" }, ctx._("Draw it")));
  const el = h("div", { class: "tl-levels" }, h("div", { class: "tl-check-bar" }, h("label", { for: id }, ctx._("Known result on the accuracy chart")), box.el), form, cite);
  let shown = "none";

  function choose(value) {
    own = value === "own";
    form.hidden = !own;
    if (own) name.focus();
    else send({ do: "line", name: known[value]?.name ?? null, accuracy: known[value]?.accuracy ?? 0 });
  }

  function draw(event) {
    event.preventDefault();
    const share = Number(level.value.replace(",", ".")) / 100;
    const fits = level.value.trim() && share >= 0 && share <= 1;
    attr(level, "aria-invalid", fits ? null : true);
    if (!fits || !name.value.trim()) return (fits ? name : level).focus();
    own = false;
    send({ do: "line", name: name.value, accuracy: share });
  }

  return {
    el,
    update(spec, chosen) {
      known = spec.known;
      const named = chosen && known.findIndex(each => each.name === chosen.name && each.accuracy === chosen.accuracy);
      if (chosen === null || (chosen === "" && !known.length)) shown = "none";
      else if (chosen === "") shown = "0";
      else shown = named >= 0 ? String(named) : "own";
      if (shown === "own" && !form.contains(document.activeElement)) {
        name.value = chosen.name;
        level.value = String(Number((100 * chosen.accuracy).toPrecision(6)));
      }
      const options = known.map((each, number) => ({ value: String(number), label: `${each.name}, ${percent(each.accuracy)}` }));
      box.update([...options, { value: "own", label: ctx._("my own line …") }, { value: "none", label: ctx._("none") }], own ? "own" : shown);
      form.hidden = !own && shown !== "own";
      line(cite, own ? "" : known[shown]?.source);
    },
  };
}

export function makeHuman(ctx) {
  let [spec, state, was] = [null, {}, ""];
  const send = message => ctx.send({ type: "human", ...message });
  const start = h("button", { type: "button", class: "tl-button", onclick: () => send({ do: "start" }) });
  const [score, error] = [h("p", { class: "tl-help" }), h("p", { class: "tl-error", role: "alert" })];
  const question = makeQuestion(ctx, send);
  const result = h("p", { class: "tl-quiz-score", tabindex: -1, role: "status" });
  const wrong = h("ul", { class: "tl-quiz-wrong" });
  const levels = makeLevels(ctx, send);
  const el = h("div", { class: "tl-checking tl-human" },
    h("h3", null, ctx._("How good are you?")),
    h("p", { class: "tl-help" }, ctx._("Label 20 validation images yourself, as they are before preprocessing. Your score becomes a line on the accuracy chart.")),
    h("div", { class: "tl-check-bar" }, start, score), error, question.el, result, wrong, levels.el);
  const update = keyed(wrong, item => item.number, () => {
    const picture = image();
    const words = h("figcaption");
    return {
      el: h("li", null, h("figure", null, picture, words)),
      update(item) {
        attr(picture, "src", source(item.png));
        attr(picture, "alt", "");
        text(words, item.alt);
      },
    };
  });

  function draw() {
    if (!spec) return;
    const quiz = state.quiz ?? {};
    const entry = state.entries?.[spec.key];
    const busy = quiz.state === "loading" || quiz.state === "asking";
    text(start, quiz.state === "loading" ? ctx._("Drawing images …") : entry?.says || quiz.state ? ctx._("Label 20 others") : ctx._("Label 20 images"));
    start.hidden = quiz.state === "asking";
    start.disabled = busy;
    line(score, busy || quiz.state === "done" ? "" : entry?.says);
    line(error, state.error);
    question.el.hidden = quiz.state !== "asking";
    if (quiz.state === "asking") question.update(quiz);
    line(result, quiz.state === "done" ? quiz.says : "");
    const missed = quiz.state === "done" ? quiz.wrong : [];
    wrong.hidden = !missed.length;
    update(missed.map((item, number) => ({ ...item, number })));
    levels.update(spec, entry?.line ?? (entry ? null : ""));
    if (quiz.state === "asking" && was === "loading") question.focus();
    if (quiz.state === "done" && was === "asking" && !el.hidden) result.focus();
    was = quiz.state;
  }

  return {
    el,
    update(wanted) {
      el.hidden = !wanted;
      spec = wanted ?? null;
      draw();
    },
    show(news) {
      state = news ?? {};
      draw();
    },
  };
}
