// The run's buttons, status line, progress bar and error card.
import { attr, h, icon, keyed, line, text } from "./dom.js";

const COMMANDS = [["start", "Start"], ["pause", "Pause"], ["resume", "Resume"], ["step", "Step"], ["save", "Save"], ["stop", "Stop"], ["reset", "Reset"]];
const NEXT = ["pause", "resume", "start", "reset", "stop"];
const BUSY_MS = 3000;
// The width of a comma, point, colon or slash beside a digit's.
const NARROW_CH = 0.5;
// These read "12,345 images/s" and "0:42 left"; all others have their label in front.
const LABEL_LAST = new Set(["speed", "time_left"]);

export function makeButtons(_, command) {
  const buttons = COMMANDS.map(([name, label]) => {
    const button = h("button", {
      type: "button", class: name === "start" ? "tl-button tl-primary" : "tl-button", disabled: true,
      onclick: () => {
        attr(button, "aria-busy", true);
        setTimeout(() => attr(button, "aria-busy", null), BUSY_MS);
        command(name);
      },
    }, icon(name), _(label));
    return [name, button];
  });
  const el = h("div", { class: "tl-buttons", role: "group", "aria-label": _("Run") }, ...buttons.map(([, button]) => button));
  let given = null;
  let homeless = false;
  return {
    el,
    update(enabled) {
      const at = buttons.find(([, button]) => button === document.activeElement)?.[1];
      for (const [name, button] of buttons) {
        attr(button, "aria-busy", null);
        button.disabled = !enabled[name];
      }
      // A disabled button loses the focus: it goes to what can be done next, and on to what is better.
      const adrift = homeless && document.activeElement === document.body;
      if (!adrift && !(at && (at.disabled || at === given))) {
        given = null;
        homeless = false;
        return;
      }
      given = NEXT.map(wanted => buttons.find(([name]) => name === wanted)[1]).find(button => !button.disabled);
      homeless = !given;
      given?.focus();
    },
  };
}

// Behind each part but the last, so that a line that wraps begins with a word.
const SEPARATOR = " · ";

function makeItem(first) {
  const label = h("span", { class: "tl-item-label" });
  const value = h("span", { class: "tl-item-value" });
  const parts = LABEL_LAST.has(first.name) ? [value, " ", label] : [label, " ", value];
  const separator = h("span", { class: "tl-separator" });
  const el = h("span", { class: "tl-item", "data-name": first.name }, ...parts, separator);
  if (LABEL_LAST.has(first.name)) value.style.textAlign = "right";
  let widest = 0;
  return {
    el,
    update(item) {
      text(label, item.label);
      text(value, item.value);
      text(separator, item.last ? "" : SEPARATOR);
      // Values only ever widen their place, so the line does not jump while they tick.
      const digits = item.value.replace(/\D/g, "").length;
      const wide = digits + (item.value.length - digits) * NARROW_CH;
      if (wide > widest) value.style.minWidth = `${(widest = wide)}ch`;
    },
  };
}

export function makeStatus(_) {
  const state = h("span", { class: "tl-state", "data-name": "state" });
  const items = h("span", { class: "tl-items-line" });
  const separator = h("span", { class: "tl-separator" });
  const el = h("div", { class: "tl-status", role: "status", "aria-live": "off" }, state, separator, items);
  const spoken = h("div", { class: "tl-hidden", "aria-live": "polite" });
  const message = h("p", { class: "tl-message" });
  const update = keyed(items, item => item.name, makeItem);
  return {
    els: [el, spoken, message],
    update(status) {
      attr(el, "data-state", status.state);
      text(state, status.state_label);
      text(spoken, status.state_label);
      text(message, status.points ? status.message : "");
      const parts = status.items ?? [];
      text(separator, parts.length ? SEPARATOR : "");
      update(parts.map((item, i) => ({ ...item, last: i === parts.length - 1 })));
    },
  };
}

export function makeProgress(_) {
  const bar = h("div", { class: "tl-bar" });
  const el = h("div", { class: "tl-progress", role: "progressbar", "aria-label": _("Progress"), "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  return {
    el,
    update(progress, state) {
      const percent = progress == null ? null : Math.round(progress * 1000) / 10;
      attr(el, "aria-valuenow", percent);
      el.classList.toggle("tl-indeterminate", progress == null);
      attr(el, "data-state", state);
      bar.style.transform = progress == null ? "" : `scaleX(${progress})`;
    },
  };
}

/** What was edited during the run, the newest first; each is a mark on the curves. */
export function makeEdits(_) {
  const title = h("summary");
  const items = h("ol", { class: "tl-edits-list", reversed: true });
  const el = h("details", { class: "tl-edits", hidden: true }, title, items);
  const update = keyed(items, mark => mark.number, mark => {
    const item = h("li", null, mark.text);
    return { el: item, update() {} };
  });
  return {
    el,
    update(marks) {
      el.hidden = !marks.length;
      text(title, `${_("Edited during the run")}: ${marks.length}`);
      update(marks.map((mark, number) => ({ ...mark, number })).reverse());
    },
  };
}

export function makeError(_) {
  const what = h("h3");
  const why = h("p");
  const remedy = h("span");
  const next = h("p", { class: "tl-error-next" }, h("strong", null, `${_("What to do next:")} `), remedy);
  const card = h("div", { class: "tl-error-card" }, what, why, next);
  const el = h("div", { role: "alert" });
  return {
    el,
    update(error) {
      text(what, error?.what);
      line(why, error?.why);
      text(remedy, error?.remedy);
      next.hidden = !error?.remedy;
      // An alert is announced when something appears in it.
      if (error && !card.isConnected) el.append(card);
      if (!error) card.remove();
    },
  };
}
