// Forms as Python describes them: one panel of each shape.
const number = (path, value, more) => ({
  path, label: path.split(".").at(-1), type: "number", value, default: value, help: "", min: null, max: null, min_exclusive: false,
  max_exclusive: false, scale: "linear", slider: true, nullable: false, unit: "", options: null, error: null, section: null, ...more,
});
const section = (path, label, more) => ({ path, label, options: null, kind: null, fields: [], card: null, removable: false, movable: false, error: null, ...more });
const options = (...names) => names.map(label => ({ kind: label.toLowerCase(), label, label_short: label, summary: `${label}: what it does, in one sentence.` }));
const panel = (id, title, more) => ({ id, title, intro: "", sections: [], pictures: [], actions: [], code: null, ...more });

const card = {
  title: "AdamW", summary: "Adam with weight decay applied to the weights directly, apart from the gradient.",
  formula_svg: null, formula_text: "w ← w − lr · (m̂ / (√v̂ + eps) + weight_decay · w)",
  use: "A safe first choice for most networks; the usual one for transformers.",
  pitfalls: "Its best lr is far below SGD's. Weight decay scales with lr.",
  source: "Loshchilov & Hutter 2019", url: "https://arxiv.org/abs/1711.05101",
};

const bars = Array.from({ length: 60 }, (_, i) => {
  const height = 90 * (0.5 + 0.5 * Math.cos((i / 60) * Math.PI));
  return `<rect x="${10 + i * 9.6}" y="${100 - height}" width="7" height="${height}"/>`;
}).join("");
const picture = {
  id: "lr", title: "Learning rate over the whole run", alt: "The learning rate falls from 0.001 to 0 along half a cosine.",
  caption: "Drawn from torch's own schedule on a dummy parameter.", png: null, pixelated: false, html_rows: [["", "lr"], ["first step", "0.001"], ["last step", "0"]],
  svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 110"><g fill="currentColor" opacity="0.6">${bars}</g></svg>`,
};

export const HEADER = { title: "trainlab", summary: ["digits", "convnet", "AdamW", "cosine", "seed 0"], device: "cpu · 1 thread" };
export const TABS = ["Data", "Augment", "Model", "Init", "Optimizer", "Schedule", "Train"].map(label => ({ id: label.toLowerCase(), label }));

export const firstPanel = panel("optimizer", "Optimizer", {
  intro: "How each step turns gradients into new weights.",
  sections: [section("optimizer", "Optimizer", {
    options: options("SGD", "Adam", "AdamW", "RMSprop"), kind: "adamw", card,
    fields: [
      number("optimizer.lr", 0.003, { default: 0.001, help: "step size", min: 0, max: 10, min_exclusive: true, scale: "log" }),
      number("optimizer.weight_decay", 0.01, { help: "pull of the weights towards zero", min: 0, max: 1, scale: "log" }),
      number("optimizer.betas", [0.9, 0.999], { type: "numbers", help: "decay of the two running means" }),
      number("optimizer.eps", 1e-8, { help: "keeps the division finite", slider: false, error: "must be at least 1e-12" }),
      number("optimizer.amsgrad", false, { type: "boolean", help: "use the largest second moment so far" }),
      number("optimizer.mode", "fused", { type: "choice", options: ["fused", "foreach", "plain"].map(value => ({ value, label: value })) }),
    ],
  })],
  pictures: [picture],
});

export const PANELS = {
  optimizer: firstPanel,
  data: panel("data", "Data", { sections: [section("dataset", "Data set", { options: options("Digits", "MNIST", "Folder"), kind: "digits", fields: [number("dataset.note", "", { type: "text", nullable: true, help: "auto" })] })] }),
  augment: panel("augment", "Augment", {
    intro: "Random changes to the training images, drawn anew for every image.",
    actions: [{ id: "redraw", label: "New draws" }],
    sections: [section("augmentations", "Augmentations", {
      list: true, options: options("Flip", "Shift", "Rotate"), empty: "No augmentation: a good baseline. Add one below.",
      items: [
        section("augmentations.0", "Shift", { kind: "shift", removable: true, movable: true, card, fields: [number("augmentations.0.pixels", 1, { type: "integer", min: 0, max: 4, help: "at most this far" })] }),
        section("augmentations.1", "Rotate", { kind: "rotate", removable: true, movable: true, fields: [number("augmentations.1.degrees", 10, { min: 0, max: 180, unit: "°" })] }),
      ],
    })],
    pictures: [picture],
  }),
  model: panel("model", "Model", {
    sections: [section("model", "Model", {
      options: options("MLP", "ConvNet"), kind: "convnet", card: { ...card, title: "ConvNet" },
      fields: [
        number("model.width", 32, { type: "integer", min: 1, max: 1024, scale: "log", help: "channels of the first block" }),
        number("model.dropout", 0.1, { min: 0, max: 1, max_exclusive: true }),
        number("model.activation", null, { type: "section", section: section("model.activation", "activation", { options: options("ReLU", "Leaky", "GELU"), kind: "leaky", card, fields: [number("model.activation.slope", 0.01, { min: 0, max: 1 })] }) }),
        number("model.hidden", null, { type: "integer", nullable: true, help: "auto", slider: false }),
      ],
    })],
  }),
  init: panel("init", "Init", { intro: "Nothing to choose here." }),
  schedule: panel("schedule", "Schedule", { sections: [section("schedule", "Schedule", { options: options("Constant", "Cosine"), kind: "cosine", card: { ...card, title: "Cosine" } })], pictures: [picture] }),
  train: panel("train", "Train", {
    sections: [
      section("training", "Training", { fields: [number("training.epochs", 20, { type: "integer", min: 1, max: 200 }), number("training.batch_size", 64, { type: "integer", min: 1, max: 4096, scale: "log" }), number("training.seed", 0, { type: "integer", slider: false })] }),
      section("loss", "Loss", { options: options("CrossEntropy", "MSE"), kind: "crossentropy" }),
    ],
  }),
  code: panel("code", "Code", { code: { filename: "train.py", text: 'import torch\nfrom torch import nn\n\n# The same run, in plain PyTorch.\ntorch.manual_seed(0)\n\n\ndef train(model, lr=1e-3):\n    """One epoch."""\n    for step in range(100):\n        print(f"step {step}")\n    return None\n' } }),
};
