"""What a recommender's spec declares for ``loki-bench tune``: the values worth trying.

::

    RecommenderSpec(
        ...,
        search=(
            FloatRange("learning_rate", 0.01, 0.3, log=True),
            IntRange("n_layers", 1, 3),
            Choices("embedding_size", (32, 64, 128)),
        ),
    )
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Choices", "FloatRange", "IntRange", "SearchRange"]


@dataclass(frozen=True)
class FloatRange:
    """Numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    parameter : str
        Name of the parameter that the recommender's target takes.
    low, high : float
        Finite, low below high; ``ValueError`` otherwise.
    log : bool
        Drawn uniformly in the logarithm; low must then be above 0.
    """

    parameter: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_parts(self.parameter, (self.low, self.high), (int, float), "numbers")
        if not -math.inf < self.low < self.high < math.inf or (self.log and self.low <= 0):
            raise ValueError(
                f"range of {self.parameter!r}: expected finite low < high, above 0 with log, got "
                f"{self.low!r} to {self.high!r}"
            )


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    parameter : str
        Name of the parameter that the recommender's target takes.
    low, high : int
        Low below high; ``ValueError`` otherwise.
    log : bool
        Drawn uniformly in the logarithm; low must then be 1 or more.
    """

    parameter: str
    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_parts(self.parameter, (self.low, self.high), (int,), "whole numbers")
        if not self.low < self.high or (self.log and self.low < 1):
            raise ValueError(
                f"range of {self.parameter!r}: expected low < high, from 1 with log, got "
                f"{self.low!r} to {self.high!r}"
            )


@dataclass(frozen=True)
class Choices:
    """One of some values, without an order between them.

    Attributes
    ----------
    parameter : str
        Name of the parameter that the recommender's target takes.
    values : tuple of bool, int, float or str
        Two or more, all different; ``ValueError`` otherwise.
    """

    parameter: str
    values: tuple[bool | int | float | str, ...]

    def __post_init__(self) -> None:
        _check_parts(
            self.parameter, self.values, (bool, int, float, str), "text, numbers and truth values"
        )
        if len(set(self.values)) < 2 or len(set(self.values)) < len(self.values):
            raise ValueError(
                f"choices of {self.parameter!r}: expected two or more different values, got "
                f"{self.values!r}"
            )


def _check_parts(
    parameter: object, values: tuple[object, ...], types: tuple[type, ...], expected: str
) -> None:
    """Raise ``ValueError`` for what does not arrive at the host as it is; float64 is a float."""
    if not isinstance(parameter, str):
        raise ValueError(f"a range of {parameter!r}: expected the name of a parameter")
    for value in values:
        is_truth = isinstance(value, bool) and bool not in types
        if not isinstance(value, types) or is_truth:
            raise ValueError(f"range of {parameter!r}: expected {expected}, got {value!r}")


SearchRange: TypeAlias = FloatRange | IntRange | Choices
"""Any of the three."""
