"""Script: the program that repeats a run. The loop is written out; all else is printed or taken over.

    script(experiment)  =  header + imports + settings + definitions + data + network + training

Choices name a `target` and its arguments: torch's own are printed as a call, trainlab's are included by
source, as are the engine's functions. So a new choice needs no line here.
"""

import importlib.metadata
import platform
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import trainlab
from trainlab import events as ev
from trainlab.catalog.datasets import Images
from trainlab.catalog.inits import class_prior
from trainlab.engine.batches import epoch_order, gather
from trainlab.engine.device import default_threads
from trainlab.engine.randomness import generator, key_noise, key_seed
from trainlab.engine.weights import weights_sha256
from trainlab.experiment import Experiment
from trainlab.export.loop import training_lines
from trainlab.export.module_code import module_code
from trainlab.export.stages import Stages
from trainlab.export.tidy import tidy
from trainlab.export.writer import Lines, Writer, reasons
from trainlab.runs import Run

# What the script calls by name: the engine's own functions, as they are.
ENGINE: tuple[Callable[..., Any], ...] = (key_seed, generator, epoch_order, gather, weights_sha256)
INPUTS = {  # what an initialisation may ask for
    "inputs": "preprocess(gather(train_images, torch.arange(len(train_rows))[:256])).cpu()",
    "labels": "train_labels.cpu()",
}
# What an export of a run with a planted bug says first of all, as a heading; not which: it is to be found.
WARNING = (
    "BEWARE: A LESSON PLANTED A BUG IN THE RUN.\n\n"
    "THE SCRIPT TRAINS WITHOUT IT, SO ITS NUMBERS DIFFER FROM THE RUN'S."
)
DEFINITIONS = ("# What the rest is made of: the lab's own functions.", "")


def script(
    experiment: Experiment,
    threads: int | None = None,
    data: Images | None = None,
    edits: Sequence[ev.Edited] = (),
    planted: bool = False,
) -> str:
    """A plain PyTorch script that repeats the experiment's run, on the CPU bit for bit.

    Args:
        experiment: what to write out.
        threads: torch's threads in the run to repeat; those a run here would get if None.
        data: the experiment's images where they are loaded already.
        edits: what was changed during the run.
        planted: a lesson planted a bug in the run. The script is without it, and begins by saying so.

    Raises:
        Problem: the data cannot be read, or does not fit the network.
    """
    threads = threads or experiment.training.threads or default_threads()
    stages = Stages(experiment, data or experiment.dataset.load(), edits)
    writer = stages.first
    for target in ENGINE:
        writer.sources.add(target)
    body = [*_data(writer), *_network(writer), *training_lines(stages)]
    imports = sorted({"import json", "import torch", *writer.sources.imports})
    settings = [*_settings(experiment, threads), *DEFINITIONS, writer.sources.code()]
    parts = [_header(experiment, imports, planted), *imports, *settings, *body]
    return tidy("\n".join(parts) + "\n")


def script_of(run: Run) -> str:
    """The script that repeats a run with its edits; of a run with a planted bug, the sound one. May raise Problem."""
    return script(run.experiment, run.threads, edits=run.edits, planted=bool(run.sabotage))


def _header(x: Experiment, imports: Lines, planted: bool) -> str:
    what = f"{x.model.title()} on {x.dataset.title()}, trained with {x.optimizer.title()}"
    same = "a sound run of the lab" if planted else "the lab's run"
    needs = textwrap.fill(
        f"Needs {_packages(imports)}. Made by trainlab {trainlab.__version__}; with these versions "
        f"(Python {platform.python_version()}) it repeats {same} on the CPU bit for bit. "
        "The last line it prints is JSON: the means of each epoch and the weights' SHA-256.",
        84,
    )
    first = f"{WARNING}\n\n" if planted else ""
    return f'"""{first}{what}.\n\n{needs}\n"""\n'


def _settings(x: Experiment, threads: int) -> Lines:
    training = x.training
    device = f'"{training.device}"'
    if training.device == "auto":
        device = '"cuda" if torch.cuda.is_available() else "cpu"'
    return [
        f"SEED = {training.seed}  # names every random draw",
        f"EPOCHS = {training.epochs}",
        f"BATCH_SIZE = {training.batch_size}",
        "",
        f"device = torch.device({device})",
        f"torch.set_num_threads({threads})  # another number, other last bits",
        "torch.set_flush_denormal(True)  # numbers near zero would slow the CPU down",
        "",
    ]


def _data(w: Writer) -> Lines:
    x, given = w.experiment, ["labels", 'generator(SEED, "split")']
    names_of, names = type(x.dataset).names_target, []
    if x.split.needs_names and names_of:
        names = [f"names = {w.plain_call(names_of, **x.dataset.arguments())}"]
        given.append("names")
    return [
        "# The data: one part to learn from, one held out to judge by.",
        *reasons(x.dataset, x.split, x.preprocessing),
        f"images, labels = {w.call(x.dataset)}",
        *names,
        f"train_rows, val_rows = {w.call(x.split, *given)}",
        "images, labels = images.to(device), labels.to(device)",
        f"preprocess = {w.call(x.preprocessing, 'images[train_rows]')}",
        "images = images.permute(0, 2, 3, 1).contiguous()  # channels last: faster",
        "train_images, train_labels = images[train_rows], labels[train_rows]",
        "val_images, val_labels = images[val_rows], labels[val_rows]",
        "",
    ]


def _network(w: Writer) -> Lines:
    x = w.experiment
    inner = w.model[0] if w.data.positions > 1 else w.model  # type: ignore[index]
    part, place = x.model.fresh(inner), "model[0]" if w.data.positions > 1 else "model"
    filled = f'{place}.get_submodule("{part}")' if part else "model"
    needed = [INPUTS[name] for name in x.init.needs]
    lines = [
        "# The network. Its constructors draw, and then its initialisation.",
        *reasons(x.model, x.init),
        'torch.manual_seed(key_seed(SEED, "model"))',
        f"model = {module_code(w.model, w.name)}",
        w.call(x.init, filled, 'generator(SEED, "init")', *needed),
    ]
    if x.init.class_prior:
        classes = len(w.data.classes)
        lines.append(f"{w.name(class_prior)}({filled}, {INPUTS['labels']}, {classes})")
    lines.append("model.to(device, memory_format=torch.channels_last)")
    if x.training.compile:
        if w.noisy:  # compiled, torch's own draws other numbers
            lines.append(f"noise = {w.name(key_noise)}(model, device)")
        lines.append("forward = torch.compile(model)")
    return [*lines, ""]


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
