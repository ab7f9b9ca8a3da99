// The panel Check: the checks as they come in, and the range test with its curve. Python makes both.
import { table } from "./card.js";
import { attr, h, icon, keyed, line, text } from "./dom.js";
import { drawCurve } from "./sweep.js";
import { same, short } from "./values.js";

/** A button that starts something, and cancels it while it goes on. */
function makeButton(ctx, what, label, more = () => null) {
  const words = h("span");
  let busy = false;
  const press = () => ctx.send({ type: "check", do: busy ? "cancel" : what, ...more() });
  const el = h("button", { type: "button", class: "tl-button tl-primary", onclick: press }, words);
  return {
    el,
    update(now) {
      busy = now === what;
      text(words, busy ? ctx._("Cancel") : label);
      el.classList.toggle("tl-primary", !busy);
      el.disabled = Boolean(now) && !busy;
    },
  };
}

function makeRow(ctx) {
  const mark = h("span", { class: "tl-check-mark" });
  const [title, says, remedy] = [h("h3"), h("p"), h("p", { class: "tl-remedy" })];
  const facts = [ctx._("Expected"), ctx._("Rule"), ctx._("Took")].map(name => ({ name: h("dt", null, name), value: h("dd") }));
  const numbers = h("div");
  const more = h("details", null, h("summary", null, ctx._("Rule and numbers")), h("dl", null, ...facts.flatMap(fact => [fact.name, fact.value])), numbers);
  const el = h("li", { class: "tl-check" }, mark, h("div", null, title, says, remedy, more));
  const words = { pass: ctx._("passed"), warn: ctx._("look at it"), fail: ctx._("failed"), skip: ctx._("left out") };
  let shown = null;
  return {
    el,
    update(row) {
      if (same(row, shown)) return;
      shown = row;
      attr(el, "data-verdict", row.verdict);
      mark.replaceChildren(icon(row.verdict), h("span", { class: "tl-hidden" }, words[row.verdict]));
      text(title, row.title);
      line(says, row.says);
      line(remedy, row.remedy);
      [row.expected, row.reference, `${row.seconds.toFixed(2)} s`].forEach((value, i) => {
        line(facts[i].value, value);
        facts[i].name.hidden = !value;
      });
      numbers.replaceChildren(...(row.details.length ? [table(row.details, row.title)] : []));
    },
  };
}

function makeSuggestion(ctx, taken) {
  const [label, lr, meaning] = [h("strong"), h("span", { class: "tl-lr" }), h("span", { class: "tl-help" })];
  let value = 0;
  const button = h("button", { type: "button", class: "tl-button tl-small", onclick: () => ctx.send({ type: "set", path: "optimizer.lr", value }) });
  return {
    el: h("li", null, label, lr, button, meaning),
    update(offer) {
      value = offer.lr;
      text(label, offer.label);
      text(lr, short(offer.lr));
      text(meaning, offer.meaning);
      const used = taken() === offer.lr;
      text(button, used ? ctx._("In use") : ctx._("Use this learning rate"));
      attr(button, "aria-label", used ? null : `${ctx._("Use this learning rate")}: ${short(offer.lr)}`);
      button.disabled = used;
    },
  };
}

/** The layers that learn, to be ticked; none is known before the network was built once. */
function makeLayers(ctx) {
  const chosen = new Set();
  const boxes = h("div", { class: "tl-layers" });
  const el = h("fieldset", { class: "tl-layer-box" }, h("legend", null, ctx._("Layers: all, or those you tick")), boxes);
  const update = keyed(boxes, layer => layer.name, first => {
    const box = h("input", { type: "checkbox", onchange: () => chosen[box.checked ? "add" : "delete"](first.name) });
    const kind = h("span", { class: "tl-help" });
    return {
      el: h("label", null, box, first.name, kind),
      update(layer) {
        text(kind, layer.kind);
        box.checked = chosen.has(layer.name);
      },
    };
  });
  return {
    el,
    chosen: () => [...chosen],
    update(layers) {
      el.hidden = !layers.length;
      const names = new Set(layers.map(layer => layer.name));
      for (const name of chosen) if (layers.length && !names.has(name)) chosen.delete(name);
      update(layers);
    },
  };
}

