// The chart's controls: toggles, smoothing, zoom, and the legends that double as the readout.
import { attr, h, keyed, text } from "./dom.js";
import { AXIS_HEIGHT, LEGEND_HEIGHT, PANELS, otherColour, otherDash, palette } from "./plot.js";
import { short } from "./values.js";

const SVG = "http://www.w3.org/2000/svg";

/** A short stroke in the series' colour, dash and marker. */
function swatch(line) {
  const svg = document.createElementNS(SVG, "svg");
  const shapes = [["line", { x1: 0, y1: 5, x2: 22, y2: 5, "stroke-width": line.width + 0.5, "stroke-dasharray": line.dash?.join(" ") ?? "none", opacity: line.alpha ? 0.5 : 1 }]];
  if (line.marker) shapes.push(["circle", { cx: 11, cy: 5, r: 3 }]);
  for (const [tag, props] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const name in props) shape.setAttribute(name, props[name]);
    svg.append(shape);
  }
  for (const [name, value] of [["viewBox", "0 0 22 10"], ["class", "tl-swatch"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  return svg;
}

function toggle(label, pressed, change) {
  const el = h("button", {
    type: "button", class: "tl-toggle", "aria-pressed": pressed,
    onclick: () => {
      const on = el.getAttribute("aria-pressed") !== "true";
      attr(el, "aria-pressed", on);
      change(on);
    },
  }, ...[label].flat());
  return el;
}

export function makeToolbar(_, actions) {
  const value = h("span", { class: "tl-number-out" });
  const smoothing = h("input", { type: "range", class: "tl-slider", min: 0, max: 0.99, step: 0.01, value: 0.9, "aria-label": _("Smoothing"), oninput: paint });
  const reset = h("button", { type: "button", class: "tl-button tl-small", onclick: () => actions.zoom(null) }, _("Reset zoom"));
  const latest = h("button", { type: "button", class: "tl-button tl-small", title: _("Zoom to the latest epochs"), onclick: () => actions.zoom("latest") }, _("Latest"));
  const epoch = h("span", { class: "tl-readout" });
  const references = toggle(_("References"), true, actions.refer);
  references.hidden = true;

  function paint() {
    text(value, Number(smoothing.value).toFixed(2));
    smoothing.style.setProperty("--fill", `${(100 * smoothing.value) / 0.99}%`);
    actions.smooth(Number(smoothing.value));
  }

  paint();
  const el = h("div", { class: "tl-toolbar", role: "group", "aria-label": _("Chart") },
    epoch,
    toggle(_("Log loss"), false, actions.log),
    toggle(_("Show lr"), true, actions.lr),
    references,
    h("label", { class: "tl-smoothing", title: _("Smoothing") }, h("span", { "aria-hidden": "true" }, _("Smoothing")), smoothing, value),
    latest, reset);
  return {
    el,
    /** Whether there are levels to show. */
    refer(any) {
      references.hidden = !any;
    },
    update(x, zoomed) {
      text(epoch, `${_("epoch")} ${x == null ? "–" : x.toFixed(2)}`);
      // A button that disables itself under the finger would drop the focus to the page.
      if (!zoomed && document.activeElement === reset) latest.focus();
      reset.disabled = !zoomed;
      latest.disabled = x == null;
    },
  };
}

/** The legend of other runs on the chart: each can be hidden. */
export function makeOthers(_, hide) {
  const el = h("div", { class: "tl-overlays", role: "group", "aria-label": _("Other runs on the chart"), hidden: true });
  const update = keyed(el, other => other.id, first => {
    const name = h("span");
    const button = toggle([swatch({ width: 1.5, dash: otherDash(first.number) }), name], true, on => hide(first.id, !on));
    return {
      el: button,
      update(other) {
        text(name, `${other.number + 1} ${other.name}`);
        attr(button, "title", other.name);
        button.querySelector("line").setAttribute("stroke-dasharray", otherDash(other.number).join(" "));
        button.style.setProperty("--series", otherColour(other.number, other.dark));
      },
    };
  });
  return {
    el,
    update(others, dark) {
      el.hidden = !others.length;
      update(others.map(other => ({ ...other, dark })));
    },
  };
}

/** The legends lie over the plots, row by row at the same heights, because an image may hold no controls. */
export function makeLegends(_, hide) {
  const values = new Map();
  const rows = PANELS.map(panel => {
    const items = panel.series.map(line => {
      const value = h("span", { class: "tl-legend-value" });
      values.set(line.key, value);
      const button = toggle([swatch(line), h("span", null, _(line.label)), value], true, on => hide(line.key, !on));
      attr(button, "data-colour", line.colour);
      return button;
    });
    return h("div", { class: "tl-legend", role: "group", "aria-label": _(panel.title) }, h("span", { class: "tl-legend-title", "aria-hidden": "true" }, _(panel.title)), ...items);
  });
  const el = h("div", { class: "tl-legends" }, ...rows);
  return {
    el,
    layout(panels, dark) {
      rows.forEach((row, i) => {
        const shown = panels.includes(PANELS[i]);
        row.hidden = !shown;
        row.style.height = `${LEGEND_HEIGHT + PANELS[i].height + (PANELS[i] === panels.at(-1) ? AXIS_HEIGHT : 0)}px`;
      });
      for (const button of el.querySelectorAll("[data-colour]")) button.style.setProperty("--series", palette(dark)[button.dataset.colour]);
    },
    update(series, row) {
      for (const [key, value] of values) text(value, short(row == null ? null : series.at(key, row)));
    },
  };
}
