"""What a run reports: plain data that serialises, so a thread, a process or a file can carry it."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args, get_origin

State = Literal["idle", "building", "running", "paused", "stopping", "done", "failed"]


@dataclass(frozen=True)
class Event:
    """Base of everything a run reports."""


@dataclass(frozen=True)
class Opened(Event):
    """The run has a folder of its own: `run` is its path."""

    run: str


@dataclass(frozen=True)
class Changed(Event):
    """The run entered another state."""

    state: State


@dataclass(frozen=True)
class Progress(Event):
    """How far the building is: `fraction` in [0, 1], or None where it cannot be known."""

    text: str
    fraction: float | None = None


@dataclass(frozen=True)
class Started(Event):
    """The network is built: the plan of the run. `threads` is torch's intra-op count, part of exact replay.

    `position` is how many epochs are done, with a fraction; `chance` the share of validation that the
    commonest answer gets right, `left_out` the largest share that a layer of the network leaves out while it
    trains: dropout, or whole branches. Both are 0 where they were not recorded.
    """

    epochs: int
    steps_per_epoch: int
    train_images: int
    val_images: int
    classes: tuple[str, ...]
    parameters: int
    device: str
    threads: int
    first_step: int = 0
    first_epoch: int = 0
    position: float = 0.0
    chance: float = 0.0
    left_out: float = 0.0


@dataclass(frozen=True)
class Steps(Event):
    """A slice of optimizer steps: `first` is the number of the first one, counted from 1.

    `loss` and `accuracy` are the batch's own, `lr` the one the step used. `images_per_second` counts
    training time only.
    """

    first: int
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    lr: tuple[float, ...]
    images_per_second: float


@dataclass(frozen=True)
class EpochEnd(Event):
    """One epoch's means. `epoch` counts from 1; train values are means over its batches as they were trained.

    `measures` are further values by name: digit_accuracy, near_zero.
    """

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited(Event):
    """From the step after `step` on, the run goes on with these fields changed: path -> value.

    `position` is how many epochs are done, with a fraction; `epochs` and `steps_per_epoch` hold from here.
    `between`: it came at the end of an epoch, before it was asked whether another one follows.
    """

    step: int
    position: float
    changes: dict[str, Any]
    epochs: int
    steps_per_epoch: int
    between: bool = False


@dataclass(frozen=True)
class Boundary(Event):
    """Where the net parts the plane now: a grid of side x side cells from corner to corner of the points.

    `cells` is base64 of side * side pairs of bytes, row by row: the class, and how sure (0..255).
    """

    step: int
    side: int
    cells: str


@dataclass(frozen=True)
class Probed(Event):
    """What one step did inside the network: by layer, then by measure.

    update_ratio (norm of the step over that of the weights), grad_norm, weight_norm; of outputs mean,
    std, dead (share of silent ReLU units), saturated (share of values near an end); of weights near_zero.
    `histograms` hold the least and largest value, then counts. `data_share` is the part of the step's time
    spent on its batch; `seconds` is what this look cost. `predictions` are the chances of `Fixed.classes`
    for each of its images, after the step.
    """

    step: int
    layers: dict[str, dict[str, float]]
    histograms: dict[str, tuple[float, ...]]
    data_share: float
    momentum: float = 0.0
    predictions: tuple[tuple[float, ...], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Fixed(Event):
    """The validation images that the network is shown again and again while it trains.

    `pixels` is base64 of bytes (N, H, W, C) of this `shape`; `labels` are their classes, and `classes` those
    whose chances are followed. `layers` says what each layer is, by name.
    """

    shape: tuple[int, ...]
    pixels: str
    labels: tuple[int, ...]
    classes: tuple[int, ...]
    layers: dict[str, str]


@dataclass(frozen=True)
class Pictured(Event):
    """The first layer's "filters" after a step, and by layer what it made of one of the fixed images.

    `pixels` is base64 of bytes (N, H, W, C), of the shapes in `shapes`.
    """

    step: int
    image: int
    shapes: dict[str, tuple[int, ...]]
    pixels: dict[str, str]


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint is safely on disk; a `pinned` one was asked for, and stays."""

    name: str
    step: int
    pinned: bool = False


@dataclass(frozen=True)
class Warned(Event):
    """Something that the run met and could go on from, which its owner should know."""

    text: str


@dataclass(frozen=True)
class Answered(Event):
    """The answer to a command: applied, where `reason` may say what came of it, or rejected with the reason."""

    command: int
    applied: bool
    reason: str = ""


@dataclass(frozen=True)
class Failed(Event):
    """The run ended in an error: what happened, why, what to do next."""

    what: str
    why: str
    remedy: str
    step: int = 0


@dataclass(frozen=True)
class Finished(Event):
    """The run ended well: to its last epoch, or `stopped` before. Times in seconds of training."""

    stopped: bool
    epochs: int
    steps: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    best_val_accuracy: float
    seconds: float
    images_per_second: float
    weights_sha256: str


def finite(value: Any) -> Any:
    """`value` with every NaN and infinity as None, which JSON can write."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def to_json(event: Event, exact: bool = False) -> str:
    """One line of JSON; non-finite numbers become null, or with `exact` Python's own NaN and Infinity."""
    data = {"event": type(event).__name__, **asdict(event)}
    return json.dumps(data if exact else finite(data), allow_nan=exact)


_PLAIN: dict[Any, tuple[type, ...]] = {
    float: (float, int),
    int: (int,),
    bool: (bool,),
    str: (str,),
    State: (str,),
    float | None: (float, int, type(None)),
}


def from_json(line: str) -> Event:
    """The event that `to_json` wrote. Raises ValueError for anything else."""
    try:
        data = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    kinds = {kind.__name__: kind for kind in Event.__subclasses__()}
    kind = kinds.get(str(data.pop("event", ""))) if isinstance(data, dict) else None
    if kind is None:
        raise ValueError(f"not an event: {line[:80]!r}")
    fields = kind.__annotations__
    try:
        return kind(**{name: _restored(fields[name], value) for name, value in data.items()})
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


def _restored(wanted: Any, value: Any) -> Any:
    """The value of a field of type `wanted`; null stands for a number that JSON cannot write."""
    if wanted == tuple[float, ...] and all(type(item) is float for item in value):
        return tuple(value)  # most of a long record, much quicker
    if get_origin(wanted) is tuple and isinstance(value, list):
        return tuple(_restored(get_args(wanted)[0], item) for item in value)
    if get_origin(wanted) is dict and isinstance(value, dict):
        return {str(key): _restored(get_args(wanted)[1], item) for key, item in value.items()}
    if wanted is Any:
        return value
    if value is None and wanted is float:
        return math.nan
    if not isinstance(value, _PLAIN.get(wanted, ())):
        raise TypeError(f"{str(value)[:40]!r} is no {wanted}")
    return value
