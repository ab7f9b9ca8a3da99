"""torchvision's networks and fine-tuning: weights from files, frozen stages, refusals; no network needed."""

import http.server
import math
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from tests.conformance.playing import Cases, Played, Result
from tests.engine.test_edits import Edits, only, trained
from tests.export.test_edited import numbers
from trainlab import events as ev
from trainlab.catalog.models import FromTorchvision, Pretrained, library
from trainlab.catalog.models.finetune import FixedNorm, stage_names
from trainlab.catalog.models.library import Name
from trainlab.catalog.regularizers import max_norm
from trainlab.diagnostics.saliency import GRAD_CAM
from trainlab.draws import DrawsFrom
from trainlab.engine import checkpoint
from trainlab.engine.trainer import Trainer
from trainlab.errors import Problem
from trainlab.experiment import Experiment
from trainlab.export import script
from trainlab.runs import train

LIGHT: Name = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def donor() -> nn.Module:
    """A network whose weights are the trained ones."""
    with DrawsFrom(torch.Generator().manual_seed(1)):
        network: nn.Module = torchvision.models.get_model(LIGHT)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = torch.randn(module.num_features)
    return network


@pytest.fixture(scope="module")
def file(donor: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "it's trained.pth"
    torch.save(donor.state_dict(), path)
    return path


def choice(file: Path, **changes: Any) -> Pretrained:
    return Pretrained(name=LIGHT, weights=str(file), **changes)


def test_every_classifier_of_torchvision_is_offered() -> None:
    assert set(get_args(Name)) == set(torchvision.models.list_models(module=torchvision.models))


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg11_bn", "inception_v3", "vit_b_32", "regnet_x_400mf"]
)
def test_outlines_have_the_papers_size_but_for_the_head(name: Any) -> None:
    side = 320 if name == "inception_v3" else 224
    with torch.device("meta"):
        ours = FromTorchvision(name=name).make((3, side, side), 1000)
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    auxiliary = 3_326_696 if name == "inception_v3" else 0  # the extra classifier is left out
    assert sum(p.numel() for p in ours.parameters()) == meta["num_params"] - auxiliary
    assert all(p.is_meta for p in ours.parameters())


def test_outlining_leaves_the_shared_generator_alone() -> None:
    before = torch.get_rng_state()
    with torch.device("meta"):
        FromTorchvision(name="regnet_y_400mf").make((3, 64, 64), 10)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "shape", "needed"),
    [
        ("inception_v3", (3, 64, 64), 75),
        ("vit_b_32", (3, 96, 96), 224),
        ("alexnet", (1, 28, 28), 64),
    ],
)
def test_images_that_do_not_fit_are_refused_with_the_size_that_does(
    name: Any, shape: tuple[int, int, int], needed: int
) -> None:
    with torch.device("meta"), pytest.raises(Problem) as refusal:
        FromTorchvision(name=name).make(shape, 10)
    assert refusal.value.what == (
        f"model.name: {name} cannot work on images of {shape[1]}x{shape[2]}"
    )
    assert f"set model.size to {needed}:" in refusal.value.remedy
    with torch.device("meta"):
        fits = FromTorchvision(name=name, size=needed).make(shape, 10)
    assert fits.eval()(torch.empty(2, *shape, device="meta")).shape == (2, 10)


def test_points_are_no_photographs() -> None:
    with pytest.raises(Problem, match="takes images of 1 or 3 channels"):
        FromTorchvision(name=LIGHT).make((2, 1, 1), 3)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_come_from_the_file_and_the_head_is_new(
    donor: nn.Module, file: Path, tmp_path: Path, ending: str
) -> None:
    if ending == ".safetensors":
        save_file(donor.state_dict(), file := tmp_path / "weights.safetensors")
    model = choice(file, freeze="nothing").make((3, 32, 32), 7)
    head = choice(file).fresh(model)
    assert head == "fc"
    trained, found = donor.state_dict(), model.state_dict()
    assert found.keys() == trained.keys()
    for key, tensor in found.items():
        assert torch.equal(tensor, trained[key]) == (not key.startswith("fc.")), key
    assert found["fc.weight"].shape == (7, 1024)
    assert all(p.requires_grad for p in model.parameters())


