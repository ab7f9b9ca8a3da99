// The verdicts on a run: what was seen, by which rule, and buttons that mend it.
import { attr, h, icon, keyed, text } from "./dom.js";

/** `mend(id, number)` does what a card's button says; `dismiss(id)` takes the card away; `point(id)` shows its evidence. */
export function makeVerdicts(_, { mend, dismiss, point }) {
  const el = h("div", { class: "tl-verdicts", role: "log", "aria-label": _("Verdicts") });
  const update = keyed(el, card => card.id, first => makeCard(first, _, { mend, dismiss, point }));
  return {
    el,
    update(cards) {
      el.hidden = !cards.length;
      update(cards);
    },
  };
}

function makeCard(first, _, { mend, dismiss, point }) {
  const [letter, title, sure] = [h("span", { class: "tl-verdict-letter", "aria-hidden": "true" }), h("span"), h("span", { class: "tl-verdict-sure" })];
  const close = h("button", { type: "button", class: "tl-tool", onclick: () => dismiss(first.id) }, icon("remove"));
  const [seen, marked, rule, source] = [h("p"), h("p"), h("p"), h("p", { class: "tl-verdict-source" })];
  const why = h("details", null, h("summary", null, _("Why")), rule, source, marked);
  const ways = h("div", { class: "tl-verdict-ways" });
  const shows = () => point(first.id);
  const hides = () => point(el.matches(":focus-within") ? first.id : null);
  const el = h("section", { class: "tl-verdict", "data-id": first.id, onmouseenter: shows, onfocusin: shows, onmouseleave: hides, onfocusout: () => point(null) },
    h("h3", null, letter, title, sure), close, seen, ways, why);
  const update = keyed(ways, way => `${way.number} ${way.label}`, way => ({
    el: h("button", { type: "button", class: "tl-button", onclick: () => mend(first.id, way.number) }, way.label),
    update() {},
  }));
  return {
    el,
    update(card) {
      for (const [part, words] of [[letter, card.letter], [marked, card.marked], [title, card.title], [sure, card.sure], [seen, card.seen], [rule, card.rule], [source, card.source]]) text(part, words);
      letter.hidden = !card.letter; // only a verdict lies somewhere along the curves,
      close.hidden = why.hidden = !card.rule; // goes by a rule, and can be dismissed
      const name = `${_("Dismiss")}: ${card.title}`;
      attr(close, "aria-label", name);
      attr(close, "title", name);
      update(card.remedies.map((label, number) => ({ label, number })));
    },
  };
}
