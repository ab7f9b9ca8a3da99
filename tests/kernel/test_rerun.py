"""A cell that is run again and again, a lab that is shown again, a kernel that ends while it trains."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.kernels import Kernel, started
from trainlab import events as ev
from trainlab.runs import load_run, train

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]
WIDGET = "application/vnd.jupyter.widget-view+json"
LONG = "SHORT.but(training=SHORT.training.but(epochs=5000))"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with started(tmp_path_factory.mktemp("kernel") / "runs") as kernel:
        yield kernel


def test_without_a_lab_there_is_none_to_attach(kernel: Kernel) -> None:
    code = (
        "try:\n    tl.attach()\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    assert kernel.run(code, "a").startswith("Problem this kernel has no lab")


def test_running_the_cell_fifty_times_leaves_one_trainer_and_nothing_behind(kernel: Kernel) -> None:
    cell = f"lab = tl.Lab({LONG}, runs=RUNS); press(lab, 'start'); display(lab)"
    for _time in range(5):
        kernel.run(cell, "again")
    warming = "any(thread.name == 'trainlab-warm-up' for thread in threading.enumerate())"
    running = "lab._parts.session.shown.state == 'running'"
    kernel.run(f"until(lambda: {running} and not {warming}); time.sleep(1)", "b")
    kernel.run("before = counts()", "b")
    for _time in range(50):
        kernel.run(cell, "again")
    kernel.run("until(lambda: all(now <= was for now, was in zip(counts(), before)), counts)", "b")
    trainers = "sum(thread.name == 'trainlab' for thread in threading.enumerate())"
    assert kernel.run(f"print({trainers}, len(list(os.scandir(RUNS))))", "b").split() == ["1", "1"]
    kernel.run("press(lab, 'stop'); until(lambda: lab.run.state == 'done')", "b")


def test_attach_shows_the_same_lab_in_another_cell(kernel: Kernel) -> None:
    kernel.run("first = tl.Lab(runs=RUNS); first", "first")
    kernel.run("second = tl.Lab(runs=RUNS); second", "second")
    kernel.run("newest, named = tl.attach(), tl.attach('first'); display(newest, named)", "other")
    same = "print(newest._parts is second._parts, named._parts is first._parts)"
    assert kernel.run(same, "b").split() == ["True", "True"]
    kernel.run("second = tl.Lab(runs=RUNS); second", "second")
    kept = "print(newest.comm is not None, newest._parts is second._parts, newest.experiment == second.experiment)"
    assert kernel.run(kept, "b").split() == ["True"] * 3
    code = "try:\n    tl.attach('third')\nexcept Exception as error:\n    print(error)"
    assert "labs were made by these cells: again, first, second" in kernel.run(code, "b")
    kernel.run("second.close()", "b")
    said = kernel.run(
        "print(newest.comm is None, named.comm is None, tl.attach()._parts is first._parts)", "b"
    )
    assert said.split() == ["True", "False", "True"]


def test_a_run_that_ended_is_kept_in_the_output_as_a_picture(kernel: Kernel) -> None:
    kernel.shown.clear()
    kernel.run("lab = tl.Lab(SHORT, runs=RUNS); lab", "still")
    live, text, picture = kernel.shown[-3:]
    names = [text["transient"]["display_id"], picture["transient"]["display_id"]]
    assert WIDGET in live["data"]
    assert "image/png" not in picture["data"]
    kernel.shown.clear()
    kernel.run("press(lab, 'start'); until(lambda: lab.run and lab.run.state == 'done')", "b")
    drawing = "any(thread.name == 'trainlab-still' for thread in threading.enumerate())"
    kernel.run(f"time.sleep(0.3); until(lambda: not {drawing})", "b")
    mine = [shown for shown in kernel.shown if shown["transient"].get("display_id") in names]
    words, image = (shown["data"] for shown in mine)
    assert "Done. Loss went from" in words["text/html"]
    assert base64.b64decode(image["image/png"]).startswith(b"\x89PNG")
    kernel.run("lab", "c")
    assert [shown["data"] for shown in kernel.shown[-2:]] == [words, image]


def test_a_kernel_that_is_shut_down_while_it_trains_is_gone_and_its_run_can_go_on(
    tmp_path: Path,
) -> None:
    with started(tmp_path) as kernel:
        kernel.run(f"lab = tl.Lab({LONG}, runs=RUNS); press(lab, 'start')", "a")
        kernel.run("until(lambda: len(lab._parts.session.shown.history.epochs) > 5)", "b")
        start = time.monotonic()
        kernel.manager.shutdown_kernel()  # asks first, and kills after five seconds
        assert time.monotonic() - start < 5
    (folder,) = tmp_path.iterdir()
    before = load_run(folder)
    assert before.state == "running"

    def enough(event: ev.Event) -> None:
        if isinstance(event, ev.EpochEnd):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(resume=folder, on_event=enough)
    assert load_run(folder).state == "done"
    assert load_run(folder).epochs["epoch"][0] == 1
