"""Hostile files: checkpoints and weights that are made to harm are refused, and nothing in them runs.

A child process loads all of them, under an audit hook that notes what code would do, and with little memory.
"""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from trainlab.catalog.models import MLP
from trainlab.catalog.training import Training
from trainlab.engine.checkpoint import MANIFEST, STATE, SUMS, WEIGHTS
from trainlab.engine.trainer import Trainer
from trainlab.experiment import Experiment

TINY = Experiment(model=MLP(width=8), training=Training(epochs=1, batch_size=512, threads=1))
LIGHT = "shufflenet_v2_x0_5"
NAME = "step-00000003"
CHILD = """
import encodings.cp437  # names in zip files
import json, os, resource, sys
from pathlib import Path
from queue import SimpleQueue
from trainlab import events as ev
from trainlab.catalog.models import Pretrained
from trainlab.engine import checkpoint
from trainlab.engine.failures import guard
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment

def attempt(path):
    if path.suffix == ".pth":
        Pretrained(name=sys.argv[3], weights=str(path)).make((3, 32, 32), 10)
        return "loaded"
    trainer = Trainer(Experiment.load(sys.argv[1]), resume=checkpoint.load(path / checkpoint_name))
    for event in guard(trainer.run(SimpleQueue())):
        if isinstance(event, ev.Failed):
            raise Problem(event.what, event.why, event.remedy)
    return "loaded"

def audit(event, arguments):
    writes = event == "open" and arguments[1] is not None and set(str(arguments[1])) & set("wax+")
    flags = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ran = event.split(".")[0] in ("subprocess", "socket", "shutil", "ctypes", "exec", "import")
    did = event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.remove", "os.rename")
    if armed and (writes or flags or ran or did) and arguments[0] != os.devnull:
        seen.append(f"{event} {arguments}"[:200])

checkpoint_name, armed, seen, told = "step-00000003", False, [], {}
sys.addaudithook(audit)
folders = sorted(Path(sys.argv[2]).iterdir())
good = [path for path in folders if path.name.startswith("good")]
for path in (*good, *folders[:1]):  # what is imported late is imported before it counts
    try:
        attempt(path)
    except Problem:
        pass
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 30),) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in folders:
    seen, armed = [], True
    try:
        answer = attempt(path)
    except Problem as problem:
        answer = [problem.what, problem.why, problem.remedy]
    except BaseException as error:
        answer = f"raised {error!r}"
    armed = False
    told[path.name] = {"answer": answer, "seen": seen}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"told": told, "peak": peak}))
"""


class _Evil:
    def __reduce__(self) -> Any:
        return (os.system, ("touch /tmp/pwned",))


def tensors(path: Path, **changes: Any) -> None:
    """Rewrite a file of tensors with some changed; None takes one away."""
    found = {**load_file(path), **changes}
    found = {name: tensor.clone() for name, tensor in found.items() if tensor is not None}
    path.unlink()  # it is mapped
    save_file(found, path)


def header(path: Path, content: Any, size: int | None = None) -> None:
    data = json.dumps(content).encode()
    path.write_bytes((size or len(data)).to_bytes(8, "little") + data)


def manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        data = json.loads((folder / MANIFEST).read_text())
        change(data)
        (folder / MANIFEST).write_text(json.dumps(data))

    return apply


def state(path: str, value: Any) -> Callable[[Path], None]:
    """Change one entry of the plain state; ... takes it away."""

    def change(data: dict[str, Any]) -> None:
        place = data["state"]
        *inner, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        for name in inner:
            place = entry(place, name)
        pairs = place["dict"]
        index = next((i for i, pair in enumerate(pairs) if pair[0] == last), len(pairs))
        pairs[index : index + 1] = [] if value is ... else [[last, value]]

    def entry(place: Any, name: int | str) -> Any:
        if isinstance(place, list):
            return place[int(name)]
        return next(item for key, item in place["dict"] if key == name)

    return manifest(change)


