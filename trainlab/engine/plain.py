"""Plain: nested state as JSON with its tensors apart, so that reading it back can run no code."""

from typing import Any

from torch import Tensor


def to_plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON can write it; its tensors go into `tensors`, on the CPU. Raises TypeError for other objects."""
    match value:
        case Tensor():
            name = str(len(tensors))
            tensors[name] = value.detach().cpu().contiguous()
            return {"tensor": name}
        case dict():  # pairs: JSON would turn a key into a text
            return {"dict": [[key, to_plain(item, tensors)] for key, item in value.items()]}
        case tuple():
            return {"tuple": [to_plain(item, tensors) for item in value]}
        case list():
            return [to_plain(item, tensors) for item in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"a {type(value).__name__} cannot be saved")


def from_plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """What `to_plain` was given. Raises ValueError, KeyError or TypeError for anything else."""
    match value:
        case {"tensor": str(name)}:
            return tensors[name]
        case {"dict": list(pairs)}:
            return {key: from_plain(item, tensors) for key, item in pairs}
        case {"tuple": list(items)}:
            return tuple(from_plain(item, tensors) for item in items)
        case list():
            return [from_plain(item, tensors) for item in value]
        case None | bool() | int() | float() | str():
            return value
    raise ValueError(f"{str(value)[:40]!r} is not of a state")
