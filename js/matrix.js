// The confusion matrix as a grid: one stop for Tab, arrow keys inside, Enter or a click for a cell's images.
import { attr, h } from "./dom.js";

const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** `open(label, answer)` is called for a cell that is chosen. */
export function makeMatrix(ctx, open) {
  let cells = [];
  const grid = h("table", { class: "tl-matrix", role: "grid", "aria-label": ctx._("Confusion matrix"), onkeydown: walk });
  const el = h("section", null, h("h3", null, ctx._("Confusion matrix")),
    h("p", { class: "tl-help" }, ctx._("Rows: what is right. Columns: what was answered. Choose a cell to see its images.")),
    h("div", { class: "tl-matrix-box" }, grid));

  function focus(row, column) {
    for (const cell of cells.flat()) attr(cell, "tabindex", -1);
    attr(cells[row][column], "tabindex", 0);
    cells[row][column].focus();
  }

  function choose(row, column) {
    for (const cell of cells.flat()) attr(cell, "aria-selected", null);
    attr(cells[row][column], "aria-selected", "true");
    open(row, column);
  }

  function walk(event) {
    const row = cells.findIndex(line => line.includes(event.target));
    if (row < 0) return;
    const column = cells[row].indexOf(event.target);
    const last = cells.length - 1;
    const [down, right] = MOVES[event.key] ?? [0, 0];
    if (event.key === "Enter" || event.key === " ") choose(row, column);
    else if (event.key === "Home") focus(row, 0);
    else if (event.key === "End") focus(row, last);
    else if (down || right) focus(Math.min(last, Math.max(0, row + down)), Math.min(last, Math.max(0, column + right)));
    else return;
    event.preventDefault();
  }

  return {
    el,
    /** Counts, rows of rows; none hide it. Those of a `dense` one are not written into its cells. */
    update(counts, classes, dense) {
      el.hidden = !counts;
      if (!counts) return;
      cells = counts.map((line, row) => {
        const whole = line.reduce((sum, count) => sum + count, 0) || 1;
        return line.map((count, column) => {
          const told = dense ? `${classes[row]} → ${classes[column]}: ${count}` : null;
          const cell = h("td", { role: "gridcell", tabindex: row || column ? -1 : 0, title: told, "aria-label": told, "data-right": row === column, onclick: () => (focus(row, column), choose(row, column)) }, dense ? null : String(count));
          cell.style.setProperty("--share", `${Math.round(45 * Math.sqrt(count / whole))}%`);
          cell.classList.toggle("tl-none", !count);
          return cell;
        });
      });
      const name = (scope, label) => h("th", { scope, title: label }, h("span", null, dense && scope === "col" ? null : label));
      grid.replaceChildren(
        h("thead", null, h("tr", null, h("td"), ...classes.map(label => name("col", label)))),
        h("tbody", null, ...cells.map((line, row) => h("tr", null, name("row", classes[row]), ...line))));
      grid.classList.toggle("tl-dense", dense);
      grid.classList.toggle("tl-long", !dense && classes.some(label => label.length > 3));
    },
  };
}
