// What happened to the run, along the curves' x axis: its edits, and its checkpoints, which it can go back to.
import { attr, h, icon, keyed, text } from "./dom.js";

const keyOf = mark => `${mark.kind} ${mark.x} ${mark.name ?? mark.text}`;

/** `branch(name, forms)` goes on from a checkpoint: as the forms say, or as the run was then. */
export function makeTimeline(_, branch) {
  let [marks, chosen, shown, range, free] = [[], null, null, { min: 0, max: 1 }, false];
  const strip = h("div", { class: "tl-timeline-strip", role: "toolbar", "aria-label": _("What happened to the run"), onkeydown: walk });
  const words = h("span", { class: "tl-timeline-words" });
  const button = (label, forms) => h("button", { type: "button", class: "tl-button", onclick: () => branch(chosen.name, forms) }, label);
  const ways = [button(_("Branch with the forms' changes"), true), button(_("Go back to here"), false)];
  const said = h("p", { class: "tl-timeline-said", role: "status" }, words, ...ways);
  const el = h("div", { class: "tl-timeline", hidden: true }, strip, said);
  const update = keyed(strip, keyOf, makeMark);

  const shareOf = mark => (mark.x - range.min) / (range.max - range.min || 1);
  const seen = mark => shareOf(mark) >= 0 && shareOf(mark) <= 1;

  function makeMark(first) {
    let mark = first;
    const el = h("button", {
      type: "button", class: "tl-timeline-mark", "data-kind": first.kind,
      onclick: () => show(mark, true), onfocus: () => show(mark, true),
      onmouseenter: () => show(mark), onmouseleave: () => show(chosen),
    }, icon(first.kind));
    return {
      el,
      update(next) {
        mark = next;
        attr(el, "aria-label", mark.text);
        attr(el, "data-pinned", mark.pinned);
        attr(el, "aria-pressed", Boolean(chosen) && keyOf(mark) === keyOf(chosen));
        el.hidden = !seen(mark);
        el.style.left = `${100 * shareOf(mark)}%`;
        const seenMarks = marks.filter(seen);
        const stop = seenMarks.find(each => chosen && keyOf(each) === keyOf(chosen)) ?? seenMarks.at(-1);
        attr(el, "tabindex", stop && keyOf(mark) === keyOf(stop) ? 0 : -1);
      },
    };
  }

  function show(mark, choose = false) {
    shown = mark;
    if (choose) chosen = mark;
    draw();
  }

  function walk(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const all = [...strip.children].filter(each => !each.hidden);
    const to = by && all[all.indexOf(document.activeElement) + by];
    if (!to) return;
    event.preventDefault();
    to.focus();
  }

  function draw() {
    el.hidden = !marks.length;
    update(marks);
    const hint = marks.some(mark => mark.kind === "checkpoint") ? _("Below the curves: edits and checkpoints. Choose one.") : "";
    text(words, shown?.text ?? hint);
    const back = chosen?.kind === "checkpoint" && shown === chosen;
    for (const way of ways) {
      way.hidden = !back;
      way.disabled = !free;
      attr(way, "title", free ? null : _("Stop the run first"));
    }
  }

  return {
    el,
    update(next) {
      marks = [...next].sort((one, other) => one.x - other.x);
      const same = mark => mark && (marks.find(each => keyOf(each) === keyOf(mark)) ?? null);
      [chosen, shown] = [same(chosen), same(shown)];
      draw();
    },
    /** The part of the x axis that the curves show. */
    place(next) {
      if (next.min === range.min && next.max === range.max) return;
      range = next;
      draw();
    },
    /** Whether another run can begin now. */
    allow(next) {
      if (next === free) return;
      free = next;
      draw();
    },
  };
}
