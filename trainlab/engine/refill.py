"""Refill: the weights and states of a checkpoint, put into the parts of a run after a look at each of them."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from trainlab.engine.build import Parts
from trainlab.engine.checkpoint import Snapshot
from trainlab.errors import Problem
from trainlab.text import _

# what torch's schedules leave in an optimizer's groups, also when another one has taken over
SCHEDULED = {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"}


def refill(parts: Parts, found: Snapshot) -> None:
    """Give the parts the weights and states of a checkpoint. Raises Problem for one of another run."""
    memory = found.state.get("optimizer")
    own = {
        "optimizer": _memory(parts.optimizer, memory),
        "schedule": parts.schedule.state_dict(),
        "weights": parts.model.state_dict(),
    }
    schedule = found.state.get("schedule")
    given = {"optimizer": memory, "schedule": schedule, "weights": found.weights}
    refuse_misfit(found.step, own, given)
    try:
        parts.model.load_state_dict(found.weights)
        parts.optimizer.load_state_dict(_laid_out(own["optimizer"], memory))
        parts.schedule.load_state_dict(schedule)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:  # what only torch can tell
        raise misfit(found.step, str(error)) from error


def refuse_misfit(step: int, own: Any, given: Any) -> None:
    """Raise Problem where a part of the checkpoint of this step is not formed like the run's own."""
    for fault in misfits(own, given, ""):
        raise misfit(step, fault)


def misfit(step: int, why: str) -> Problem:
    """The problem of a checkpoint that is whole, but of another run."""
    return Problem(
        _("step-{step:08d}: the checkpoint does not fit this run").format(step=step),
        why[:300],
        _("it is of another network, or was changed: go on from another one, or start again"),
    )


def misfits(own: Any, found: Any, path: str) -> Iterator[str]:
    """Where `found` is not formed like `own`: names, kinds of values, shapes and types of tensors.

    A list may be longer or shorter, by numbers; where `own` has None, anything but a tensor goes.
    """
    match own:
        case dict() if isinstance(found, dict):
            for key in sorted({*own, *found}, key=str):
                here = f"{path}.{key}".lstrip(".")
                if key in own and key in found:
                    yield from misfits(own[key], found[key], here)
                elif key not in SCHEDULED:
                    text = _("{name} is missing") if key in own else _("{name} is too much")
                    yield text.format(name=here)
        case list() if isinstance(found, list):
            ours = [*own, *[0.0] * (len(found) - len(own))]
            yield from _each(zip(ours, found, strict=False), path)
        case tuple() if isinstance(found, tuple) and len(found) == len(own):
            yield from _each(zip(own, found, strict=True), path)
        case None if not isinstance(found, Tensor):
            pass
        case _other if _form(own) != _form(found):
            text = _("{name} is {found} where {own} is needed")
            yield text.format(name=path, found=_form(found), own=_form(own))


def _each(pairs: Iterable[tuple[Any, Any]], path: str) -> Iterator[str]:
    for number, (own, found) in enumerate(pairs):
        yield from misfits(own, found, f"{path}.{number}")


def _form(value: Any) -> str:
    match value:
        case Tensor():
            return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
        case bool():
            return "bool"
        case float() | int():
            return _("a number")
        case tuple():
            return _("{count} values").format(count=len(value))
    return type(value).__name__


def _memory(optimizer: torch.optim.Optimizer, found: Any) -> dict[str, Any]:
    """The optimizer's state once it remembers what the found one does: after a step on gradients of zero.

    The weights it may move are about to be replaced.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    remembered = found.get("state") if isinstance(found, dict) else None
    kept = remembered if isinstance(remembered, dict) else {}
    if isinstance(optimizer, torch.optim.LBFGS):  # as long as its history, and flat
        total = sum(p.numel() for p in parameters)
        return {**optimizer.state_dict(), "state": _flat(kept, total)}
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    own = optimizer.state_dict()
    return {**own, "state": {key: own["state"][key] for key in own["state"] if key in kept}}


def _flat(found: Any, total: int) -> Any:
    """The same memory, with a vector of all parameters for each that it holds."""
    match found:
        case Tensor() if found.ndim:
            return torch.empty(total, device="meta")
        case dict():
            return {key: _flat(item, total) for key, item in found.items()}
        case list():
            return [_flat(item, total) for item in found]
    return found


def _laid_out(own: Any, found: Any) -> Any:
    """The found state with tensors that lie in memory as the optimizer's own: fused kernels count on it."""
    match own:
        case Tensor() if own.device.type != "meta":
            return torch.empty_like(own).copy_(found)
        case dict():
            return {key: _laid_out(own.get(key), item) for key, item in found.items()}
    return found
