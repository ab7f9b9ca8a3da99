"""`trainlab train`: what it prints, how it fails, how it is interrupted and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainlab.cli import main
from trainlab.runs import load_run, train

BLOCKED = ("ipywidgets", "anywidget", "IPython", "voila", "jupyterlab", "ipykernel")
WITHOUT_WIDGETS = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Block())
from trainlab.cli import main
sys.exit(main())
"""
QUICK = ["--set", "model=mlp", "--set", "model.width=8", "--set", "training.threads=1"]
LONG = [*QUICK, "--set", "training.epochs=10000", "--set", "training.batch_size=256"]
LONG += ["--set", "schedule=constant"]  # so that it may be shortened


def test_the_default_learns_digits_without_any_widget_library(runs: Path) -> None:
    started = time.monotonic()
    command = [sys.executable, "-c", WITHOUT_WIDGETS, "train", "default", "--json"]
    done = subprocess.run(
        [*command, "--runs", str(runs)], check=False, capture_output=True, text=True
    )
    assert time.monotonic() - started < 30
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["val_accuracy"] >= 0.97
    assert (result["epochs"], result["steps"], result["stopped"]) == (20, 460, False)
    assert load_run(result["run"]).summary == result
    lines = done.stderr.splitlines()
    assert len(lines) == 20
    assert lines[-1].startswith("epoch 20/20  train loss 0.")


@pytest.mark.slow
def test_the_defaults_learn_mnist(
    shared: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("kind=mnist", "split=test", f"root={shared / 'data' / 'mnist'}")
    flags = [part for setting in settings for part in ("--set", f"dataset.{setting}")]
    arguments = ["train", *flags, "--set", "training.epochs=5", "--runs", str(runs), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["val_accuracy"] >= 0.97


def test_a_readable_summary(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *QUICK, "--set", "training.epochs=1", "--runs", str(runs)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("1 epochs, 23 steps in ")
    assert str(next(runs.iterdir())) in captured.out
    assert captured.err.startswith("epoch 1/1  train loss ")


def test_a_terminal_gets_a_bar(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["train", *QUICK, "--runs", str(runs)]) == 0
    text = capsys.readouterr().err
    assert "100%" in text
    assert "460/460" in text
    assert "loss=" in text
    assert "val acc=0." in text
    assert "epoch 1/" not in text


def test_a_failed_run_says_what_why_and_what_next(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ["model.activation=leaky_relu", "model.activation.negative_slope=0.9", "optimizer=sgd"]
    wild += ["optimizer.lr=10", "optimizer.momentum=0.9", "schedule=constant", "model.norm=none"]
    flags = [part for setting in wild for part in ("--set", setting)]
    assert main(["train", *QUICK, *flags, "--runs", str(runs), "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()[-4:]
    assert lines[0].startswith("trainlab: the run failed: The loss became ")
    assert "learning rate" in lines[1]
    assert "Lower the learning rate" in lines[2]
    assert str(next(runs.iterdir())) in lines[3]


@pytest.mark.alone  # it has to be quick
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_the_run_can_be_resumed(
    runs: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "trainlab", "train", *LONG, "--json", "--runs", str(runs)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stderr.readline().startswith("epoch 1/10000")
        process.send_signal(number)
        asked = time.monotonic()
        output, errors = process.communicate(timeout=30)
        assert time.monotonic() - asked < 5
    assert process.returncode == 130
    result = json.loads(output)
    assert result["stopped"] is True
    assert f"trainlab train --resume {result['run']}" in errors
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        shorten(Path(result["run"]), result["epochs"] + 1)
        assert main(["train", "--resume", result["run"], "--json"]) == 0
        resumed = json.loads(capsys.readouterr().out)
        assert resumed["steps"] == (result["epochs"] + 1) * 6
        whole = train(load_run(result["run"]).experiment, runs)
        assert whole.summary["weights_sha256"] == resumed["weights_sha256"]


def shorten(run: Path, epochs: int) -> None:
    """Let a run of constant learning rate end soon."""
    path = run / "experiment.json"
    data = json.loads(path.read_text())
    data["training"]["epochs"] = epochs
    path.write_text(json.dumps(data))


def test_a_second_interrupt_ends_at_once() -> None:
    program = (
        "import os, signal, time\n"
        "from trainlab.cli.train import interruptible\n"
        "with interruptible():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(50)\n"
        "    except KeyboardInterrupt:\n"
        "        os.kill(os.getpid(), signal.SIGTERM); time.sleep(50)\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], check=False, timeout=40).returncode == 130
    )


def test_readers_that_leave_are_quiet() -> None:
    for shell in (
        '"$0" -m trainlab list | head -n 0; exit ${PIPESTATUS[0]}',
        '"$0" -m trainlab --version >&-',
        '"$0" -m trainlab train --nonsense 2>&-; test $? = 2',
    ):
        command = ["bash", "-c", shell, sys.executable]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_control_c_in_a_terminal(runs: Path) -> None:
    """A real one, of no size at all: the bar is shown, the key interrupts, the last word is ours."""
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "trainlab", "train", *LONG, "--runs", str(runs)]
    take_terminal = (
        "import fcntl, os, sys, termios; os.setsid(); "
        "fcntl.ioctl(2, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", take_terminal, *command], stdin=end, stdout=end, stderr=end
    ) as process:
        os.close(end)
        shown = b""
        while b"val acc" not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        shown = b""
        while b"--resume" not in shown:
            shown += os.read(terminal, 4096)
        assert process.wait(20) == 130
    os.close(terminal)
    assert shown.index(b"step/s") < shown.index(b"validation accuracy") < shown.index(b"--resume")
