"""Refusal of constructor parameters that a component can't use, in one sentence each.

For plugins, too: ``require_count("attacker 'mine'", "n_rounds", n_rounds)``.
"""

import math
from numbers import Integral, Real

from loki_bench.errors import ParameterError

__all__ = ["require_count", "require_flag", "require_number"]


def require_count(
    who: str, name: str, value: int, *, least: int = 1, most: int | None = None
) -> int:
    """The value as an int; ``ParameterError`` unless it is a whole number in bounds.

    Parameters
    ----------
    who : str
        The component, for the sentence: ``"attacker 'mine'"``.
    name : str
        The parameter.
    value : int
        2.0 is no whole number here, nor is True: a file that says so means something else.
    least, most : int
        Both are allowed; None is no limit.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        limit = "" if most is None else f" to {most}"
        raise ParameterError(
            f"{who}: {name} must be a whole number from {least}{limit}, got {value!r}"
        )
    return int(value)


def require_number(
    who: str,
    name: str,
    value: float,
    *,
    above: float | None = None,
    below: float = math.inf,
    most: float = math.inf,
) -> float:
    """The value as a float; ``ParameterError`` unless it is finite, 0 or more and in bounds.

    Parameters
    ----------
    who, name
        As of :func:`require_count`.
    value : float
    above : float or None
        The value must be larger; None is 0, which is then allowed itself.
    below, most : float
        The value must be smaller, or no larger.
    """
    found = _as_float(value)
    # no comparison holds for NaN, and infinity is below nothing
    enough = found >= 0 if above is None else found > above
    if enough and found < below and found <= most:
        return found
    wanted = "0 or more" if above is None else f"above {above:g}"
    limits = [] if math.isinf(below) else [f"below {below:g}"]
    limits += [] if math.isinf(most) else [f"at most {most:g}"]
    raise ParameterError(
        f"{who}: {name} must be a number {' and '.join([wanted, *limits])}, got {value!r}"
    )


def require_flag(who: str, name: str, value: bool) -> bool:
    """The value; ``ParameterError`` unless it is True or False: a text counts as true, even "no".

    Parameters
    ----------
    who, name
        As of :func:`require_count`.
    value : bool
    """
    if not isinstance(value, bool):
        raise ParameterError(f"{who}: {name} must be true or false, got {value!r}")
    return value


def _as_float(value: object) -> float:
    """NaN for what is no number: a text has no order."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
