"""The lab in a real kernel, without a page."""

from collections.abc import Iterator

import pytest

from tests.kernel.kernels import Kernel, started

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with started(tmp_path_factory.mktemp("kernel") / "runs") as kernel:
        yield kernel


def test_a_run_goes_on_without_a_page(kernel: Kernel) -> None:
    kernel.run("lab = tl.Lab(SHORT, runs=RUNS); press(lab, 'start')", "a")
    kernel.run("until(lambda: lab.run is not None and lab.run.state == 'done')", "b")
    assert kernel.run("print(len(lab.run.epochs['epoch']))", "b").strip() == "2"


def test_running_the_cell_again_keeps_the_run_and_the_forms(kernel: Kernel) -> None:
    kernel.run("long = SHORT.but(training=SHORT.training.but(epochs=5000))", "b")
    kernel.run("lab = tl.Lab(long, runs=RUNS); press(lab, 'start')", "kept")
    kernel.run("until(lambda: lab._parts.session.shown.state == 'running')", "b")
    kernel.run("run = lab._parts.session.path; lab = tl.Lab(runs=RUNS)", "kept")
    said = kernel.run("print(lab._parts.session.path == run, lab.experiment == long)", "b")
    assert said.strip() == "True True"
    trainers = "sum(t.name == 'trainlab' for t in threading.enumerate())"
    assert kernel.run(f"press(lab, 'start'); print({trainers})", "b").strip() == "1"
    kernel.run("press(lab, 'stop'); until(lambda: lab.run.state == 'done')", "b")


def test_labs_of_one_cell_are_two_and_closing_one_spares_the_other(kernel: Kernel) -> None:
    kernel.run(
        "one, two = tl.Lab(panels=['data'], runs=RUNS), tl.Lab(panels=['train'], runs=RUNS)", "two"
    )
    said = kernel.run(
        "print(one._parts.panels.tabs[0]['id'], two._parts.panels.tabs[0]['id'])", "b"
    )
    assert said.split() == ["data", "train"]
    kernel.run("one.close()", "b")
    said = kernel.run("print(one.comm is None, two.comm is None, two._parts.run.comm is None)", "b")
    assert said.split() == ["True", "False", "False"]


def test_a_lab_is_a_widget_and_names_its_panels(kernel: Kernel) -> None:
    kernel.run("import ipywidgets; assert isinstance(two, ipywidgets.DOMWidget)", "b")
    code = "try:\n    tl.Lab(panels=['optimiser'])\nexcept Exception as error:\n    print(error)"
    assert "did you mean 'optimizer'?" in kernel.run(code, "b")
