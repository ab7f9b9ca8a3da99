// A file of the user's, sent in parts: the next goes when the last was taken. Python checks every one.
import { attr, h, line } from "./dom.js";

const LONGEST_NAME = 200;
const MB = 1_000_000;
const PATIENCE_MS = 60_000;

export function makeUpload(ctx, type = "upload", label = "Upload a zip …", arrived = () => {}) {
  let spec = null;
  let file = null;
  let dragged = 0;
  let timer = 0;
  const input = h("input", { type: "file", class: "tl-hidden", tabindex: -1, "aria-hidden": "true", onchange: () => take(input.files[0]) });
  const button = h("button", { type: "button", class: "tl-button", onclick: () => input.click() }, ctx._(label));
  const status = h("span", { "aria-live": "polite" });
  const bar = h("progress", { max: 1, "aria-label": ctx._("Upload") });
  const error = h("p", { class: "tl-error", role: "alert" });
  const el = h("div", { class: "tl-upload" }, input, status, bar, error);

  function take(chosen) {
    input.value = "";
    if (!chosen || !spec) return;
    if (chosen.size > spec.most_bytes) return fail(ctx._("{name} is larger than {most} MB").replace("{most}", spec.most_bytes / MB).replace("{name}", () => chosen.name));
    if (!chosen.size) return fail(ctx._("{name} is empty").replace("{name}", () => chosen.name));
    file = chosen;
    line(error, "");
    sendPart(0);
  }

  async function sendPart(part) {
    const [sending, from] = [file, part * spec.part_bytes];
    clearTimeout(timer);
    show(from);
    try {
      const data = await sending.slice(from, from + spec.part_bytes).arrayBuffer();
      if (sending !== file) return;
      ctx.send({ type, view: ctx.view, part, size: sending.size, name: sending.name.slice(-LONGEST_NAME) }, [data]);
      show(from + data.byteLength);
      timer = setTimeout(() => fail(ctx._("The upload was not answered: try again")), PATIENCE_MS);
    } catch {
      fail(ctx._("{name} cannot be read").replace("{name}", () => sending.name));
    }
  }

  function show(sent) {
    const done = sent >= file.size;
    line(status, (done ? ctx._("Reading {name} …") : ctx._("Sending {name} …")).replace("{name}", () => file.name));
    bar.hidden = false;
    if (done) bar.removeAttribute("value");
    else bar.value = sent / file.size;
    button.disabled = true;
  }

  function end() {
    clearTimeout(timer);
    file = null;
    line(status, "");
    bar.hidden = true;
    button.disabled = false;
  }

  function fail(reason) {
    end();
    line(error, reason);
  }

  function offers(event) {
    return spec && !file && [...event.dataTransfer.types].includes("Files");
  }

  /** Files may be dropped anywhere on a panel that takes them. */
  function dropOn(panel) {
    const light = by => {
      dragged = Math.max(0, dragged + by);
      attr(panel, "data-drop", dragged > 0 && spec ? true : null);
    };
    panel.addEventListener("dragenter", event => offers(event) && light(1));
    panel.addEventListener("dragleave", event => offers(event) && light(-1));
    panel.addEventListener("dragover", event => offers(event) && event.preventDefault());
    panel.addEventListener("drop", event => {
      light(-dragged);
      if (!offers(event)) return;
      event.preventDefault();
      take(event.dataTransfer.files[0]);
    });
  }

  end();
  line(error, "");
  return {
    el,
    button,
    dropOn,
    update(wanted) {
      spec = wanted ?? spec;
      el.hidden = button.hidden = !wanted;
      if (wanted) attr(input, "accept", wanted.accept);
    },
    receive(message) {
      if (!file) return;
      if (message.error) return fail(message.error);
      if (message.done) {
        end();
        return arrived(message);
      }
      sendPart(message.part + 1);
    },
  };
}
