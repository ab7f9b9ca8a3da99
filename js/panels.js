// The panels of the lab: header, tabs and the open panel's form, card, pictures and code.
import { makeCard, makePictures } from "./card.js";
import { makeCheck } from "./check.js";
import { makeCode } from "./code.js";
import { adopt, attr, h, icon, keyed, line, listen, text, translator, watchTheme } from "./dom.js";
import { select } from "./fields.js";
import { makeSection } from "./form.js";
import { makeHuman } from "./human.js";
import { makeInspect } from "./inspect.js";
import { makeRace } from "./race.js";
import { makeResults } from "./results.js";
import { makeShare } from "./share.js";
import { makeUpload } from "./upload.js";

let views = 0;

function makeHeader(ctx) {
  const title = h("h1", { class: "tl-title" });
  const chips = h("ul", { class: "tl-summary" });
  const device = h("span", { class: "tl-device" });
  const asides = Object.entries(ASIDES).map(([id, label]) => {
    const toggle = () => (button.getAttribute("aria-pressed") === "true" ? ctx.back() : ctx.open(id));
    const button = h("button", { type: "button", class: "tl-button", onclick: toggle }, icon(id), ctx._(label));
    return { id, button };
  });
  const el = h("header", { class: "tl-header" }, h("div", { class: "tl-brand" }, icon("mark"), title), chips, device, ...asides.map(aside => aside.button));
  const update = keyed(chips, chip => chip.key, () => {
    const item = h("li");
    return { el: item, update: chip => text(item, chip.word) };
  });
  return {
    el,
    update(header, open) {
      el.hidden = !header?.title;
      text(title, header?.title);
      text(device, header?.device);
      update((header?.summary ?? []).map((word, key) => ({ key, word })));
      for (const { id, button } of asides) attr(button, "aria-pressed", open === id);
    },
  };
}