export function makeCheck(ctx) {
  let spec = null;
  let found = {};
  const layers = makeLayers(ctx);
  const checks = makeButton(ctx, "checks", ctx._("Run the checks"));
  const range = makeButton(ctx, "range", ctx._("Run the range test"));
  const slopes = makeButton(ctx, "gradients", ctx._("Check the gradients"), () => ({ layers: layers.chosen() }));
  const parts = Object.fromEntries(["checks", "gradients", "range"].map(what => [what, { status: h("p", { class: "tl-help", "aria-live": "polite" }), stale: h("p", { class: "tl-stale" }), error: h("p", { class: "tl-error", role: "alert" }) }]));
  const rows = h("ul", { class: "tl-checks" });
  const slopeRows = h("ul", { class: "tl-checks" });
  const curve = h("div", { class: "tl-sweep" });
  const offers = h("ul", { class: "tl-offers" });
  const el = h("div", { class: "tl-checking" },
    h("div", { class: "tl-check-bar" }, checks.el, parts.checks.status), parts.checks.stale, parts.checks.error, rows,
    h("h3", null, ctx._("Gradients, layer by layer")),
    h("p", { class: "tl-help" }, ctx._("What the network's backward pass says, against differences of the loss: a few entries of every tensor.")),
    h("div", { class: "tl-check-bar" }, slopes.el, parts.gradients.status), parts.gradients.stale, parts.gradients.error, layers.el, slopeRows,
    h("h3", null, ctx._("Learning rate range test")),
    h("p", { class: "tl-help" }, ctx._("A copy is trained for 100 steps while the learning rate rises from step to step, until the loss explodes.")),
    h("div", { class: "tl-check-bar" }, range.el, parts.range.status), parts.range.stale, parts.range.error, curve, offers);
  const updateRows = keyed(rows, row => row.id, () => makeRow(ctx));
  const updateSlopes = keyed(slopeRows, row => row.id, () => makeRow(ctx));
  const updateOffers = keyed(offers, offer => offer.label, () => makeSuggestion(ctx, () => spec?.lr));

  /** The lines about one of the two: how far it is, what came out, and whether the forms have moved on since. */
  function say(what, progress) {
    const result = found[what];
    const old = result && spec && result.key !== spec[what] && found.busy !== what;
    line(parts[what].status, found.busy === what ? progress : result?.says);
    line(parts[what].stale, old && ctx._("The forms have changed since: run it again."));
    line(parts[what].error, result?.error);
  }

  function draw() {
    if (!spec) return;
    checks.update(found.busy);
    slopes.update(found.busy);
    range.update(found.busy);
    const list = found.checks?.rows ?? [];
    const points = found.range?.points ?? [];
    say("checks", ctx._("{done} of {total} checks").replace("{done}", list.length).replace("{total}", spec.total));
    say("range", ctx._("{done} steps").replace("{done}", points.length));
    say("gradients", ctx._("Comparing …"));
    layers.update(found.gradients?.layers ?? []);
    slopeRows.hidden = !found.gradients?.rows.length;
    updateSlopes(found.gradients?.rows ?? []);
    rows.hidden = !list.length;
    updateRows(list);
    curve.hidden = points.length < 2;
    if (!curve.hidden) drawCurve(curve, points, found.range.suggestions, ctx._);
    offers.hidden = !found.range?.suggestions.length;
    updateOffers(found.range?.suggestions ?? []);
  }

  return {
    el,
    update(wanted) {
      el.hidden = !wanted;
      spec = wanted ?? null;
      draw();
    },
    show(news) {
      found = news ?? {};
      draw();
    },
  };
}
