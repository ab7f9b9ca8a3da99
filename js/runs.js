// All runs of the store: what each was of and came to, and what can be done with it. Nothing lives here
// that Python does not have: a view that appears gets every row once, and then what changes.
import { makeCompare } from "./compare.js";
import { adopt, h, line, listen, text, translator, watchTheme } from "./dom.js";
import { makeDownload } from "./share.js";
import { makeTable } from "./table.js";

const A_PAGE = 50;

/** The newest first; of one second the longer id is the later one. Pinned ones before all. */
function newest(one, other) {
  return other.pinned - one.pinned || compare(other.created, one.created) || other.id.length - one.id.length || compare(other.id, one.id);
}
const best = (one, other) => (other.best ?? -1) - (one.best ?? -1) || newest(one, other);
const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
const wordsOf = run => [run.name, run.note, run.id, run.state_label, ...run.differs].join(" ").toLowerCase();

function render({ model, el }) {
  const _ = translator(model);
  const view = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  // What this view asked for: the others hear the answers too, and leave their readers in peace.
  const asked = new Set();
  function send(message) {
    line(wrong, "");
    if (message.type === "delete") asked.add(message.id);
    if (message.type === "compare") asked.add("compare");
    model.send({ view, ...message });
  }
  const runs = new Map();
  const wrong = h("p", { class: "tl-runs-error", "aria-live": "assertive", hidden: true });
  let [selected, shown, most, queued] = [[], "", A_PAGE, 0];

  const download = makeDownload({ _, view, send });
  const table = makeTable(_, {
    send,
    download: run => download.fetch(run.id, run.name),
    tick(id, on) {
      selected = [...selected.filter(each => each !== id), ...(on ? [id] : [])];
      send({ type: "tick", id, on });
      queue();
    },
  });
  const comparison = makeCompare(_);
  const count = h("span", { class: "tl-runs-count" });
  const search = h("input", { type: "search", class: "tl-text tl-runs-search", "aria-label": _("Search the runs"), placeholder: _("Search the runs"), oninput: again });
  const order = h("select", { class: "tl-select", "aria-label": _("Order of the runs"), onchange: again },
    h("option", { value: "newest" }, _("Newest first")), h("option", { value: "best" }, _("Best first")));
  const both = h("button", { type: "button", class: "tl-button", onclick: () => send({ type: "compare", ids: selected.slice(-2) }) }, _("Compare"));
  const hint = h("span", { class: "tl-runs-hint" }, _("Tick runs to draw them on the chart; two can be compared."));
  const undo = h("button", { type: "button", class: "tl-button tl-small", onclick: restore }, _("Undo"));
  const said = h("span");
  const toast = h("p", { class: "tl-runs-toast", "aria-live": "polite", hidden: true }, said, undo);
  const nothing = h("p", { class: "tl-runs-nothing" });
  const more = h("button", { type: "button", class: "tl-button", onclick: () => { most += A_PAGE; draw(); } });
  const gone = [];

  function restore() {
    send({ type: "restore", id: gone.pop().id });
    tell();
    (gone.length ? undo : search).focus();
  }

  /** The last run that was deleted here, and the way back. */
  function tell() {
    toast.hidden = !gone.length;
    if (gone.length) text(said, _("{name} is deleted.").replace("{name}", () => gone.at(-1).name));
  }

  function again() {
    most = A_PAGE;
    draw();
  }

  /** Many messages, one drawing. */
  function queue() {
    queued ||= requestAnimationFrame(() => {
      queued = 0;
      draw();
    });
  }

  function draw() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [...runs.values()].filter(run => words.every(word => run.words.includes(word))).sort(order.value === "best" ? best : newest);
    text(count, runs.size ? String(runs.size) : "");
    line(nothing, found.length ? "" : runs.size ? _("No run has these words.") : _("No runs yet. Press Start."));
    table.update(found.slice(0, most).map(run => ({
      ...run, selected: selected.includes(run.id), shown: run.id === shown,
      parentName: run.parent && (runs.get(run.parent.run)?.name ?? run.parent.run),
    })));
    table.el.hidden = !found.length;
    more.hidden = found.length <= most;
    text(more, _("Show more: {n} are left").replace("{n}", found.length - most));
    both.disabled = selected.length !== 2;
  }

  const handlers = {
    rows(message) {
      if (message.view != null && message.view !== view) return;
      if (message.whole) {
        runs.clear();
        [selected, shown] = [message.selected, message.shown];
      }
      for (const run of message.rows) runs.set(run.id, { ...run, words: wordsOf(run) });
      for (const id of message.gone) runs.delete(id);
      queue();
    },
    selected(message) {
      selected = message.ids;
      if (selected.length !== 2) comparison.update(null);
      queue();
    },
    shown(message) {
      shown = message.id;
      queue();
    },
    deleted(message) {
      if (!asked.delete(message.id)) return;
      gone.push(message);
      tell();
      undo.focus();
    },
    details(message) {
      if (message.view === view) table.details(message);
    },
    compare(message, buffers) {
      if (asked.delete("compare")) comparison.update(message, buffers);
    },
    download(message, buffers) {
      if (message.view === view) download.receive(message, buffers);
    },
    error(message) {
      line(wrong, message.text);
    },
  };
  const receive = (message, buffers = []) => handlers[message.type]?.(message, buffers);

  const release = adopt(el, "tl-runs", "tl-surface");
  el.append(h("details", { open: true }, h("summary", null, h("h2", null, _("Runs")), " ", count),
    h("div", { class: "tl-runs-tools" }, search, order, both, hint),
    wrong, toast, download.el, comparison.el,
    h("div", { class: "tl-runs-scroll" }, table.el), nothing, more));
  draw();
  text(nothing, "");
  const unlisten = listen(model, { "msg:custom": receive });
  const unwatch = watchTheme(el);
  send({ type: "hello" });
  return () => {
    release();
    unlisten();
    unwatch();
    cancelAnimationFrame(queued);
  };
}

export default { render };