/** Panels that are no tabs: a button in the header opens each, and leads back. */
const ASIDES = { code: "Show the code", share: "Share" };
const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function makeTabs(ctx) {
  const el = h("div", { class: "tl-tabs", role: "tablist", "aria-label": ctx._("Panels"), onkeydown: walk });
  const update = keyed(el, tab => tab.id, tab => {
    const button = h("button", {
      type: "button", role: "tab", class: "tl-tab", id: ctx.id(`tab-${tab.id}`), "data-panel": tab.id,
      "aria-controls": ctx.id("panel"), onclick: () => ctx.open(tab.id),
    });
    return {
      el: button,
      update(next) {
        text(button, next.label);
        attr(button, "aria-selected", next.selected);
        attr(button, "tabindex", next.stop ? 0 : -1);
      },
    };
  });

  function walk(event) {
    const tabs = [...el.children];
    const at = tabs.indexOf(document.activeElement);
    const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : at + ARROWS[event.key];
    if (at < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    tab.focus();
    ctx.open(tab.dataset.panel);
  }

  return {
    el,
    update(tabs, open) {
      el.hidden = tabs.length < 2;
      const known = tabs.some(tab => tab.id === open);
      update(tabs.map((tab, i) => ({ ...tab, selected: tab.id === open, stop: known ? tab.id === open : i === 0 })));
    },
  };
}

function makePanel(ctx) {
  const title = h("h2");
  const intro = h("p", { class: "tl-intro" });
  const sections = h("div", { class: "tl-sections" });
  const actions = h("div", { class: "tl-actions" });
  const menus = h("div", { class: "tl-actions" });
  const buttons = h("div", { class: "tl-actions" }, menus, actions, ctx.upload.button);
  const pictures = makePictures(ctx);
  const cards = h("div", { class: "tl-cards" });
  const code = makeCode(ctx);
  const waiting = h("p", { class: "tl-empty" }, ctx._("Preparing the panel …"));
  const el = h("div", { class: "tl-panel tl-surface", role: "tabpanel", id: ctx.id("panel"), tabindex: -1 },
    h("div", { class: "tl-panel-head" }, h("div", null, title, intro), buttons), ctx.upload.el, waiting, sections, ctx.check.el, ctx.inspect.el, ctx.results.el, ctx.human.el, ctx.race.el, pictures.el, cards, code.el, ctx.share.el);
  ctx.upload.dropOn(el);
  const updateSections = keyed(sections, section => `${section.path}:${Boolean(section.list)}`, section => makeSection(section, ctx));
  const updateCards = keyed(cards, section => section.path, () => {
    const card = makeCard(ctx);
    return { el: card.el, update: section => card.update(section.card, false) };
  });
  const updateActions = keyed(actions, action => action.id, action => {
    const button = h("button", { type: "button", class: "tl-button", onclick: () => ctx.send({ type: "action", id: action.id }) });
    return { el: button, update: next => text(button, next.label) };
  });
  const updateMenus = keyed(menus, menu => menu.id, menu => {
    const id = ctx.id(`menu-${menu.id}`);
    const box = select(value => ctx.send({ type: "menu", id: menu.id, value }), { id });
    const label = h("label", { for: id });
    return {
      el: h("div", { class: "tl-menu" }, label, box.el),
      update(next) {
        text(label, next.label);
        box.update(next.options, next.value);
      },
    };
  });

  return {
    el,
    update(panel, tabbed) {
      attr(el, "aria-labelledby", tabbed ? ctx.id(`tab-${panel.id}`) : null);
      attr(el, "aria-label", tabbed ? null : panel.title || ctx._("Panels"));
      waiting.hidden = Boolean(panel.id);
      line(title, panel.title);
      line(intro, panel.intro);
      const lone = panel.sections?.length === 1;
      // What was chosen is seen first, and read about below.
      updateSections((panel.sections ?? []).map(section => ({ ...section, lone, card: null })));
      updateCards((panel.sections ?? []).filter(section => section.card));
      updateActions(panel.actions ?? []);
      updateMenus(panel.menus ?? []);
      ctx.upload.update(panel.upload);
      ctx.check.update(panel.check);
      ctx.inspect.update(panel.inspect);
      ctx.results.update(panel.results);
      ctx.human.update(panel.human);
      ctx.race.update(panel.race);
      pictures.update(panel.pictures);
      code.update(panel.code);
      ctx.share.update(panel.share);
    },
  };
}

/** After an item moved or went, focus follows it: to its tool at the new place, or to the adder. */
function refocus(el, wish) {
  const at = path => el.querySelector(`.tl-section[data-path="${CSS.escape(path)}"]`);
  const list = wish.path.slice(0, wish.path.lastIndexOf("."));
  const index = Number(wish.path.slice(list.length + 1));
  const moved = wish.type === "move" && at(`${list}.${index + wish.by}`);
  const tools = moved ? [...moved.querySelectorAll(`[data-tool="${wish.tool}"], .tl-tool`)] : [];
  const tool = tools.find(button => button.dataset.tool === wish.tool && !button.disabled) ?? tools.find(button => !button.disabled);
  (tool ?? at(list)?.querySelector(".tl-adder select"))?.focus();
}

function replace(old, fresh) {
  old.el.replaceWith(fresh.el);
  return fresh;
}

function render({ model, el }) {
  const view = `tl${views++}-${Math.random().toString(36).slice(2)}`;
  let pending = null;
  let before = null;
  let wish = null;
  const send = (message, buffers) => model.send(message, undefined, buffers);
  const ctx = {
    _: translator(model),
    view,
    id: name => `${view}-${name}`,
    send,
    back: () => ctx.open(before ?? model.get("tabs")?.[0]?.id),
    open(panel) {
      const here = model.get("panel")?.id;
      if (!(here in ASIDES)) before = here;
      pending = panel === model.get("panel")?.id ? null : panel;
      send({ type: "open", panel });
      draw();
    },
    edit(message, tool) {
      wish = { ...message, tool };
      send(message);
    },
  };
  // These outlive the panel they are shown in: a race stays as it was left, an upload goes on.
  ctx.check = makeCheck(ctx);
  ctx.inspect = makeInspect(ctx);
  ctx.results = makeResults(ctx);
  ctx.human = makeHuman(ctx);
  ctx.race = makeRace(ctx);
  ctx.upload = makeUpload(ctx);
  ctx.share = makeShare(ctx);
  const header = makeHeader(ctx);
  const tabs = makeTabs(ctx);
  let panel = makePanel(ctx);
  let shown = null;

  // The chosen tab answers at once; its panel follows when Python has built it.
  function draw() {
    const spec = model.get("panel") ?? {};
    const list = model.get("tabs") ?? [];
    if (spec.id === pending) pending = null;
    const open = pending ?? spec.id;
    header.update(model.get("header"), open);
    tabs.update(list, open);
    // Another panel shares no path with this one: a fresh one is simpler.
    if (shown !== null && shown !== spec.id) panel = replace(panel, makePanel(ctx));
    shown = spec.id ?? null;
    panel.update(spec, list.length > 1 && list.some(tab => tab.id === spec.id));
    attr(panel.el, "aria-busy", pending ? true : null);
  }

  function drawPanel() {
    draw();
    if (wish) refocus(el, wish);
    wish = null;
  }

  const drawChecks = () => ctx.check.show(model.get("checks"));
  const drawResults = () => ctx.results.show(model.get("results"), model.get("graded"));
  const drawHuman = () => ctx.human.show(model.get("human"));
  const receive = (message, buffers = []) => {
    if (message.view === view) ctx[message.type]?.receive?.(message, buffers);
  };
  const release = adopt(el, "tl-panels");
  el.append(header.el, tabs.el, panel.el);
  draw();
  drawChecks();
  drawResults();
  drawHuman();
  const unlisten = listen(model, { "change:panel": drawPanel, "change:header": draw, "change:tabs": draw, "change:checks": drawChecks, "change:results": drawResults, "change:graded": drawResults, "change:human": drawHuman, "msg:custom": receive });
  const unwatch = watchTheme(el, dark => ctx.race.setTheme(dark));
  return () => {
    ctx.inspect.destroy();
    ctx.race.destroy();
    release();
    unlisten();
    unwatch();
  };
}

export default { render };
