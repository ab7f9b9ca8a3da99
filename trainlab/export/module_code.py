"""Module code: a network that was built, as the expression that builds it again."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from trainlab.export.names import call, literal

NOT_SETTINGS = ("self", "device", "dtype")


def module_code(module: nn.Module, name_of: Callable[[Callable[..., Any]], str]) -> str:
    """`nn.Sequential(nn.Conv2d(1, 32, 3), ...)`: each argument that makes a difference, and no other.

    Arguments are recovered from the attributes of the same names, as torch's layers keep them. A module
    that does not keep them has an attribute `recipe`, the call that makes it; one whose weight is
    computed from others has `wrapped_by`, the call that made it so.

    Args:
        module: the network.
        name_of: the name that the script has for a class.
    """
    recipe = getattr(module, "recipe", None)
    if isinstance(recipe, partial):
        words = [literal(value) for value in recipe.args]
        return call(name_of(recipe.func), recipe.func, tuple(words), recipe.keywords)
    name = name_of(type_before_parametrizations(module))
    if isinstance(module, nn.Sequential):
        return f"{name}({''.join(module_code(child, name_of) + ',' for child in module)})"
    needed, optional = _arguments(module)
    words = [_word(value, name_of) for value in needed]
    words += [f"{key}={_word(value, name_of)}" for key, value in optional.items()]
    code = f"{name}({', '.join(words)})"
    wrap = getattr(module, "wrapped_by", None)
    return call(name_of(wrap.func), wrap.func, (code,), wrap.keywords) if wrap else code


def _word(value: Any, name_of: Callable[[Callable[..., Any]], str]) -> str:
    return module_code(value, name_of) if isinstance(value, nn.Module) else literal(value)


def _arguments(module: nn.Module) -> tuple[list[Any], dict[str, Any]]:
    """The arguments without a default, and those others that are needed to make an equal module."""
    needed: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for name, parameter in inspect.signature(
        type_before_parametrizations(module)
    ).parameters.items():
        if name in NOT_SETTINGS or parameter.kind in (
            parameter.VAR_KEYWORD,
            parameter.VAR_POSITIONAL,
        ):
            continue
        value = getattr(module, name, parameter.default)
        if name == "bias" and isinstance(parameter.default, bool):
            value = module.bias is not None
        group = needed if parameter.default is parameter.empty else optional
        group[name] = value
    given = needed | optional
    for name in optional:
        if _alike(module, shorter := {key: given[key] for key in given if key != name}):
            given = shorter
    for name, value in given.items():
        one = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
        if _alike(module, simpler := given | {name: one}):
            given = simpler
    return [given[name] for name in needed], {
        name: given[name] for name in optional if name in given
    }


def _alike(module: nn.Module, arguments: dict[str, Any]) -> bool:
    """Whether these arguments would make a module like this one."""
    try:
        with torch.device("meta"):
            other = type_before_parametrizations(module)(**arguments)
            if wrap := vars(module).get("wrapped_by"):
                vars(other)["wrapped_by"] = wrap
                if is_parametrized(module):
                    wrap(other)
    except Exception:  # whatever a constructor makes of arguments that it does not take
        return False
    return _traits(other) == _traits(module)


def _traits(module: nn.Module) -> tuple[object, ...]:
    settings = {key: value for key, value in vars(module).items() if key[0] != "_"}
    shapes = {key: tensor.shape for key, tensor in module.state_dict().items()}
    return settings, shapes, repr(module)
