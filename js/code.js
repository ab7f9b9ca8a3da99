// A block of text (a script, an experiment, a link) with Copy and Download.
import { attr, h, keyed, text } from "./dom.js";

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

/** Copies what a block shows. Where the page may not, it is left selected, and false comes back. */
async function copy(source, block) {
  try {
    await navigator.clipboard.writeText(source);
    return true;
  } catch {
    getSelection().selectAllChildren(block);
    return document.execCommand("copy");
  }
}

/** Gives the browser a file to keep. */
export function keep(filename, ...parts) {
  const url = URL.createObjectURL(new Blob(parts));
  h("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export function makeCode(ctx) {
  let shown = null;
  const block = h("code");
  const name = h("span", { class: "tl-filename" });
  const said = h("span", { class: "tl-help", "aria-live": "polite" });
  const copyButton = h("button", {
    type: "button", class: "tl-button",
    onclick: async () => say((await copy(block.textContent, block)) ? "Copied" : "Selected: press Ctrl+C"),
  }, ctx._("Copy"));
  const files = h("div", { class: "tl-actions" });
  const updateFiles = keyed(files, file => file.name, ({ name: filename }) => {
    const label = ctx._("Download {name}").replace("{name}", filename);
    const ending = filename.slice(filename.lastIndexOf("."));
    const save = () => keep(filename, shown.files.find(file => file.name === filename).text ?? shown.text);
    return { el: h("button", { type: "button", class: "tl-button", "aria-label": label, title: label, onclick: save }, ctx._("Download"), ` ${ending}`), update() {} };
  });
  const pre = h("pre", { class: "tl-pre", tabindex: 0, role: "region" }, block);
  const el = h("div", { class: "tl-code" }, h("div", { class: "tl-code-head" }, name, said, copyButton, files), pre);

  function say(message) {
    text(said, ctx._(message));
    setTimeout(() => text(said, ""), 2000);
  }

  return {
    el,
    update(code) {
      el.hidden = !code;
      if (!code) return;
      const source = code.link ? `${location.origin}${location.pathname}${code.text}` : code.text;
      if (source !== block.textContent) block.replaceChildren(...(code.link ? [source] : highlight(source)));
      shown = code;
      text(name, code.name);
      attr(pre, "aria-label", code.name);
      copyButton.hidden = !source;
      pre.classList.toggle("tl-wrapped", Boolean(code.link));
      updateFiles(code.files);
    },
  };
}
