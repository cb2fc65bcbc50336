"""What is known of a component's target: the parameters that it takes.

Of this project's own components and in the conformance kit it follows from the target itself. Of
a third party's it was read where the target may be imported, and came to this process as data.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ParameterInfo", "TargetFacts", "parameters_of"]

_PLAIN = (bool, int, float, str)


@dataclass(frozen=True, kw_only=True)
class ParameterInfo:
    """A parameter of a target.

    Attributes
    ----------
    name : str
    required : bool
        Whether it has no default.
    default : object
        None where it is required.
    is_plain : bool
        Whether there is a default that a record can hold: None, a truth value, a number or text.
    shown : str
        As it is written in Python, with its annotation and default: ``"noise: float = 0.5"``.
    about : str
        What the target's docstring says of it, in one line; empty where nobody read that
        (:func:`~loki_bench.plugins.documented_parameters.with_documentation`), or it says nothing.
    """

    name: str
    required: bool
    default: object
    is_plain: bool
    shown: str
    about: str = ""

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, kw_only=True)
class TargetFacts:
    """What another process found out about a target, which this one is not to import.

    Attributes
    ----------
    parameters : tuple of ParameterInfo
        In their order.
    problem : str
        Why the target could not be imported there; empty where it could.
    """

    parameters: tuple[ParameterInfo, ...]
    problem: str = ""


def parameters_of(target: Callable[..., object]) -> tuple[ParameterInfo, ...]:
    """The parameters of a class or function that can be given by name, in their order."""
    return tuple(
        _info(parameter)
        for parameter in inspect.signature(target).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    )


def _info(parameter: inspect.Parameter) -> ParameterInfo:
    default = parameter.default
    required = default is parameter.empty
    if isinstance(default, float) and not math.isfinite(default):
        raise ValueError(
            f"the default of its parameter {parameter.name!r} is {default}; expected a finite "
            "number, or None for no number"
        )
    return ParameterInfo(
        name=parameter.name,
        required=required,
        default=None if required else default,
        # a subclass, such as an Enum's member, would arrive as the bare value
        is_plain=not required and (default is None or type(default) in _PLAIN),
        shown=str(parameter),
    )
