// Help cards and pictures. Texts go in as text; only svg from our own Python is parsed as markup.
import { attr, h, keyed, line, text } from "./dom.js";
import { same } from "./values.js";

const MOST_ROWS = 8;
let drawings = 0;

/** Parses trusted svg. Its ids get a prefix: two figures inlined in one page would share clip paths and glyphs. */
function drawing(source, alt) {
  const prefix = `tl${drawings++}-`;
  const renamed = source.replace(/(\bid="|href="#|url\(#)/g, `$1${prefix}`);
  const svg = document.importNode(new DOMParser().parseFromString(renamed, "image/svg+xml").documentElement, true);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", alt);
  svg.setAttribute("focusable", "false");
  return svg;
}

/** Shows one trusted svg in `el`, parsed again only when it changed. */
function drawInto(el) {
  let shown = null;
  return (source, alt) => {
    if (source === shown) return;
    shown = source;
    el.replaceChildren(...(source ? [drawing(source, alt)] : []));
  };
}

/** The card of a choice: open beside its form, folded under a nested or listed one. */
export function makeCard(ctx) {
  const formula = h("div", { class: "tl-formula" });
  const drawn = drawInto(formula);
  const summary = h("p");
  const rows = ["When to use", "Pitfalls"].map(title => ({ title: h("dt", null, ctx._(title)), body: h("dd") }));
  const source = h("p", { class: "tl-source" });
  const body = h("div", { class: "tl-card-body" }, summary, formula, h("dl", null, ...rows.flatMap(row => [row.title, row.body])), source);
  const open = h("h3");
  const fold = h("summary");
  const folded = h("details", null, fold);
  const el = h("div", { class: "tl-card" }, open, body);
  let shown = null;

  return {
    el,
    update(card, nested) {
      el.hidden = !card;
      if (!card || same(card, shown)) return;
      shown = card;
      text(open, card.title);
      text(fold, ctx._("About {name}").replace("{name}", card.title));
      if (nested && !folded.isConnected) {
        folded.append(body);
        el.replaceChildren(folded);
      }
      line(summary, card.summary);
      if (card.formula_svg) drawn(card.formula_svg, card.formula_text);
      else {
        drawn(null);
        text(formula, card.formula_text);
      }
      formula.hidden = !card.formula_svg && !card.formula_text;
      [card.use, card.pitfalls].forEach((value, i) => {
        line(rows[i].body, value);
        rows[i].title.hidden = !value;
      });
      const link = card.url && /^https?:/.test(card.url);
      source.replaceChildren(link ? h("a", { href: card.url, target: "_blank", rel: "noopener noreferrer" }, card.source || card.url) : card.source || "");
      source.hidden = !card.source && !link;
    },
  };
}

/** Rows of words beside a picture; the first row is the header. */
export function table(rows, name) {
  const row = (cells, tag) => h("tr", null, ...cells.map(cell => (tag === "th" && cell ? h("th", { scope: "col" }, String(cell)) : h("td", null, String(cell)))));
  const [head, ...rest] = rows;
  const drawn = h("table", { class: "tl-table" }, h("thead", null, row(head, "th")), h("tbody", null, ...rest.map(cells => row(cells, "td"))));
  // A box that scrolls has to be reached by the keyboard, and then to have a name.
  return h("div", { class: "tl-table-box", ...(rest.length > MOST_ROWS && { tabindex: 0, role: "region", "aria-label": name }) }, drawn);
}

function makePicture(ctx) {
  const title = h("h3");
  const frame = h("div", { class: "tl-frame" });
  const caption = h("figcaption", { class: "tl-help" });
  const words = h("div");
  const drawn = drawInto(frame);
  const image = h("img", { decoding: "async" });
  let rows = null;
  return {
    el: h("figure", { class: "tl-picture" }, title, frame, words, caption),
    update(picture) {
      line(title, picture.title);
      line(caption, picture.caption);
      frame.hidden = !picture.svg && !picture.png;
      drawn(picture.svg, picture.alt);
      if (picture.png) {
        attr(image, "src", `data:image/png;base64,${picture.png}`);
        attr(image, "alt", picture.alt);
        image.classList.toggle("tl-pixelated", Boolean(picture.pixelated));
        if (image.parentNode !== frame) frame.replaceChildren(image);
      } else image.remove();
      if (!same(rows, picture.html_rows)) {
        rows = picture.html_rows;
        words.replaceChildren(...(rows?.length ? [table(rows, picture.title)] : []));
      }
    },
  };
}

export function makePictures(ctx) {
  const el = h("div", { class: "tl-pictures" });
  const update = keyed(el, picture => picture.id, () => makePicture(ctx));
  return {
    el,
    update(pictures) {
      el.hidden = !pictures?.length;
      update(pictures ?? []);
    },
  };
}
