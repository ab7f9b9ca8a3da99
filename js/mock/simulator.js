// A run that learns nothing but looks as if: noisy falling losses at 20 steps a tick.
const STEPS_AN_EPOCH = 23;
const EPOCHS = 20;
const TICK_MS = 100;

const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export class Simulator {
  constructor(push) {
    this.push = push;
    this.state = "idle";
    this.clear(null);
  }

  clear(run) {
    this.run = run;
    this.steps = [];
    this.epochs = [];
    this.error = null;
  }

  answer(message) {
    if (message.type === "hello") this.send("snapshot", this.steps, this.epochs, { view: message.view, marks: [] });
    else this[message.name]();
  }

  start() {
    this.clear(String(Date.now()));
    this.state = "building";
    this.send("snapshot", [], [], { view: null, marks: [] });
    setTimeout(() => this.resume(), 600);
  }
  resume() {
    this.state = "running";
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(4), TICK_MS);
  }
  pause() {
    this.end("paused");
  }
  step() {
    this.run ??= String(Date.now());
    this.state = "paused";
    this.tick(1);
  }
  stop() {
    this.end("done");
  }
  reset() {
    this.clear(null);
    this.end("idle");
    this.send("snapshot", [], [], { view: null, marks: [] });
  }
  fail() {
    this.error = { what: "The loss became infinite", why: "At step 135 the loss was inf: the weights had grown without bound.", remedy: "Use a smaller lr, or add gradient clipping." };
    this.end("failed");
  }
  end(state) {
    clearInterval(this.timer);
    this.state = state;
    this.push({ type: "status", run: this.run, status: this.status() });
  }

  /** Trains without waiting, for pictures. */
  finish(steps) {
    this.run ??= "finished";
    this.tick(steps);
    this.end(steps >= STEPS_AN_EPOCH * EPOCHS ? "done" : "paused");
    this.send("snapshot", this.steps, this.epochs, { view: null, marks: [{ x: 6, label: "lr" }] });
  }

  tick(count) {
    const [from, before] = [this.steps.length, this.epochs.length];
    for (let i = 0; i < count && this.steps.length < STEPS_AN_EPOCH * EPOCHS; i++) this.train();
    this.send("append", this.steps.slice(from), this.epochs.slice(before));
    if (this.steps.length >= STEPS_AN_EPOCH * EPOCHS) this.end("done");
  }

  train() {
    const x = (this.steps.length + 1) / STEPS_AN_EPOCH;
    const noise = (Math.random() - 0.5) * 0.35;
    const loss = (0.03 + 2.25 * Math.exp(-x / 1.6)) * (1 + noise);
    const accuracy = Math.min(1, 1 - 0.9 * Math.exp(-x / 1.4) + noise * 0.08);
    this.steps.push([x, loss, accuracy, 5e-4 * (1 + Math.cos((Math.PI * x) / EPOCHS))]);
    if (this.steps.length % STEPS_AN_EPOCH === 0) {
      const smooth = 0.03 + 2.25 * Math.exp(-x / 1.6);
      this.epochs.push([x, smooth, 1 - 0.9 * Math.exp(-x / 1.4), smooth * 0.95 + 0.05, 0.985 - 0.85 * Math.exp(-x / 1.2)]);
    }
  }

  status() {
    const [running, paused] = [["running", "building"].includes(this.state), this.state === "paused"];
    const [last, epoch, n] = [this.steps.at(-1), this.epochs.at(-1), this.steps.length];
    const item = (name, label, value) => ({ name, label, value });
    return {
      state: this.state,
      state_label: this.state[0].toUpperCase() + this.state.slice(1),
      items: !n ? [] : [
        item("epoch", "epoch", `${Math.ceil(last[0])}/${EPOCHS}`), item("step", "step", String(n)), item("train_loss", "train loss", last[1].toFixed(3)),
        item("val_accuracy", "val accuracy", epoch ? epoch[4].toFixed(3) : "–"), item("speed", "images/s", "12,345"), item("time_left", "left", clock((STEPS_AN_EPOCH * EPOCHS - n) / 40)),
      ],
      progress: this.state === "building" ? null : n / (STEPS_AN_EPOCH * EPOCHS),
      points: n,
      summary: n ? `Loss fell from ${this.steps[0][1].toFixed(2)} to ${last[1].toFixed(2)}.` : "",
      buttons: { start: !running && !paused, pause: this.state === "running", resume: paused, step: !running, stop: running || paused, reset: !running },
      message: "Press Start to train. The curves appear here as the network learns.",
      error: this.error,
    };
  }

  send(type, steps, epochs, more) {
    const pack = (rows, width) => new DataView(Float32Array.from(Array.from({ length: width }, (_, k) => rows.map(row => row[k])).flat()).buffer);
    this.push({ type, run: this.run, status: this.status(), n: steps.length, m: epochs.length, ...more }, [pack(steps, 4), pack(epochs, 5)]);
  }
}