def test_frozen_stages_keep_weights_and_statistics_while_the_rest_learns(file: Path) -> None:
    assert [names[0] for names in stage_names(torchvision.models.get_model(LIGHT))] == [
        "conv1", "stage2", "stage3", "stage4", "conv5", "fc",
    ]  # fmt: skip
    counts = {"nothing": 0, "stages": 2, "body": 5}
    for freeze, count in counts.items():
        model: Any = choice(file, freeze=freeze, stages=2).make((3, 32, 32), 7)
        frozen = ["conv1", "stage2", "stage3", "stage4", "conv5"][:count]
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == (name.split(".")[0] not in frozen), (freeze, name)
        for name, module in model.named_modules():
            fixed = name.split(".")[0] in frozen
            assert not isinstance(module, nn.BatchNorm2d) or isinstance(module, FixedNorm) == fixed
        before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.train()(torch.randn(4, 3, 32, 32)).logsumexp(1).sum().backward()
        optimizer.step()
        for key, tensor in model.state_dict().items():
            part = key.split(".")[0]
            if part in frozen:
                assert torch.equal(tensor, before[key]), (freeze, key)
        assert not torch.equal(model.fc.weight, before["fc.weight"])


def test_max_norm_leaves_frozen_weights_alone(file: Path) -> None:
    model = choice(file, freeze="stages", stages=2).make((3, 32, 32), 7)
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.ndim > 1}
    max_norm(model.parameters(), limit=1e-3)
    for name, parameter in model.named_parameters():
        if name in before:
            assert torch.equal(parameter, before[name]) == (not parameter.requires_grad), name


def test_frozen_norms_compute_as_in_evaluation(donor: nn.Module, file: Path) -> None:
    model: Any = choice(file, freeze="body").make((3, 32, 32), 1000)
    assert any(isinstance(module, FixedNorm) for module in model.modules())
    model.fc = donor.get_submodule("fc")
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model.train()(images), donor.eval()(images))


class _Evil:
    def __reduce__(self) -> Any:
        return (print, ("pwned",))


def test_a_file_with_code_is_refused_and_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, save in ((tmp_path / "a.pth", torch.save), (tmp_path / "b.pth", _pickled)):
        save({"conv1.0.weight": _Evil()}, path)
        with pytest.raises(Problem) as refusal:
            choice(path).make((3, 32, 32), 10)
        assert refusal.value.what == f"model.weights: {str(path)!r} was not loaded"
        assert "more than numbers" in refusal.value.why
    assert "pwned" not in capsys.readouterr().out


def _pickled(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(value, protocol=2))


