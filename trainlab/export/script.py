"""Script: the program that repeats a run. The loop is written out here; all else is printed or taken over.

    script(experiment)  =  header + imports + settings + definitions + data + network + training

Choices name a `target` and its arguments: torch's own are printed as a call, trainlab's are included by
source, as are the engine's functions. So a new choice needs no line here.
"""

import importlib.metadata
import platform
import re
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn

import trainlab
from trainlab.catalog.datasets import Images
from trainlab.catalog.optimizers import decay_groups
from trainlab.catalog.schedules import Plan
from trainlab.choice import Choice
from trainlab.engine.batches import epoch_order, gather, stratified_split
from trainlab.engine.device import default_threads
from trainlab.engine.randomness import generator, key_dropout, key_seed
from trainlab.engine.weights import weights_sha256
from trainlab.experiment import Experiment
from trainlab.export.module_code import module_code
from trainlab.export.names import Named, call, literal, public_name
from trainlab.export.source import Sources
from trainlab.export.tidy import tidy

# What the loop below calls by name: the engine's own functions, as they are.
ENGINE: tuple[Callable[..., Any], ...] = (
    key_seed,
    generator,
    stratified_split,
    epoch_order,
    gather,
    decay_groups,
    weights_sha256,
)


def script(experiment: Experiment, threads: int | None = None, data: Images | None = None) -> str:
    """A plain PyTorch script that repeats the experiment's run, on the CPU bit for bit.

    Args:
        experiment: what to write out.
        threads: torch's threads in the run to repeat; those a run here would get if None.
        data: the experiment's images where they are loaded already.

    Raises:
        Problem: the data cannot be read, or does not fit the network.
    """
    threads = threads or experiment.training.threads or default_threads()
    return _Writer(experiment, threads, data or experiment.dataset.load()).text()


