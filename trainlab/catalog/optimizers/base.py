"""What optimizers share: the contract, groups of parameters, and the settings they have in common."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import nn

from trainlab.choice import Choice, Knob
from trainlab.errors import Problem
from trainlab.text import _

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

    def momentum_name(self) -> str:
        """Where its momentum is kept: "betas" (the first), "momentum", or "" for an optimizer without."""
        return next((name for name in ("betas", "momentum") if name in type(self).model_fields), "")

    def first_momentum(self) -> float:
        """Momentum, or the first beta. Raises Problem where it has none that could be moved."""
        name = self.momentum_name()
        value: Any = getattr(self, name, 0.0)
        momentum = float(value[0] if name == "betas" else value)
        if not momentum:  # RMSprop makes no buffer for one that starts at 0
            raise Problem(
                _("schedule.momentum_end: {title} has no momentum").format(title=self.title()),
                _("there is nothing to move"),
                _("leave it at auto, give the optimizer momentum, or choose SGD or Adam"),
            )
        return momentum

    def arguments(self) -> dict[str, Any]:
        """The fields, and the fused kernel where torch has one: far fewer calls a step."""
        fused = "fused" in inspect.signature(type(self).target).parameters
        return super().arguments() | ({"fused": True} if fused else {})
