"""Trainer: the training loop, the only one. A generator: pause and stop fall out at its safe points.

fetch and build
each epoch:
    each batch:  obey commands · forward · loss · backward · regularisers · step · schedule
    validate · schedule · keep the best
finish
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainlab import commands as cmd
from trainlab import events as ev
from trainlab.catalog.datasets import Images
from trainlab.catalog.optimizers import contiguous_gradients
from trainlab.catalog.schedules import stepping
from trainlab.changes import Changes, changed
from trainlab.engine import checkpoint
from trainlab.engine.batches import epoch_order, right
from trainlab.engine.boundary import Plane
from trainlab.engine.build import Parts, Plant, as_built, autocast, build_parts
from trainlab.engine.device import default_threads
from trainlab.engine.edits import taken
from trainlab.engine.failures import lacks_memory
from trainlab.engine.keeper import Keeper
from trainlab.engine.layers import left_out
from trainlab.engine.memory import too_large
from trainlab.engine.meter import Meter, NonFiniteLoss
from trainlab.engine.probe import Probe
from trainlab.engine.progress import Progress, finished, progress_of, snapshot
from trainlab.engine.randomness import key_seed
from trainlab.engine.refill import misfit, refill
from trainlab.engine.validation import Validation
from trainlab.engine.weights import weights_sha256
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.text import _

_STATES: dict[type[cmd.Command], ev.State] = {
    cmd.Pause: "paused",
    cmd.Resume: "running",
    cmd.Stop: "stopping",
}


class Trainer:
    """One training of one experiment.

    Args:
        experiment: what to train.
        folder: where checkpoints go; None keeps none.
        resume: the checkpoint to go on from; None starts at the beginning.
        edits: what was edited during the run, by the step after which it happened: done again.
        threads: torch's intra-op threads where the experiment leaves them open: those of the run's
            first part, since another number gives other last bits.
        plant: puts a lesson's bug in, see `trainlab.diagnostics.sabotage`.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path | None = None,
        resume: checkpoint.Snapshot | None = None,
        threads: int | None = None,
        edits: tuple[ev.Edited, ...] = (),
        plant: Plant = as_built,
    ) -> None:
        self.experiment, self._resume, self._plant = experiment, resume, plant
        self._edits = sorted(edits, key=lambda edit: edit.step)  # still to be done again
        self._asked: list[cmd.Edit | cmd.Save] = []  # waiting for the next step
        self._threads = experiment.training.threads or threads or default_threads()
        self.at = Progress()
        self.keeper, self.meter = Keeper(folder, experiment.training.save_every), Meter(0)
        self._stopping = False
        self._budget: int | None = None  # steps before holding: 0 while paused, None while running
        self._plane, self.probe = Plane(), Probe()

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
            yield from self._refuse_asked()
        except Exception as error:
            if isinstance(error, NonFiniteLoss):
                yield from self._save_finite()
            yield from self._refuse_asked()
            if "parts" not in vars(self) or not lacks_memory(error):
                raise
            raise too_large(self.experiment, self.parts, error) from error
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
        data = experiment.dataset.load()
        if self._resume is None:
            self.parts: Parts = self._plant(build_parts(experiment, data))
        else:
            self._restore(self._resume, data)
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
            first_step=self.at.step,
            first_epoch=self.at.epoch,
            position=self.at.position(experiment, len(parts.train)),
            chance=parts.val.commonest,
            left_out=left_out(parts.model),
        )
        yield ev.Changed("running" if self._budget is None else "paused")

    def _train(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        parts, seed = self.parts, self.experiment.training.seed
        yield from self._catch_up(between=True)
        while self._goes_on():
            order = epoch_order(len(parts.train), seed, self.at.epoch).to(parts.device)
            while not self._stopping and self.at.batch_left(self.experiment, len(order)):
                yield from self._obey(inbox)
                if self._stopping:
                    break
                size = self.experiment.batch_size(len(order))
                with self.probe.around(self.parts, self.at.step + 1):
                    self._train_step(order[self.at.rows : self.at.rows + size])
                if self._budget:
                    self._budget -= 1
                if self.meter.due():
                    yield from self._report()
                    if self.keeper.due():
                        yield from self.keeper.save(self.snapshot())
                        self.meter.restart_clock()
            yield from self._report()
            if not self._stopping:
                yield from self._end_epoch(inbox)
            yield from self._catch_up(between=True)
        yield from self._finish()

    def _goes_on(self) -> bool:
        rules = [rule for rule in self.experiment.regularizers if rule.moment == "epoch"]
        enough = any(rule.build(self.at.scores) for rule in rules)
        return not self._stopping and not enough and self.at.epoch < self.parts.plan.epochs

    def _train_step(self, index: Tensor) -> None:
        """One optimizer step on the training images of these rows."""
        parts, schedule = self.parts, self.experiment.schedule
        step = self.at.step + 1
        inputs, labels = parts.train.inputs(index, self.experiment.training.seed, "augment", step)
        measured: list[tuple[Tensor, Tensor]] = []

        def closure() -> Any:  # a tensor, which torch takes for a float
            loss, logits = self._gradients(inputs, labels, step)
            measured.append((loss, logits))
            return loss

        factor = self.experiment.optimizer.lr / parts.plan.lr  # edited since the schedule was made
        with stepping(schedule, parts.optimizer, parts.plan, step, factor) as lr:
            if self.experiment.optimizer.full_batch:
                parts.optimizer.step(closure)
            else:
                closure()
                parts.optimizer.step()
        self._regularize("weights")
        if schedule.interval == "step":
            parts.schedule.step()
        self.at.step, self.at.rows = step, self.at.rows + len(index)
        loss, logits = measured[0]
        hits = right(logits, labels).view(len(index), -1).all(1).sum()
        self.meter.add(loss, hits, len(index), lr)

    def _gradients(self, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Loss and logits of a batch, with fresh gradients; a loss that is not finite ends the run here."""
        parts = self.parts
        if parts.noise is not None:
            parts.noise.manual_seed(key_seed(self.experiment.training.seed, "noise", step))
        with autocast(self.experiment, self.parts.device):
            logits = parts.forward(inputs)
            loss = parts.loss(logits, labels)
        parts.optimizer.zero_grad()
        loss.backward()
        if self.experiment.optimizer.full_batch:
            contiguous_gradients(parts.model.parameters())
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

    def _report(self) -> Iterator[ev.Event]:
        steps = self.meter.read()
        if steps is not None:
            yield steps
        if self.meter.broken is None:  # the last look before a pause too, where no step is new
            yield from self._plane.look(self.parts, self.at.step, self._budget is not None)
            yield from self.probe.found()
        if self.meter.broken is not None:
            broken, self.meter.broken = self.meter.broken, None
            raise broken

    def _end_epoch(self, inbox: cmd.Commands) -> Iterator[ev.Event]:
        """Validate, move the schedule, keep the best weights."""
        started = time.perf_counter()
        found = yield from self._validate(inbox)
        if self._stopping:  # a resumed run validates again
            return
        match self.experiment.schedule.interval:
            case "epoch":
                self.parts.schedule.step()
            case "validation":
                self.parts.schedule.step(found.loss)
        self.at.epoch += 1
        self.at.last = (*self.meter.end_epoch(), found.loss, found.accuracy)
        self.at.rows = 0
        self.at.val_losses.append(found.loss)
        self.at.scores.append(found.accuracy)
        seconds = time.perf_counter() - started
        yield ev.EpochEnd(self.at.epoch, self.at.step, *self.at.last, seconds, found.measures())
        self.keeper.offer(self.at.facts(), self.snapshot)
        if self.keeper.due(epoch_end=True):
            yield from self.keeper.save(self.snapshot())
        self.meter.restart_clock()

    def _validate(self, inbox: cmd.Commands) -> Generator[ev.Event, None, Validation]:
        validation = Validation(self.parts, self.experiment)
        self.parts.model.eval()
        for index in validation.portions():
            yield from self._obey(inbox, hold=False)
            if self._stopping:
                break
            validation.add(index)
        self.parts.model.train()
        return validation

    def _obey(self, inbox: cmd.Commands, hold: bool = True) -> Iterator[ev.Event]:
        """Do what was asked for since the last safe point; with `hold`, edit, and wait here while paused."""
        held = hold and self._budget == 0
        if held:
            yield from self._report()
        if hold:
            yield from self._catch_up()
        while not self._stopping and (not inbox.empty() or (hold and self._budget == 0)):
            command = inbox.get()
            if isinstance(command, cmd.Edit | cmd.Save):
                self._asked.append(command)
                if hold:
                    yield from self._catch_up()
                continue
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

    def _catch_up(self, between: bool = False) -> Iterator[ev.Event]:
        """The edits that are due, between two epochs or two steps: those on record, then those asked for."""
        if between and (self._stopping or self.at.rows):  # the epoch has not ended yet
            return
        while self._edits and self._edits[0].step <= self.at.step:
            if between and not self._edits[0].between:
                break
            self._edit(self._edits.pop(0).changes)
        while self._asked:
            match command := self._asked.pop(0):
                case cmd.Save():
                    yield from self._report()
                    yield from self.keeper.save(self.snapshot(), pinned=True)
                    self.meter.restart_clock()
                    said = _("the checkpoint after step {step} is kept for good")
                    yield ev.Answered(command.id, True, said.format(step=self.at.step))
                case cmd.Edit():
                    yield from self._take_in(command, between)

    def _take_in(self, command: cmd.Edit, between: bool) -> Iterator[ev.Event]:
        """Edit as asked for, and answer."""
        if self._edits:  # the record would not be in order
            first = _("the edits made until step {step} are done again before new ones")
            yield ev.Answered(command.id, False, first.format(step=self._edits[-1].step))
            return
        try:
            changes = self._edit(command.changes)
        except Problem as problem:
            yield ev.Answered(command.id, False, str(problem))
            return
        if changes:
            yield from self._report()  # what was trained before it comes before it
            plan, step = self.parts.plan, self.at.step
            done = self.at.position(self.experiment, len(self.parts.train))
            between = between and step > 0  # before the first step no epoch has ended
            yield ev.Edited(step, done, changes, plan.epochs, plan.steps_per_epoch, between)
        yield ev.Answered(command.id, True)

    def _edit(self, changes: Changes) -> Changes:
        """Go on with these fields changed; those that differ. Raises Problem, and changes nothing then."""
        parts, new, changes = taken(self.parts, self.experiment, changes, self.at)
        self.parts, self.experiment = self._plant(parts), new
        self.at.edited += bool(changes)
        return changes

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
            case cmd.Inspect():
                return self.probe.inspect(command.tier, command.image)
        return ""

    def _restore(self, resume: checkpoint.Snapshot, data: Images) -> None:
        """Go to a checkpoint: build what the run was by then, and fill it."""
        state, self.at = resume.state, progress_of(resume)
        if self.at.edited > len(self._edits):
            raise misfit(resume.step, _("the record lacks edits that were made before it"))
        for edit in self._edits[: self.at.edited]:
            self.experiment = changed(self.experiment, edit.changes)
        del self._edits[: self.at.edited]
        parts = self._plant(build_parts(self.experiment, data))
        plan = replace(parts.plan, lr=state["lr"], ahead=state["ahead"])
        parts = self.parts = replace(parts, plan=plan)
        refill(parts, resume)
        self.meter = Meter(self.at.step, tuple(state["sums"]))
        self.meter.images, self.meter.seconds = state["images"], state["seconds"]
        self.keeper.restore(resume)

    def snapshot(self) -> checkpoint.Snapshot:
        """This moment of the run, copied: training on does not change it."""
        return snapshot(self.at, self.parts, self.meter, self.keeper)

    def _save_finite(self) -> Iterator[ev.Event]:
        """Keep the weights before the loss broke, or where they are broken too, the best ones."""
        yield from self._report()  # the steps before it are part of the record
        finite = all(bool(t.isfinite().all()) for t in self.parts.model.state_dict().values())
        finite = finite and not self.experiment.optimizer.full_batch  # that one moves within a step
        yield from self.keeper.save(self.snapshot() if finite else None)

    def _refuse_asked(self) -> Iterator[ev.Event]:
        """Answer what is too late."""
        while self._asked:
            command = self._asked.pop(0)
            yield ev.Answered(command.id, False, _("the run was over before it"))

    def _finish(self) -> Iterator[ev.Event]:
        saves = [command for command in self._asked if isinstance(command, cmd.Save)]
        yield from self._plane.look(self.parts, self.at.step, True)
        yield from self.keeper.save(self.snapshot(), bool(saves))
        for command in saves:
            self._asked.remove(command)
            yield ev.Answered(command.id, True)
        sha256 = weights_sha256(self.parts.model)
        yield finished(self.at, self.meter, self.keeper, self._stopping, sha256)
        yield ev.Changed("done")
