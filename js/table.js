// The table of runs: a group of two rows each, the second of which holds what is wanted now and then.
import { attr, h, icon, keyed, line, text } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, EDGE] = [96, 24, 2];

/** The curve as a path, from edge to edge; a value that is not finite breaks it. */
function pathOf(curve) {
  const known = curve.filter(value => value != null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = i => EDGE + ((WIDE - 2 * EDGE) * i) / Math.max(1, curve.length - 1);
  const y = value => HIGH - EDGE - ((HIGH - 2 * EDGE) * (value - low)) / (high - low || 1);
  const at = (value, i) => `${curve[i - 1] == null ? "M" : "L"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  const path = curve.map((value, i) => (value == null ? "" : at(value, i))).join("");
  return known.length === 1 ? `${path}h0.1` : path;
}

function makeSpark() {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [name, value] of [["viewBox", `0 0 ${WIDE} ${HIGH}`], ["class", "tl-spark"], ["role", "img"]]) svg.setAttribute(name, value);
  svg.append(path);
  return {
    el: svg,
    update({ curve, measure }) {
      const known = curve.filter(value => value != null);
      attr(path, "d", known.length ? pathOf(curve) : "");
      attr(svg, "aria-label", known.length ? `${measure}: ${known[0]} … ${known.at(-1)}` : "–");
    },
  };
}

/** A line of text that is typed over where it stands; what a person is typing is left alone. */
function makeLine(className, change) {
  const el = h("input", {
    type: "text", class: className, autocomplete: "off", spellcheck: "false",
    onchange: () => change(el.value),
    onkeydown: event => event.key === "Enter" && el.blur(),
  });
  return {
    el,
    update(value, label) {
      if (document.activeElement !== el) el.value = value;
      attr(el, "aria-label", label);
      attr(el, "title", value);
    },
  };
}

/** What is wanted now and then: branch, settings, download, delete, and the run's edits. */
function makeMore(_, tell, download) {
  const which = h("select", { class: "tl-select", "aria-label": _("Checkpoint") });
  const forms = h("input", { type: "checkbox" });
  const button = (label, act) => h("button", { type: "button", class: "tl-button tl-small", onclick: act }, label);
  const branch = button(_("Branch"), () => tell("branch", { checkpoint: which.value, forms: forms.checked }));
  const branching = h("div", { class: "tl-runs-branch", hidden: true }, which, h("label", null, forms, " ", _("with what the forms say now")), branch);
  const edits = h("ul", { class: "tl-runs-edits" });
  const problem = h("p");
  const el = h("div", { class: "tl-runs-more" }, branching,
    h("div", { class: "tl-runs-actions" },
      button(_("Put its settings on the forms"), () => tell("settings")), button(_("Download"), download), button(_("Delete"), () => tell("delete"))),
    problem, edits);
  return {
    el,
    update: run => line(problem, run.problem),
    fill(details) {
      const names = details.checkpoints.map(({ name }) => name);
      if (names.join() !== [...which.options].map(option => option.value).join()) {
        const chosen = which.value;
        which.replaceChildren(...details.checkpoints.map(({ name, text: words }) => h("option", { value: name }, words)));
        if (names.includes(chosen)) which.value = chosen;
      }
      branching.hidden = !details.checkpoints.length;
      edits.replaceChildren(...details.edits.map(words => h("li", null, words)));
    },
  };
}

function makeRun(_, first, actions) {
  let run = first;
  const tell = (type, rest = {}) => actions.send({ type, id: run.id, ...rest });
  const tick = h("input", { type: "checkbox", onchange: () => actions.tick(run.id, tick.checked) });
  const name = makeLine("tl-runs-name", value => tell("rename", { text: value }));
  const note = makeLine("tl-runs-note", value => tell("note", { text: value }));
  note.el.placeholder = _("note");
  const pin = h("button", { type: "button", class: "tl-toggle", title: _("Keep at the top"), onclick: () => tell("pin", { on: !run.pinned }) }, icon("pin"));
  const state = h("span", { class: "tl-state" });
  const status = h("span", { class: "tl-runs-state" }, state);
  const spark = makeSpark();
  const [score, epochs, when, parent, id] = Array.from({ length: 5 }, () => h("span"));
  const differs = h("ul", { class: "tl-runs-differs" });
  const show = h("button", { type: "button", class: "tl-button tl-small", onclick: () => tell("show") }, _("Show"));
  const resume = h("button", { type: "button", class: "tl-button tl-small", onclick: () => tell("resume") }, _("Resume"));
  const open = h("button", { type: "button", class: "tl-button tl-small", "aria-expanded": false, onclick: unfold }, _("More"));
  const more = makeMore(_, tell, () => actions.download(run));
  const under = h("tr", { hidden: true }, h("td"), h("td", { colspan: 9 }, id, more.el));
  const cell = (kind, ...parts) => h("td", { class: `tl-runs-${kind}` }, ...parts);
  const row = h("tr", null, cell("tick", tick), h("th", { scope: "row" }, h("div", { class: "tl-runs-names" }, pin, name.el), note.el),
    cell("status", status), cell("curve", spark.el), cell("best", score), cell("epochs", epochs), cell("differing", differs),
    cell("parent", parent), cell("when", when), cell("do", h("div", { class: "tl-runs-actions" }, show, resume, open)));

  function unfold() {
    under.hidden = !under.hidden;
    attr(open, "aria-expanded", !under.hidden);
    if (!under.hidden) tell("details");
  }

  return {
    el: h("tbody", null, row, under),
    fill: more.fill,
    update(next) {
      if (under.hidden === false && next.epochs !== run.epochs) tell("details");
      run = next;
      const labelled = { [_("Draw {name} on the chart")]: tick, [_("Pin {name}")]: pin, [_("Show {name}")]: show, [_("Resume {name}")]: resume, [_("More on {name}")]: open };
      for (const [label, control] of Object.entries(labelled)) attr(control, "aria-label", label.replace("{name}", () => run.name));
      name.update(run.name, _("Name"));
      note.update(run.note, _("Note on {name}").replace("{name}", () => run.name));
      attr(pin, "aria-pressed", run.pinned);
      attr(status, "data-state", run.state);
      text(state, run.state_label);
      spark.update(run);
      text(score, run.best == null ? "–" : run.best.toFixed(4));
      text(epochs, run.epochs);
      text(when, run.when);
      text(id, run.id);
      text(parent, run.parent ? _("{name}, step {step}").replace("{step}", run.parent.step).replace("{name}", () => run.parentName) : "");
      if (differs.dataset.said !== run.differs.join("\n")) {
        differs.dataset.said = run.differs.join("\n");
        differs.replaceChildren(...run.differs.map(words => h("li", null, words)));
      }
      tick.checked = run.selected;
      row.classList.toggle("tl-runs-shown", run.shown);
      attr(row, "aria-current", run.shown ? "true" : null);
      resume.hidden = !run.resumable;
      show.disabled = run.state === "damaged";
      more.update(run);
    },
  };
}

/** `actions`: send a message, download a run, select it or not. */
export function makeTable(_, actions) {
  const held = new Map();
  const heads = [
    ["", _("On the chart")], [_("Run")], [_("State")], [_("Curve")], [_("Best")], [_("Epochs")], [_("Differs from the default")], [_("Parent")], [_("Begun")], ["", _("Actions")],
  ];
  const kinds = ["tick", "run", "status", "curve", "best", "epochs", "differing", "parent", "when", "do"];
  const head = h("thead", null, h("tr", null, ...heads.map(([label, hidden], i) =>
    h("th", { scope: "col", class: `tl-runs-${kinds[i]}` }, label || h("span", { class: "tl-hidden" }, hidden)))));
  const el = h("table", { "aria-label": _("Runs") }, head);
  // Each run is a body of its own, behind the head.
  const bodies = keyed(el, run => run.id, run => {
    const part = makeRun(_, run, actions);
    held.set(run.id, part);
    return part;
  }, head);
  return {
    el,
    update: bodies,
    details: message => held.get(message.id)?.fill(message),
  };
}
