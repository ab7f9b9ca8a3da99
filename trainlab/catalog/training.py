"""Training: how long, in what portions, on what and with which seed."""

from typing import Literal

from trainlab.choice import Card, Knob, Settings


class Training(Settings):
    """The settings of the run itself."""

    epochs: int = Knob(20, ge=1, le=10_000, scale="log", help="passes over the training images")
    batch_size: int = Knob(64, ge=1, le=65_536, scale="log", unit="images", help="images a step")
    seed: int = Knob(0, ge=0, le=2**53, help="names every random draw of the run")
    device: str = Knob(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:(0|[1-9]\d?))?)$",
        help="auto takes the GPU where there is one",
    )
    precision: Literal["float32", "bfloat16"] = Knob(
        "float32", help="bfloat16: faster where the hardware has it"
    )
    compile: bool = Knob(
        False, help="torch.compile: half a minute of waiting, then faster steps on larger nets"
    )
    threads: int | None = Knob(
        None, ge=1, le=1024, help="CPU threads; auto leaves one core to the page"
    )
    worker: Literal["thread", "process"] = Knob(
        "thread",
        help="process: no other cell slows it, nor does its end harm the notebook; starts 2 s later",
    )

    save_every: float = Knob(
        10.0, ge=0.1, le=3600, scale="log", unit="s",
        help="a checkpoint this often, and at each epoch's end where that costs next to nothing",
    )  # fmt: skip

    card = Card(
        source="CS231n notes, Learning; Karpathy, A recipe for training neural networks",
        use="Fix the seed, hold out a validation set, and change one thing at a time.",
        pitfalls="Batch size and learning rate belong together: double both or neither.",
    )
