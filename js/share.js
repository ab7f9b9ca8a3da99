// Sharing: an experiment that is pasted or opened, and runs that go and come as zips.
import { keep } from "./code.js";
import { h, line } from "./dom.js";
import { makeUpload } from "./upload.js";

const PATIENCE_MS = 120_000;

/**
 * Fetches a run as a zip: `fetch(run, name)` asks for it part by part; `receive` takes each answer.
 * In Python, trainlab/widgets/share.py's Carrier answers messages of this type.
 */
export function makeDownload(ctx) {
  const status = h("span", { "aria-live": "polite" });
  const error = h("p", { class: "tl-error", role: "alert" });
  const el = h("div", { class: "tl-upload" }, status, error);
  let wanted = null;
  let parts = [];
  let timer = 0;

  function ask(part) {
    clearTimeout(timer);
    timer = setTimeout(() => end(ctx._("The page was not answered: try again")), PATIENCE_MS);
    ctx.send({ type: "download", view: ctx.view, run: wanted.run, part });
  }
  function end(reason) {
    clearTimeout(timer);
    wanted = null;
    parts = [];
    line(status, "");
    line(error, reason);
  }
  end();
  return {
    el,
    fetch(run, name) {
      end();
      wanted = { run, name };
      line(status, ctx._("Packing {run} …").replace("{run}", () => name));
      ask(0);
    },
    receive(message, [data]) {
      if (message.run !== wanted?.run || (message.part ?? parts.length) !== parts.length) return;
      if (message.error) return end(message.error);
      parts.push(data);
      const got = parts.reduce((sum, part) => sum + part.byteLength, 0);
      if (got >= message.size) {
        keep(message.name, ...parts);
        return end();
      }
      line(status, ctx._("{run}: {percent} %").replace("{percent}", Math.round((100 * got) / message.size)).replace("{run}", () => wanted.name));
      ask(parts.length);
    },
  };
}

/** A button that opens a run's zip, and `el` to say how far it is. Carrier takes it in; `opened` hears its name. */
export function makeOpen(ctx, opened = () => {}) {
  return makeUpload(ctx, "openrun", "Open a run …", message => opened(message.name));
}

/** Text or a file that becomes the experiment on the forms. */
function makeReader(ctx) {
  const id = ctx.id("paste");
  const box = h("textarea", { class: "tl-text", id, rows: 4, spellcheck: "false", autocomplete: "off" });
  const input = h("input", { type: "file", class: "tl-hidden", tabindex: -1, "aria-hidden": "true", accept: ".json,.toml", onchange: () => take(input.files[0]) });
  const open = h("button", { type: "button", class: "tl-button", onclick: () => send(new Blob([box.value])) }, ctx._("Open"));
  const choose = h("button", { type: "button", class: "tl-button", onclick: () => input.click() }, ctx._("Choose a file …"));
  const status = h("p", { class: "tl-help", "aria-live": "polite" });
  const error = h("p", { class: "tl-error", role: "alert" });
  let most = 0;
  line(status, "");
  line(error, "");

  function take(file) {
    input.value = "";
    if (file && file.size > most) say(ctx._("{name} is larger than an experiment may be").replace("{name}", () => file.name));
    else if (file) send(file);
  }
  async function send(blob) {
    say("");
    ctx.send({ type: "experiment", view: ctx.view }, [await blob.arrayBuffer()]);
  }
  function say(reason) {
    line(error, reason);
    line(status, "");
  }
  return {
    el: h("section", null, h("h3", null, ctx._("Open an experiment")),
      h("label", { for: id, class: "tl-help" }, ctx._("Paste JSON, TOML or a link")), box,
      h("div", { class: "tl-actions" }, open, choose, input), status, error),
    update: spec => (most = spec.most_text),
    receive(message) {
      say(message.error);
      if (message.error) return;
      box.value = "";
      line(status, ctx._("It is on the forms now"));
    },
  };
}

export function makeShare(ctx) {
  const reader = (ctx.experiment = makeReader(ctx));
  const download = (ctx.download = makeDownload(ctx));
  const opened = h("p", { class: "tl-help", "aria-live": "polite" });
  const opening = (ctx.openrun = makeOpen(ctx, name => line(opened, ctx._("{name} is among the runs now").replace("{name}", () => name))));
  const fetch = h("button", { type: "button", class: "tl-button", onclick: () => download.fetch("", ctx._("the run")) }, ctx._("Download the run on the chart"));
  const zips = h("section", null, h("h3", null, ctx._("All there is of a run, in one zip")),
    h("p", { class: "tl-help" }, ctx._("Its settings, numbers, curves, script and weights; another lab opens it again.")),
    h("div", { class: "tl-actions" }, fetch, opening.button), download.el, opening.el, opened);
  const el = h("div", { class: "tl-share" }, reader.el, zips);
  line(opened, "");
  return {
    el,
    update(spec) {
      el.hidden = !spec;
      if (!spec) return;
      reader.update(spec);
      opening.update({ ...spec, accept: ".zip" });
    },
  };
}
