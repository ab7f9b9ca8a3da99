// Sections of a form: one choice of a family with its fields, or a list of such choices.
import { makeCard } from "./card.js";
import { attr, h, icon, keyed, line, text } from "./dom.js";
import { makeField, select } from "./fields.js";

const kindOptions = options => (options ?? []).map(option => ({ value: option.kind, label: option.label }));

/** A field that is itself a choice, such as the activation of a model. */
function nestedField(first, ctx) {
  const inner = makeSection(first.section, ctx);
  const el = h("div", { class: "tl-nested" }, inner.el);
  return { el, update: spec => inner.update({ help: spec.help, ...spec.section, label: spec.label }) };
}

function fieldList(ctx) {
  const el = h("div", { class: "tl-fields" });
  const make = spec => (spec.type === "section" ? nestedField(spec, ctx) : makeField(spec, ctx));
  const update = keyed(el, spec => `${spec.path}:${spec.type}`, make);
  return {
    el,
    update(fields) {
      el.hidden = !fields?.length;
      update(fields ?? []);
    },
  };
}

/** Buttons of a list's item. They name the item, since several rows carry the same ones. */
function itemTools(first, ctx) {
  let spec = first;
  const tool = (name, glyph, message) =>
    h("button", { type: "button", class: "tl-tool", "data-tool": name, onclick: () => ctx.edit(message(), name) }, icon(glyph));
  const tools = [
    ["Move {name} up", tool("up", "up", () => ({ type: "move", path: spec.path, by: -1 }))],
    ["Move {name} down", tool("down", "down", () => ({ type: "move", path: spec.path, by: 1 }))],
    ["Remove {name}", tool("remove", "remove", () => ({ type: "remove", path: spec.path }))],
  ];
  return {
    el: h("div", { class: "tl-tools" }, ...tools.map(([, button]) => button)),
    update(next) {
      spec = next;
      for (const [words, button] of tools) {
        const name = ctx._(words).replace("{name}", spec.label);
        attr(button, "aria-label", name);
        attr(button, "title", name);
      }
      const [up, down, remove] = tools.map(([, button]) => button);
      up.hidden = down.hidden = !spec.movable;
      up.disabled = spec.first;
      down.disabled = spec.last;
      remove.hidden = !spec.removable;
    },
  };
}

export function makeSection(first, ctx) {
  if (first.list) return makeList(first, ctx);
  const id = `${ctx.id(first.path)}-kind`;
  const kind = select(value => ctx.send({ type: "set", path: `${first.path}.kind`, value }), { id, "aria-describedby": `${id}-note` });
  const label = h("label", { for: id, class: "tl-section-label" });
  const heading = h("h3", { class: "tl-section-label" });
  const note = h("p", { class: "tl-help", id: `${id}-note` });
  const error = h("p", { class: "tl-error" });
  const was = h("p", { class: "tl-was" });
  const tools = itemTools(first, ctx);
  const fields = fieldList(ctx);
  const card = makeCard(ctx);
  const head = h("div", { class: "tl-section-head" }, label, heading, kind.el, tools.el);
  const form = h("div", { class: "tl-form" }, head, note, was, error, fields.el);
  const el = h("section", { class: "tl-section", "data-path": first.path }, form, card.el);

  return {
    el,
    update(spec) {
      const chosen = spec.options?.find(option => option.kind === spec.kind);
      text(label, spec.label);
      text(heading, spec.label);
      label.hidden = kind.el.hidden = !spec.options;
      heading.hidden = Boolean(spec.options) || spec.lone;
      head.hidden = heading.hidden && label.hidden && !spec.removable && !spec.movable;
      kind.update(kindOptions(spec.options), spec.kind);
      line(note, chosen?.summary ?? spec.help);
      line(error, spec.error);
      line(was, spec.was);
      tools.update(spec);
      fields.update(spec.fields);
      card.update(spec.card, true);
    },
  };
}

/** A family of which any number may be chosen, in order: augmentations, regularisers. */
function makeList(first, ctx) {
  let options = [];
  let picked = null;
  const id = `${ctx.id(first.path)}-add`;
  const heading = h("h3", { class: "tl-section-label" });
  const items = h("div", { class: "tl-items" });
  const empty = h("p", { class: "tl-empty" });
  const error = h("p", { class: "tl-error" });
  const was = h("p", { class: "tl-was" });
  const choice = select(value => paintChoice(value), { id });
  const add = h("button", { type: "button", class: "tl-button", onclick: () => ctx.send({ type: "add", path: first.path, kind: picked }) }, ctx._("Add"));
  const label = h("label", { for: id }, ctx._("Add to the list"));
  const note = h("p", { class: "tl-help" });
  const adder = h("div", { class: "tl-adder" }, label, choice.el, add, note);
  const el = h("section", { class: "tl-section tl-list", "data-path": first.path }, heading, was, error, items, empty, adder);
  const update = keyed(items, item => item.path, item => makeSection(item, ctx));

  function paintChoice(value) {
    picked = options.some(option => option.kind === value) ? value : options[0]?.kind;
    choice.update(kindOptions(options), picked);
    line(note, options.find(option => option.kind === picked)?.summary);
  }

  return {
    el,
    update(spec) {
      options = spec.options ?? [];
      text(heading, spec.label);
      heading.hidden = spec.lone;
      line(error, spec.error);
      line(was, spec.was);
      line(empty, spec.items.length ? "" : spec.empty);
      adder.hidden = !options.length;
      paintChoice(picked);
      const last = spec.items.length - 1;
      update(spec.items.map((item, i) => ({ ...item, first: i === 0, last: i === last })));
    },
  };
}