def raw(name: str, data: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(data)


def hole(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


def link(name: str, target: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return apply


def pipe(folder: Path) -> None:
    (folder / STATE).unlink()
    os.mkfifo(folder / STATE)


def of_another(folder: Path) -> None:
    trainer = Trainer(TINY.but(model=MLP(width=9)))
    list(trainer.run(SimpleQueue()))
    save_file(trainer.snapshot().weights, folder / WEIGHTS)


HUGE = {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}
DAMAGED: dict[str, Callable[[Path], Any]] = {
    "pickle for state": raw(STATE, pickle.dumps(_Evil())),
    "pickle for weights": raw(WEIGHTS, pickle.dumps(_Evil())),
    "pickle for manifest": raw(MANIFEST, pickle.dumps(_Evil())),
    "torch.save for weights": lambda folder: torch.save({"a": _Evil()}, folder / WEIGHTS),
    "a trillion numbers": lambda folder: header(folder / WEIGHTS, {"a": HUGE}),
    "a trillion numbers, none there": lambda folder: header(
        folder / STATE, {"a": {**HUGE, "data_offsets": [0, 0]}}
    ),
    "endless header": lambda folder: header(folder / WEIGHTS, {}, 2**63 - 1),
    "large header": lambda folder: header(folder / STATE, " " * (5 << 20)),
    "hole for weights": hole(WEIGHTS, 1 << 40),
    "hole for state": hole(STATE, 100 << 20),
    "hole for manifest": hole(MANIFEST, 1 << 40),
    "large manifest": raw(MANIFEST, b"[" + b"[]," * (2 << 20)),
    "wide manifest": raw(MANIFEST, b"[" + b"[]," * (1 << 20) + b"1]"),
    "deep manifest": raw(MANIFEST, b"[" * 100_000),
    "deep state": manifest(lambda data: data.update(state=json.loads("[" * 900 + "]" * 900))),
    "endless number": raw(MANIFEST, b'{"step": ' + b"1" * 100_000 + b"}"),
    "no state": manifest(lambda data: data.pop("state")),
    "strange state": manifest(lambda data: data.update(state={"run": "os.system"})),
    "list for a key": manifest(lambda data: data.update(state={"dict": [[[], 1]]})),
    "no such tensor": manifest(lambda data: data.update(state={"tensor": "../../x"})),
    "step as text": manifest(lambda data: data.update(step="3")),
    "step of another": manifest(lambda data: data.update(step=4)),
    "facts as text": manifest(lambda data: data.update(facts={"epoch": "__import__('os')"})),
    "link for weights": link(WEIGHTS, "/etc/hostname"),
    "endless state": link(STATE, "/dev/zero"),
    "pipe for state": pipe,
}  # fmt: skip
MISFITS: dict[str, Callable[[Path], Any]] = {
    "weights missing": lambda folder: tensors(folder / WEIGHTS, **{first_weight(folder): None}),
    "weights too much": lambda folder: tensors(folder / WEIGHTS, more=torch.ones(3)),
    "weights of another shape": lambda folder: tensors(
        folder / WEIGHTS, **{first_weight(folder): torch.ones(2, 2)}
    ),
    "weights of another type": lambda folder: tensors(
        folder / WEIGHTS, **{name: t.long() for name, t in load_file(folder / WEIGHTS).items()}
    ),
    "another architecture": of_another,
    "memory of another shape": lambda folder: tensors(
        folder / STATE, **{name: torch.ones(1, 1) for name in load_file(folder / STATE)}
    ),
    "memory missing": state("optimizer.state.0.exp_avg", ...),
    "memory too much": state("optimizer.state.0.more", 1),
    "memory of a stranger": state("optimizer.state.99", {"dict": []}),
    "lr as text": state("optimizer.param_groups.0.lr", "os.system"),
    "no groups": state("optimizer.param_groups", []),
    "no optimizer": state("optimizer", ...),
    "schedule with a method": state("schedule.step", 5),
    "schedule without a field": state("schedule.last_epoch", ...),
    "epoch as text": state("epoch", "1"),
    "rows missing": state("rows", ...),
    "sums cut": state("sums", {"tuple": [1]}),
    "best as text": state("best", "1"),
    "more edits than on record": state("edited", 3),
}


def first_weight(folder: Path) -> str:
    return next(iter(load_file(folder / WEIGHTS)))


def seal(folder: Path) -> None:
    """Checksums that match: they protect from damage, not from malice."""
    lines = []
    for name in (WEIGHTS, STATE, MANIFEST):
        path = folder / name
        known = path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 30
        digest = hashlib.sha256(path.read_bytes() if known else b"").hexdigest()
        lines.append(f"{digest}  {name}\n")
    (folder / SUMS).write_text("".join(lines))


def weights_files(root: Path) -> None:
    """Files for fine-tuning, named .pth."""
    good = torchvision.models.get_model(LIGHT, weights=None).state_dict()
    torch.save(good, root / "good.pth")
    torch.save({**good, "conv1.0.weight": _Evil()}, root / "code.pth")
    (root / "old code.pth").write_bytes(pickle.dumps({"a": _Evil()}, protocol=2))
    huge = torch.zeros(1).expand(10**12)
    torch.save({**good, "conv1.0.weight": huge}, root / "a trillion numbers.pth")
    at, one = torch.zeros(1, 1, dtype=torch.long), torch.ones(1)
    sparse = torch.sparse_coo_tensor(at, one, (10**12,), check_invariants=True)
    torch.save({**good, "conv1.0.weight": sparse}, root / "a trillion sparse numbers.pth")
    bomb = root / "bomb.pth"
    with zipfile.ZipFile(root / "good.pth") as source, zipfile.ZipFile(bomb, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name), zipfile.ZIP_DEFLATED)
    (root / "hole.pth").write_bytes(b"PK")
    os.truncate(root / "hole.pth", 1 << 40)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the child found, by the name of each case."""
    from trainlab.engine import checkpoint

    base, root = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("cases")
    TINY.save(base / "experiment.json")
    trainer = Trainer(TINY)
    list(trainer.run(SimpleQueue()))
    for name, attack in {"good": lambda _folder: None, **DAMAGED, **MISFITS}.items():
        folder = checkpoint.save(root / name, trainer.snapshot())
        assert folder.name == NAME
        attack(folder)
        seal(folder)
    weights_files(root)
    folder = checkpoint.save(base / "else", trainer.snapshot())
    (root / "link for all").mkdir()
    (root / "link for all" / NAME).symlink_to(folder)
    command = [sys.executable, "-c", CHILD, str(base / "experiment.json"), str(root), LIGHT]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=110)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [*DAMAGED, "link for all"])
def test_a_hostile_checkpoint_is_refused(told: dict[str, Any], name: str) -> None:
    what, why, remedy = told["told"][name]["answer"]
    assert what.endswith("step-00000003: the checkpoint is damaged")
    assert name in what
    assert why
    assert remedy


@pytest.mark.parametrize("name", MISFITS)
def test_a_checkpoint_of_another_run_is_refused(told: dict[str, Any], name: str) -> None:
    what, why, remedy = told["told"][name]["answer"]
    assert what == "step-00000003: the checkpoint does not fit this run"
    assert why
    assert remedy


@pytest.mark.parametrize(
    "name", ["code", "old code", "a trillion numbers", "a trillion sparse numbers", "bomb", "hole"]
)
def test_hostile_weights_are_refused(told: dict[str, Any], name: str) -> None:
    what, why, remedy = told["told"][f"{name}.pth"]["answer"]
    assert f"{name}.pth' was not loaded" in what
    assert why
    assert remedy


def test_what_is_good_is_loaded_in_the_same_way(told: dict[str, Any]) -> None:
    assert told["told"]["good"]["answer"] == told["told"]["good.pth"]["answer"] == "loaded"


def test_nothing_was_run_written_or_imported(told: dict[str, Any]) -> None:
    assert {name: case["seen"] for name, case in told["told"].items() if case["seen"]} == {}
    assert not Path("/tmp/pwned").exists()


def test_little_memory_was_taken(told: dict[str, Any]) -> None:
    assert told["peak"] < 250_000  # KiB