class _Writer:
    """Writes one script: sections are lists of lines, and calls bring along what they need."""

    def __init__(self, experiment: Experiment, threads: int, data: Images) -> None:
        self.experiment, self.threads, self.data = experiment, threads, data
        self.sources = Sources()
        _n, channels, height, width = data.images.shape
        with torch.device("meta"):
            self.model = experiment.model.make((channels, height, width), len(data.classes))

    def text(self) -> str:
        """The whole script."""
        for target in ENGINE:
            self.sources.add(target)
        body = [*self._data(), *self._network(), *self._training()]
        imports = sorted({"import json", "import torch", *self.sources.imports})
        parts = [self._header(imports), *imports, *self._settings(), self.sources.code(), *body]
        return tidy("\n".join(parts) + "\n")

    def _name(self, target: Callable[..., Any]) -> str:
        """The name that the script has for a function or class; it is imported or included."""
        public = public_name(target)
        if public is None:
            return self.sources.add(target)
        name, statement = public
        self.sources.imports.add(statement)
        return name

    def _call(self, choice: Choice, *given: str, **derived: Any) -> str:
        """The call of a choice's target, as `choice.build` makes it."""
        target = type(choice).target
        return call(self._name(target), target, given, choice.arguments() | derived)

    def _header(self, imports: list[str]) -> str:
        x = self.experiment
        what = f"{x.model.title()} on {x.dataset.title()}, trained with {x.optimizer.title()}"
        needs = textwrap.fill(
            f"Needs {_packages(imports)}. Made by trainlab {trainlab.__version__}; with these versions "
            f"(Python {platform.python_version()}) it repeats the lab's run on the CPU bit for bit. "
            "The last line it prints is JSON: the means of each epoch and the weights' SHA-256.",
            84,
        )
        return f'"""{what}.\n\n{needs}\n"""\n'

    def _settings(self) -> list[str]:
        training = self.experiment.training
        device = f'"{training.device}"'
        if training.device == "auto":
            device = '"cuda" if torch.cuda.is_available() else "cpu"'
        return [
            f"SEED = {training.seed}  # names every random draw",
            f"EPOCHS = {training.epochs}",
            f"BATCH_SIZE = {training.batch_size}",
            "",
            f"device = torch.device({device})",
            f"torch.set_num_threads({self.threads})  # another number, other last bits",
            "torch.set_flush_denormal(True)  # numbers near zero would slow the CPU down",
            "",
        ]

    def _data(self) -> list[str]:
        x, share = self.experiment, literal(self.experiment.training.validation_share)
        return [
            "# The data: one part to learn from, one held out to judge by.",
            f"images, labels = {self._call(x.dataset)}",
            f"train_rows, val_rows = stratified_split(labels, {share}, SEED)",
            "images, labels = images.to(device), labels.to(device)",
            f"preprocess = {self._call(x.preprocessing, 'images[train_rows]')}",
            "images = images.permute(0, 2, 3, 1).contiguous()  # channels last: faster",
            "train_images, train_labels = images[train_rows], labels[train_rows]",
            "val_images, val_labels = images[val_rows], labels[val_rows]",
            "",
        ]

    def _network(self) -> list[str]:
        x = self.experiment
        lines = [
            "# The network, with weights drawn anew from a generator of their own.",
            f"model = {module_code(self.model, self._name)}",
            self._call(x.init, "model", 'generator(SEED, "init")'),
            "model.to(device, memory_format=torch.channels_last)",
        ]
        if x.training.compile:
            if self._has_dropout():  # compiled, torch's own draws other numbers
                lines.append(f"dropout = {self.sources.add(key_dropout)}(model, device)")
            lines.append("forward = torch.compile(model)")
        return [*lines, ""]

    def _training(self) -> list[str]:
        x = self.experiment
        return [
            "# The training. A last batch of one image is left out: it has no variance.",
            "batches, rest = divmod(len(train_rows), BATCH_SIZE)",
            "steps_per_epoch = max(1, batches + (rest > 1))",
            f"optimizer = {self._call(x.optimizer, 'decay_groups(model.parameters())')}",
            f"schedule = {self._call(x.schedule, 'optimizer', **x.schedule.derived(self._plan()))}",
            "",
            'history = {"train_loss": [], "val_loss": [], "val_accuracy": []}',
            *(["step = 0"] if self._keyed() else []),
            "for epoch in range(EPOCHS):",
            *_indented(self._epoch()),
            "",
            'print(json.dumps({**history, "weights_sha256": weights_sha256(model)}))',
        ]

    def _plan(self) -> Plan:
        """The run's plan, in numbers that are printed as the script's own names."""
        training = self.experiment.training
        train, _val = stratified_split(self.data.labels, training.validation_share, training.seed)
        plan = self.experiment.plan(len(train))
        steps = Named(plan.steps_per_epoch, "steps_per_epoch")
        return Plan(Named(plan.epochs, "EPOCHS"), steps, plan.lr)

    def _keyed(self) -> bool:
        """Whether something is drawn at every step."""
        return bool(self.experiment.augmentations) or self._has_dropout()

    def _has_dropout(self) -> bool:
        return any(type(module) is nn.Dropout for module in self.model.modules())

    def _epoch(self) -> list[str]:
        loss = 'history["val_loss"][-1]'
        move = {"epoch": "schedule.step()", "validation": f"schedule.step({loss})", "step": ""}
        moved = move[self.experiment.schedule.interval]
        return [
            "total, seen = 0.0, 0",
            "order = epoch_order(len(train_rows), SEED, epoch).to(device)",
            "for index in order.split(BATCH_SIZE)[:steps_per_epoch]:",
            *_indented(self._step()),
            'history["train_loss"].append(total / seen)',
            "",
            "model.eval()",
            "total, hits = 0.0, 0",
            "for index in torch.arange(len(val_rows), device=device).split(2 * BATCH_SIZE):",
            *_indented(self._validation()),
            "model.train()",
            'history["val_loss"].append(total / len(val_rows))',
            'history["val_accuracy"].append(hits / len(val_rows))',
            *([moved] if moved else []),
            'print(f"epoch {epoch + 1}: validation accuracy {hits / len(val_rows):.4f}")',
        ]

    def _step(self) -> list[str]:
        x = self.experiment
        lines = ["step += 1"] if self._keyed() else []
        inputs = "gather(train_images, index)"
        if x.augmentations:
            lines += [
                f"batch = {inputs}",
                'draws = generator(SEED, "augment", step, device=device)',
                *(f"batch = {self._call(change, 'batch', 'draws')}" for change in x.augmentations),
                "batch = batch.contiguous(memory_format=torch.channels_last)",
            ]
            inputs = "batch"
        lines.append(f"inputs, targets = preprocess({inputs}), train_labels[index]")
        if self._has_dropout():
            source = "dropout" if x.training.compile else "torch"
            lines.append(f'{source}.manual_seed(key_seed(SEED, "dropout", step))')
        lines += self._within([f"loss = {self._loss('inputs', 'targets')}"])
        gradients = [self._call(rule, "model.parameters()") for rule in x.regularizers]
        return [
            *lines,
            "optimizer.zero_grad()",
            "loss.backward()",
            *gradients,
            "optimizer.step()",
            *(["schedule.step()"] if x.schedule.interval == "step" else []),
            "total += loss.item() * len(index)",
            "seen += len(index)",
        ]

    def _validation(self) -> list[str]:
        forward = "forward" if self.experiment.training.compile else "model"
        loss = self._call(self.experiment.loss, "logits", "val_labels[index]")
        body = [
            f"logits = {forward}(preprocess(gather(val_images, index)))",
            f"total += {loss}.item() * len(index)",
            "hits += int((logits.argmax(1) == val_labels[index]).sum())",
        ]
        return self._within(body, "torch.no_grad()")

    def _loss(self, inputs: str, targets: str) -> str:
        forward = "forward" if self.experiment.training.compile else "model"
        return self._call(self.experiment.loss, f"{forward}({inputs})", targets)

    def _within(self, lines: list[str], *contexts: str) -> list[str]:
        """The lines in these contexts and in the precision of the training."""
        precision = self.experiment.training.precision
        if precision != "float32":
            contexts = (*contexts, f"torch.autocast(device.type, torch.{precision})")
        return [f"with {', '.join(contexts)}:", *_indented(lines)] if contexts else lines


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def _packages(imports: list[str]) -> str:
    """What has to be installed, with the versions here: `torch 2.15.0 and numpy 2.4.1`."""
    roots = {re.split(r"[ .]", statement)[1] for statement in imports}
    names = [_distribution(root) for root in sorted(roots - sys.stdlib_module_names)]
    texts = [f"{name} {importlib.metadata.version(name)}" for name in names]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


@cache
def _distribution(root: str) -> str:
    """The name under which a package is installed: scikit-learn for sklearn."""
    return importlib.metadata.packages_distributions()[root][0]
