"""What the page says of its own default where the learning rate is far too high: the cause, to the end."""

from pathlib import Path

from trainlab.experiment import Experiment
from trainlab.runs import train


def test_what_long_steps_have_spoilt_is_said_to_the_end(runs: Path) -> None:
    default = Experiment()
    experiment = default.but(
        optimizer=default.optimizer.but(lr=10.0), training=default.training.but(epochs=5)
    )
    run = train(experiment, runs)
    assert run.steps["lr"][-1] < 0.01, "the schedule has ended with short steps"
    first = run.verdicts[0]
    assert first.id == "lr_high"
    assert first.last == run.steps["step"][-1]
    (remedy,) = first.remedies
    assert remedy.how == "restart"
    assert remedy.changes["optimizer.lr"] <= 0.01
