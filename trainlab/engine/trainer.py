"""Trainer: the training loop, the only one. A generator: pause and stop fall out at its safe points.

fetch and build
each epoch:
    each batch:  obey commands · forward · loss · backward · regularisers · step · schedule
    validate · schedule · keep the best
finish
"""

import copy
import math
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.regularizers import near_zero
from trainlab.catalog.schedules import anneal_momentum, warmed_up
from trainlab.engine import checkpoint
from trainlab.engine.batches import epoch_order, right
from trainlab.engine.boundary import EVERY, boundary, is_plane
from trainlab.engine.build import Parts, build_parts
from trainlab.engine.device import default_threads
from trainlab.engine.meter import Meter, NonFiniteLoss
from trainlab.engine.randomness import key_seed
from trainlab.engine.weights import weights_sha256
from trainlab.experiment import Experiment
from trainlab.text import _

_STATES: dict[type[cmd.Command], ev.State] = {
    cmd.Pause: "paused",
    cmd.Resume: "running",
    cmd.Stop: "stopping",
}
SAVE_EVERY = 5.0  # seconds: writing safely takes longer than a small net's epoch


class Trainer:
    """One training of one experiment.

    Args:
        experiment: what to train.
        folder: where checkpoints go; None keeps none.
        resume: the checkpoint to go on from; None starts at the beginning.
        threads: torch's intra-op threads where the experiment leaves them open: those of the run's
            first part, since another number gives other last bits.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path | None = None,
        resume: checkpoint.Snapshot | None = None,
        threads: int | None = None,
    ) -> None:
        self.experiment, self.folder, self._resume = experiment, folder, resume
        self._threads = experiment.training.threads or threads or default_threads()
        self.step = self.epoch = 0  # done so far
        # train loss and accuracy, validation loss and accuracy
        self.last: tuple[float, ...] = (math.nan,) * 4
        self.scores: list[float] = []  # validation accuracy of each epoch
        self.best: checkpoint.Snapshot | None = None
        self.meter = Meter(0)
        self._stopping = False
        self._budget: int | None = None  # steps before holding: 0 while paused, None while running
        self._saved_at = time.perf_counter()
        self._looked_at = -math.inf

    def run(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        """Train to the end, or to a Stop; obey what comes in through `inbox` between two steps."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        torch.set_flush_denormal(True)  # numbers near zero would slow a net that fits its data
        try:
            yield ev.Changed("building")
            yield from self._build(inbox)
            if not self._stopping:
                yield from self._train(inbox)
        except NonFiniteLoss:
            yield from self._save_finite()
            raise
        finally:
            torch.set_flush_denormal(False)
            torch.set_num_threads(before)

    def _build(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        experiment = self.experiment
        for progress in chain(experiment.dataset.fetch(), experiment.model.fetch()):
            yield progress
            yield from self._obey(inbox, hold=False)
            if self._stopping:
                yield ev.Changed("idle")
                return
        self.parts: Parts = build_parts(experiment, experiment.dataset.load())
        self._restore()
        parts = self.parts
        yield ev.Started(
            epochs=parts.plan.epochs,
            steps_per_epoch=parts.plan.steps_per_epoch,
            train_images=len(parts.train),
            val_images=len(parts.val),
            classes=parts.classes,
            parameters=sum(p.numel() for p in parts.model.parameters()),
            device=str(parts.device),
            threads=torch.get_num_threads(),
            first_step=self.step,
            first_epoch=self.epoch,
        )
        yield ev.Changed("running" if self._budget is None else "paused")

    def _train(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        plan, seed = self.parts.plan, self.experiment.training.seed
        while self._goes_on():
            done = self.step - self.epoch * plan.steps_per_epoch
            order = epoch_order(len(self.parts.train), seed, self.epoch)
            size = self.experiment.batch_size(len(self.parts.train))
            batches = order.to(self.parts.device).split(size)
            for index in batches[done : plan.steps_per_epoch]:
                yield from self._obey(inbox)
                if self._stopping:
                    break
                self._train_step(index)
                if self._budget:
                    self._budget -= 1
                if self.meter.due():
                    yield from self._report()
            yield from self._report()
            if not self._stopping:
                yield from self._end_epoch(inbox)
        yield from self._finish()

    def _goes_on(self) -> bool:
        rules = [rule for rule in self.experiment.regularizers if rule.moment == "epoch"]
        enough = any(rule.build(self.scores) for rule in rules)
        return not self._stopping and not enough and self.epoch < self.parts.plan.epochs

    def _train_step(self, index: Tensor) -> None:
        """One optimizer step on the training images of these rows."""
        parts, schedule = self.parts, self.experiment.schedule
        step = self.step + 1
        inputs, labels = parts.train.inputs(index, self.experiment.training.seed, "augment", step)
        measured: list[tuple[Tensor, Tensor]] = []

        def closure() -> Any:  # a tensor, which torch takes for a float
            loss, logits = self._gradients(inputs, labels, step)
            measured.append((loss, logits))
            return loss

        self._anneal_momentum(step)
        with warmed_up(parts.optimizer, step, schedule.warmup):
            lr = parts.optimizer.param_groups[0]["lr"]
            if self.experiment.optimizer.full_batch:
                parts.optimizer.step(closure)
            else:
                closure()
                parts.optimizer.step()
        self._regularize("weights")
        if schedule.interval == "step":
            parts.schedule.step()
        self.step = step
        loss, logits = measured[0]
        hits = right(logits, labels).view(len(index), -1).all(1).sum()
        self.meter.add(loss, hits, len(index), lr)

    def _gradients(self, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Loss and logits of a batch, with fresh gradients; a loss that is not finite ends the run here."""
        parts = self.parts
        if parts.noise is not None:
            parts.noise.manual_seed(key_seed(self.experiment.training.seed, "noise", step))
        with self._precision():
            logits = parts.forward(inputs)
            loss = parts.loss(logits, labels)
        parts.optimizer.zero_grad()
        loss.backward()
        loss = loss.detach()
        # reading it costs nothing on the CPU; on a GPU the meter finds it a tenth of a second later
        if parts.device.type == "cpu" and not math.isfinite(value := loss.item()):
            raise NonFiniteLoss(step, value)
        self._regularize("gradient")
        return loss, logits.detach()

    def _regularize(self, moment: str) -> None:
        for rule in self.experiment.regularizers:
            if rule.moment == moment:
                rule.build(self.parts.model.parameters())

    def _anneal_momentum(self, step: int) -> None:
        plan, end = self.parts.plan, self.experiment.schedule.momentum_end
        if end is not None and plan.momentum is not None:
            progress = (step - 1) / max(1, plan.steps - 1)
            anneal_momentum(self.parts.optimizer, plan.momentum, end, progress)

    def _report(self) -> Iterator[ev.Event]:
        steps = self.meter.read()
        if steps is not None:
            yield steps
            yield from self._look()
        if self.meter.broken is not None:
            broken, self.meter.broken = self.meter.broken, None
            raise broken

    def _look(self) -> Iterator[ev.Event]:
        """Where the net parts the plane, if the data lie in one."""
        held = self._budget is not None or not self._goes_on()
        if is_plane(self.parts.val) and (held or time.perf_counter() - self._looked_at > EVERY):
            yield boundary(self.parts.model, self.parts.val, self.step)
            self._looked_at = time.perf_counter()

    def _end_epoch(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        """Validate, move the schedule, keep the best weights."""
        started = time.perf_counter()
        val_loss, val_accuracy, measures = yield from self._validate(inbox)
        if self._stopping:  # a resumed run validates again
            return
        match self.experiment.schedule.interval:
            case "epoch":
                self.parts.schedule.step()
            case "validation":
                self.parts.schedule.step(val_loss)
        self.epoch += 1
        self.last = (*self.meter.end_epoch(), val_loss, val_accuracy)
        self.scores.append(val_accuracy)
        seconds = time.perf_counter() - started
        yield ev.EpochEnd(self.epoch, self.step, *self.last, seconds, measures)
        if self.best is None or _score(self._facts()) > _score(self.best.facts):
            self.best = self.snapshot()
        if time.perf_counter() - self._saved_at > SAVE_EVERY:
            yield from self.save()
        self.meter.restart_clock()

    def _validate(
        self, inbox: cmd.Commands
    ) -> Generator[ev.Event, None, tuple[float, float, dict[str, float]]]:
        """Mean loss, accuracy and other measures over the validation images, in evaluation mode."""
        batches, model = self.parts.val, self.parts.model
        loss, hits, marks = 0.0, 0, 0
        rows = torch.arange(len(batches), device=self.parts.device)
        model.eval()
        for index in rows.split(2 * self.experiment.training.batch_size):
            yield from self._obey(inbox, hold=False)
            if self._stopping:
                break
            with torch.no_grad(), self._precision():
                inputs, labels = batches.inputs(index)
                logits = self.parts.forward(inputs)
                loss += self.parts.loss(logits, labels).item() * len(index)
                found = right(logits, labels).view(len(index), -1)
                hits += int(found.all(1).sum())
                marks += int(found.sum())
        model.train()
        several = batches.labels.ndim > 1
        measures = {"digit_accuracy": marks / batches.labels.numel()} if several else {}
        if any(rule.shows_sparsity for rule in self.experiment.regularizers):
            measures["near_zero"] = near_zero(model.parameters())
        return loss / len(batches), hits / len(batches), measures

    def _precision(self) -> AbstractContextManager[object]:
        if self.experiment.training.precision == "float32":
            return nullcontext()
        return torch.autocast(self.parts.device.type, torch.bfloat16)

    def _obey(self, inbox: cmd.Commands, hold: bool = True) -> Iterator[ev.Event]:
        """Do what was asked for since the last safe point; with `hold`, wait here while paused."""
        held = hold and self._budget == 0
        if held:
            yield from self._report()
        while not self._stopping and (not inbox.empty() or (hold and self._budget == 0)):
            command = inbox.get()
            reason = self._apply(command)
            if isinstance(command, cmd.Pause) and not reason:
                yield from self._report()
                held = True
            yield ev.Answered(command.id, not reason, reason)
            state = _STATES.get(type(command))
            if state and not reason:
                yield ev.Changed(state)
        if held:
            self.meter.restart_clock()

    def _apply(self, command: cmd.Command) -> str:
        """Obey one command; the reason where that is not possible now."""
        match command:
            case cmd.Stop():
                self._stopping = True
            case cmd.Pause():
                if self._budget is not None:
                    return _("the run is paused already")
                self._budget = 0
            case cmd.Resume():
                if self._budget is None:
                    return _("the run is not paused")
                self._budget = None
            case cmd.StepOnce():
                if self._budget is None:
                    return _("pause the run first")
                self._budget += 1
        return ""

    def _restore(self) -> None:
        """Go to the checkpoint this run resumes from, if any."""
        resume = self._resume
        if resume is None:
            self.meter = Meter(0)
            return
        parts, state = self.parts, resume.state
        parts.model.load_state_dict(resume.weights)
        parts.optimizer.load_state_dict(state["optimizer"])
        parts.schedule.load_state_dict(state["schedule"])
        self.step, self.epoch = resume.step, state["epoch"]
        self.last = tuple(state["last"])
        self.meter = Meter(self.step, tuple(state["sums"]))
        self.meter.images, self.meter.seconds = state["images"], state["seconds"]
        best = state["best"]
        self.scores = list(state["scores"])
        self.best = checkpoint.Snapshot(best["step"], {}, {}, best["facts"]) if best else None
        if self.epoch and (self.best is None or _score(resume.facts) > _score(self.best.facts)):
            self.best = checkpoint.Snapshot(resume.step, {}, {}, resume.facts)  # it was the best

    def snapshot(self) -> checkpoint.Snapshot:
        """This moment of the run, copied: training on does not change it."""
        parts, meter, best = self.parts, self.meter, self.best
        state = {
            "optimizer": parts.optimizer.state_dict(),
            "schedule": parts.schedule.state_dict(),
            "epoch": self.epoch,
            "last": self.last,
            "scores": self.scores,
            "sums": meter.sums,
            "images": meter.images,
            "seconds": meter.seconds,
            "best": {"step": best.step, "facts": best.facts} if best else None,
        }
        weights = {name: t.detach().clone() for name, t in parts.model.state_dict().items()}
        return checkpoint.Snapshot(self.step, weights, copy.deepcopy(state), self._facts())

    def _facts(self) -> dict[str, float]:
        return {"epoch": self.epoch, "val_loss": self.last[2], "val_accuracy": self.last[3]}

    def save(self, now: bool = True) -> Iterator[ev.Event]:
        """Write this moment if `now`, and the best one where it is not on disk yet."""
        self._saved_at = time.perf_counter()
        if self.folder is None:
            return
        best = self.best
        if best and best.weights and not (now and best.step == self.step):
            yield ev.Saved(checkpoint.save(self.folder, best).name, best.step)
            self.best = checkpoint.Snapshot(best.step, {}, {}, best.facts)
        if now:
            yield ev.Saved(checkpoint.save(self.folder, self.snapshot()).name, self.step)
        checkpoint.prune(self.folder, best.step if best else None)

    def _save_finite(self) -> Iterator[ev.Event]:
        """Keep the weights before the loss broke, or where they are broken too, the best ones."""
        yield from self._report()  # the steps before it are part of the record
        state = self.parts.model.state_dict().values()
        yield from self.save(now=all(bool(tensor.isfinite().all()) for tensor in state))

    def _finish(self) -> Iterator[ev.Event]:
        yield from self._look()
        yield from self.save()
        meter, best = self.meter, self.best
        yield ev.Finished(
            stopped=self._stopping,
            epochs=self.epoch,
            steps=self.step,
            train_loss=self.last[0],
            val_loss=self.last[2],
            val_accuracy=self.last[3],
            best_val_accuracy=best.facts["val_accuracy"] if best else math.nan,
            seconds=meter.seconds,
            images_per_second=meter.images / meter.seconds if meter.seconds else 0.0,
            weights_sha256=weights_sha256(self.parts.model),
        )
        yield ev.Changed("done")


def _score(facts: dict[str, float]) -> tuple[float, float]:
    """What makes one epoch better than another: validation accuracy, then validation loss."""
    return facts["val_accuracy"], -facts["val_loss"]