def test_broken_foreign_and_missing_files_are_refused(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:100_000])
    text = tmp_path / "text.safetensors"
    text.write_text("no weights")
    other = tmp_path / "other.pth"
    torch.save(torchvision.models.squeezenet1_1().state_dict(), other)
    listed = tmp_path / "list.pth"
    torch.save([torch.zeros(3)], listed)
    for path in (cut, text, other, listed, tmp_path / "missing.pth", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(Problem) as refusal:
            choice(path).make((3, 32, 32), 10)
        assert refusal.value.what.startswith("model.weights: "), path
        assert refusal.value.why
        assert LIGHT in refusal.value.remedy


def test_weights_that_are_not_here_are_named_with_their_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(Problem) as refusal:
        Pretrained(name=LIGHT).make((3, 32, 32), 10)
    assert "https://download.pytorch.org/models/shufflenetv2_x0.5" in refusal.value.remedy
    assert str(tmp_path / "hub" / "checkpoints") in refusal.value.remedy
    with torch.device("meta"):  # the outline needs no weights
        Pretrained(name=LIGHT).make((3, 32, 32), 10)


@pytest.fixture
def server(file: Path) -> Iterator[str]:
    """An address where the file is served, as torchvision's are."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_a_download_goes_where_torchvision_looks_and_is_checked(
    server: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    digest = sha256(file.read_bytes()).hexdigest()[:8]
    good, bad = f"{server}/shuffle-{digest}.pth", f"{server}/shuffle-00000000.pth"
    monkeypatch.setattr(Pretrained, "url", lambda _self: bad)
    with pytest.raises(Problem, match="could not be fetched"):
        list(Pretrained(name=LIGHT).fetch())
    assert not list((tmp_path / "hub" / "checkpoints").iterdir())
    monkeypatch.setattr(Pretrained, "url", lambda _self: good)
    told = list(Pretrained(name=LIGHT).fetch())
    assert told[-1].fraction == 1.0
    path = tmp_path / "hub" / "checkpoints" / f"shuffle-{digest}.pth"
    assert path.read_bytes() == file.read_bytes()
    assert list(Pretrained(name=LIGHT).fetch()) == []
    weights = torchvision.models.get_model_weights(LIGHT).DEFAULT
    monkeypatch.setattr(type(weights), "url", property(lambda _self: good))
    loaded = Pretrained(name=LIGHT).make((3, 32, 32), 10)
    assert torch.equal(loaded.state_dict()["conv1.0.weight"], torch.load(path)["conv1.0.weight"])


def test_old_names_of_densenet_are_understood(tmp_path: Path) -> None:
    state = torchvision.models.densenet121().state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", k): t for k, t in state.items()
    }
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    pretrained = Pretrained(name="densenet121", weights=str(tmp_path / "old.pth"), freeze="nothing")
    found = pretrained.make((3, 32, 32), 5).state_dict()
    assert all(torch.equal(found[k], t) for k, t in state.items() if not k.startswith("classifier"))


@pytest.mark.parametrize("freeze", ["nothing", "stages", "body"])
def test_a_script_repeats_the_fine_tuning(
    file: Path, play: Callable[[Cases], dict[str, Played]], freeze: str
) -> None:
    """On grey digits, made larger; regularisers and clipping meet parameters without gradients."""
    experiment = Experiment.from_data(
        {
            "split": {"kind": "stratified", "validation_share": 0.8},
            "preprocessing": "imagenet",
            "model": {"kind": "pretrained", "name": LIGHT, "weights": str(file), "size": 32,
                      "freeze": freeze, "stages": 3},
            "optimizer": {"kind": "adamw", "lr": 0.01},
            "regularizers": ["l2", "l1", "clip_norm", "clip_value"],
            "training": {"epochs": 1, "threads": 1},
        }
    )  # fmt: skip
    one = play({freeze: experiment})[freeze]
    assert len(one.losses) == 6
    assert all(math.isfinite(loss) for loss in one.losses)
    assert one.script == one.lab


def test_a_fine_tuned_network_shows_what_it_looks_at(file: Path, runs: Path) -> None:
    """Grad-CAM through layers that do not learn, on images of several labels that the network makes larger."""
    experiment = Experiment.from_data(
        {
            "dataset": {"kind": "numbers", "count": 100, "longest": 1},
            "preprocessing": "imagenet",
            "model": {"kind": "pretrained", "name": LIGHT, "weights": str(file), "size": 64},
            "training": {"epochs": 1, "threads": 1, "device": "cpu"},
        }
    )  # fmt: skip
    run = train(experiment, runs)
    found = run.results()
    assert (found.loss, found.accuracy) == (
        run.epochs["val_loss"][-1],
        run.epochs["val_accuracy"][-1],
    )
    before = {key: tensor.clone() for key, tensor in found.model.state_dict().items()}
    seen = [found.saliency(0, target) for target in range(10)]
    assert {look.source for look in seen} == {GRAD_CAM}
    assert {look.cells for look in seen} == {(2, 2)}
    assert max(float(look.heat.max()) for look in seen) == 1
    assert len({look.heat.numpy().tobytes() for look in seen}) > 5
    after = found.model.state_dict()
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())


def test_layers_freeze_and_thaw_while_it_trains(
    file: Path, tmp_path: Path, replay: Callable[[str], Result | str]
) -> None:
    """What is frozen stays as it is, what thaws goes on; resumed and written out it is the same."""
    experiment = Experiment.from_data(
        {
            "split": {"kind": "stratified", "validation_share": 0.9},
            "model": {"kind": "pretrained", "name": LIGHT, "weights": str(file), "size": 32,
                      "freeze": "nothing"},
            "optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9},
            "training": {"epochs": 2, "batch_size": 32, "threads": 1},
        }
    )  # fmt: skip
    edits: Edits = {1: {"model.freeze": "body"}, 4: {"model.freeze": "stages", "model.stages": 3}}
    edits[6] = {"model.freeze": "nothing"}
    events = trained(Trainer(experiment), edits)
    made = tuple(only(events, ev.Edited))
    assert [edit.step for edit in made] == [1, 4, 6]
    (finished,) = only(events, ev.Finished)
    before = trained(Trainer(experiment, tmp_path), edits, stop=5)
    snapshot, _problems = checkpoint.newest(tmp_path)
    assert snapshot is not None
    (stopped,) = only(before, ev.Finished)
    again = Trainer(experiment, None, snapshot, edits=made)
    (resumed,) = only(trained(again, {}), ev.Finished)
    assert resumed.weights_sha256 == finished.weights_sha256 != stopped.weights_sha256
    assert replay(script(experiment, threads=1, edits=made)) == numbers(events)


def test_the_search_for_a_size_ends() -> None:
    assert not library.runs(nn.Linear(3, 3), 8, 8)
    assert library.runs(nn.Flatten(), 8, 8)
