// The exported script: a block of Python with Copy and Download.
import { attr, h, text } from "./dom.js";

const TOKEN =
  /(?<comment>#.*)|(?<string>"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?<number>\b\d[\d_]*(?:\.\d*)?(?:e[+-]?\d+)?\b)|(?<keyword>\b(?:and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b)/g;

/** The pieces of a Python text: plain strings and coloured spans. */
function highlight(source) {
  const parts = [];
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    parts.push(source.slice(at, match.index), h("span", { class: `tl-py-${kind}` }, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, source.slice(at)];
}

/** Copies text; pages served over plain http have no clipboard API, so a selection stands in. */
async function copy(source, block) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source);
  getSelection().selectAllChildren(block);
  document.execCommand("copy");
  getSelection().removeAllRanges();
}

function download(source, filename) {
  const url = URL.createObjectURL(new Blob([source], { type: "text/x-python" }));
  h("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export function makeCode(ctx) {
  let shown = { text: "", filename: "train.py" };
  const block = h("code");
  const name = h("span", { class: "tl-filename" });
  const said = h("span", { class: "tl-help", "aria-live": "polite" });
  const copyButton = h("button", {
    type: "button", class: "tl-button",
    onclick: () => copy(shown.text, block).then(() => say("Copied"), () => say("Copying was not allowed")),
  }, ctx._("Copy"));
  const saveButton = h("button", { type: "button", class: "tl-button", onclick: () => download(shown.text, shown.filename) }, ctx._("Download"));
  const pre = h("pre", { class: "tl-pre", tabindex: 0, role: "region" }, block);
  const el = h("div", { class: "tl-code" }, h("div", { class: "tl-code-head" }, name, said, copyButton, saveButton), pre);

  function say(message) {
    text(said, ctx._(message));
    setTimeout(() => text(said, ""), 2000);
  }

  return {
    el,
    update(code) {
      el.hidden = !code;
      if (!code) return;
      if (code.text !== shown.text) block.replaceChildren(...highlight(code.text));
      shown = code;
      text(name, code.filename);
      attr(pre, "aria-label", code.filename);
    },
  };
}
