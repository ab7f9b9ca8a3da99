"""What optimizers share: the contract, groups of parameters, and the settings they have in common."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import nn

from trainlab.choice import Choice, Knob

Beta = Annotated[float, Field(ge=0, lt=1)]
DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.optim."


def decay_groups(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """Two groups: weights; then biases and norms, which are never decayed."""
    parameters = list(parameters)
    return [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def lr_knob(default: float, help: str) -> Any:
    """The learning rate."""
    return Knob(default, gt=0, le=10, scale="log", help=help)


def momentum_knob(default: float = 0.0) -> Any:
    """The share of the last step that is kept."""
    return Knob(default, ge=0, lt=1, help="share of the last step kept; try 0.5, 0.9, 0.95, 0.99")


def decay_knob(default: float, help: str) -> Any:
    """The pull of the weights towards zero."""
    return Knob(default, ge=0, le=1, scale="log", help=help)


def mixed_decay_knob() -> Any:
    """A pull towards zero that goes through the optimizer's own scaling."""
    return decay_knob(0.0, "pull towards zero, mixed into the gradient (not decoupled)")


def decoupled_knob() -> Any:
    """Whether weight decay goes around the optimizer's own scaling."""
    return Knob(False, help="apply weight decay to the weights themselves, as AdamW does")


def eps_knob(default: float = 1e-8) -> Any:
    """What keeps the division finite."""
    return Knob(default, gt=0, le=1e-2, scale="log", help="keeps the division finite; 1e-8 to 1e-4")


def betas_knob() -> Any:
    """The two memories of Adam and its kin."""
    return Knob((0.9, 0.999), help="memory of the gradient's and the squared gradient's mean")


class OptimizerChoice(Choice):
    """A class of torch.optim: `target(groups(parameters), **fields)`.

    `full_batch`: each step sees all training images, and asks for the loss as often as it likes.
    """

    lr: float
    groups: ClassVar[Callable[[Iterable[nn.Parameter]], Any]] = decay_groups
    full_batch: ClassVar[bool] = False

    def follows(self, lr: float, step: int) -> bool:
        """Whether this step, counted from 1, goes by this learning rate: some find their own."""
        return True

    def first_momentum(self) -> float | None:
        """Momentum, or the first beta; None for an optimizer that has neither."""
        betas: tuple[float, float] | None = getattr(self, "betas", None)
        return betas[0] if betas else getattr(self, "momentum", None)

    def arguments(self) -> dict[str, Any]:
        """The fields, and the fused kernel where torch has one: far fewer calls a step."""
        fused = "fused" in inspect.signature(type(self).target).parameters
        return super().arguments() | ({"fused": True} if fused else {})
