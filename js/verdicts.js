// The verdicts on a run: what was seen, by which rule, and buttons that mend it.
import { attr, h, icon, keyed, text } from "./dom.js";

/** `mend(id, number)` does what a card's button says; `dismiss(id)` takes the card away. */
export function makeVerdicts(_, { mend, dismiss }) {
  const el = h("div", { class: "tl-verdicts", role: "log", "aria-label": _("Verdicts") });
  const update = keyed(el, card => card.id, first => makeCard(first, _, mend, dismiss));
  return {
    el,
    update(cards) {
      el.hidden = !cards.length;
      update(cards);
    },
  };
}

function makeCard(first, _, mend, dismiss) {
  const [title, sure] = [h("span"), h("span", { class: "tl-verdict-sure" })];
  const close = h("button", { type: "button", class: "tl-tool", onclick: () => dismiss(first.id) }, icon("remove"));
  const [seen, rule, source] = [h("p"), h("p"), h("p", { class: "tl-verdict-source" })];
  const why = h("details", null, h("summary", null, _("Why")), rule, source);
  const ways = h("div", { class: "tl-verdict-ways" });
  const el = h("section", { class: "tl-verdict", "data-id": first.id }, h("h3", null, title, sure), close, seen, ways, why);
  const update = keyed(ways, way => `${way.number} ${way.label}`, way => ({
    el: h("button", { type: "button", class: "tl-button", onclick: () => mend(first.id, way.number) }, way.label),
    update() {},
  }));
  return {
    el,
    update(card) {
      for (const [part, words] of [[title, card.title], [sure, card.sure], [seen, card.seen], [rule, card.rule], [source, card.source]]) text(part, words);
      const name = `${_("Dismiss")}: ${card.title}`;
      attr(close, "aria-label", name);
      attr(close, "title", name);
      update(card.remedies.map((label, number) => ({ label, number })));
    },
  };
}
