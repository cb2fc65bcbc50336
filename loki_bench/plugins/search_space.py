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
        ends = (self.low, self.high)
        if (
            any(isinstance(end, bool) or not isinstance(end, (int, float)) for end in ends)
            or not -math.inf < self.low < self.high < math.inf
            or (self.log and self.low <= 0)
        ):
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
        ends = (self.low, self.high)
        if (
            any(isinstance(end, bool) or not isinstance(end, int) for end in ends)
            or not self.low < self.high
            or (self.log and self.low < 1)
        ):
            raise ValueError(
                f"range of {self.parameter!r}: expected whole low < high, from 1 with log, got "
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
        different = len(set(self.values))
        if (
            not all(isinstance(value, (bool, int, float, str)) for value in self.values)
            or different < 2
            or different < len(self.values)
        ):
            raise ValueError(
                f"choices of {self.parameter!r}: expected two or more different values, each text, "
                f"a number, or true or false, got {self.values!r}"
            )


SearchRange: TypeAlias = FloatRange | IntRange | Choices
"""Any of the three."""
