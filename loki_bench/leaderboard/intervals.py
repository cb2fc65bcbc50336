"""The 95 % interval of a mean over seeds: one rule for tables, pages, figures and claims.

- **Student's t, cut off at the ends of the metric's range.** What is cut off can't be: the
  interval loses no coverage. A mean lies in the range, so it lies in the interval.
- **All seeds agree**: t has no width, which says that the mean is known. Where the metric has
  two ends, Gaffke's (2005) bound stands there instead. It holds for any distribution on the
  range; of ``n`` equal values it is the Clopper-Pearson bound, ``1 - 0.025 ** (1 / n)`` of the way
  to an end. A metric that has no end on a side has no such bound, and no interval then. Nor has
  what is equal by design (:func:`is_by_design`): lengths that follow from the budget, and what
  the clean victim loses.

``benchmarks/interval_coverage.py`` judges the rule by simulation (``docs/statistics.md``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field, JsonValue

from loki_bench.records.schema import MetricInfo

__all__ = [
    "CONFIDENCE",
    "EQUAL",
    "NO_BOUNDS",
    "Bounds",
    "Interval",
    "agree",
    "difference_bounds",
    "interval_of",
    "is_by_design",
    "plain",
    "shown",
    "shown_mean",
    "student_t",
]

CONFIDENCE = 0.95

EQUAL = 1e-12
"""Display rates are fractions of pairs: values that are equal on paper may not be in bits."""

Bounds: TypeAlias = tuple[float | None, float | None]
"""The least and the greatest value that a number can have; None where there is no end."""

STUDENT_T = (
    12.706204736174694,
    4.302652729749462,
    3.1824463052837078,
    2.7764451051977934,
    2.5705818356363146,
    2.4469118511449786,
    2.364624251592784,
    2.306004135204166,
    2.262157162798205,
    2.228138851986274,
    2.200985160091639,
    2.1788128296672284,
    2.1603686564627913,
    2.144786687917804,
    2.131449545559776,
    2.1199052992212546,
    2.1098155778333156,
    2.1009220402410382,
    2.0930240544083087,
    2.085963447265864,
    2.0796138447276795,
    2.0738730679040254,
    2.0686576104190486,
    2.0638985616280245,
)
""":func:`student_t` of 1 to 24 degrees of freedom, to the last bit as scipy 1.17 gives it, which
takes longer to import than a table to make."""

NO_BOUNDS: Bounds = (None, None)


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % confidence interval.

    Attributes
    ----------
    mean : float
    low, high : float
        Both the mean itself where there is no interval: of one seed, or of seeds that all agree on
        a metric without two ends or by design.
    n : int
        Number of seeds.
    all_agree : bool
        Whether Gaffke's bound stands here because all seeds agree: how far it goes says nothing of
        the values. No part of the number: figures ask for it, files don't hold it.
    """

    mean: float
    low: float
    high: float
    n: int
    # `leaderboard.json` is written field by field
    all_agree: Annotated[bool, Field(exclude=True)] = field(
        default=False, compare=False, repr=False
    )


def is_by_design(metric: MetricInfo) -> bool:
    """Whether seeds that agree on a metric say nothing of chance.

    An attack or a detection that gives the same at every seed may give something else at the next
    one. Lengths of fake users follow from the budget, and changes of the clean victim are zero by
    definition.
    """
    return metric.purpose not in ("attack", "detection")


def interval_of(
    values: Sequence[float], bounds: Bounds, *, by_design: bool = False
) -> Interval | None:
    """The mean of one value a seed with its interval; None where there is no value.

    Parameters
    ----------
    values : sequence of float
        Each within ``bounds``.
    bounds : (float or None, float or None)
        The range of what is averaged: a metric's, or that of a difference
        (:func:`difference_bounds`).
    by_design : bool
        Whether seeds that agree have no interval.
    """
    if not values:
        return None
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Interval(mean, mean, mean, 1)
    least, greatest = bounds
    if not agree(values):
        half = student_t(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
        low, high = mean - half, mean + half
    elif by_design or least is None or greatest is None:
        return Interval(mean, mean, mean, n)
    else:
        part = 1.0 - ((1.0 - CONFIDENCE) / 2) ** (1.0 / n)
        low, high = mean - part * (mean - least), mean + part * (greatest - mean)
    low = low if least is None else max(least, low)
    high = high if greatest is None else min(greatest, high)
    # a mean's last bit may lie beyond an end
    return Interval(mean, min(low, mean), max(high, mean), n, all_agree=agree(values))


def difference_bounds(bounds: Bounds) -> Bounds:
    """What the difference of two values within ``bounds`` can be: (-1, 1) for a share."""
    least, greatest = bounds
    if least is None or greatest is None:
        return NO_BOUNDS
    return least - greatest, greatest - least


def agree(values: Sequence[float]) -> bool:
    """Whether values are equal but for their last bits."""
    return max(values) - min(values) <= EQUAL


@lru_cache(maxsize=64)
def student_t(df: int) -> float:
    """The half-width of a 95 % interval in standard errors."""
    if 1 <= df <= len(STUDENT_T):
        return STUDENT_T[df - 1]
    from scipy import special

    return float(special.stdtrit(df, (1 + CONFIDENCE) / 2))


def shown(value: Interval | None, *, signed: bool = False) -> str:
    """``0.300 ± 0.254``; ``0.334 [0.000, 1.000]`` where it is cut off; a dash for no value."""
    if value is None:
        return "-"
    digits = 1 if abs(value.mean) >= 100 else 3
    text = f"{value.mean:{'+' if signed else ''}.{digits}f}"
    below, above = value.mean - value.low, value.high - value.mean
    if not (below or above):
        return text
    if abs(above - below) <= 1e-9 * max(1.0, above):
        return f"{text} ± {above:.{digits}f}"
    sign = "+" if signed else ""
    return f"{text} [{value.low:{sign}.{digits}f}, {value.high:{sign}.{digits}f}]"


def shown_mean(value: Interval | None, *, signed: bool = False) -> str:
    """The mean alone."""
    if value is None:
        return "-"
    return shown(Interval(value.mean, value.mean, value.mean, value.n), signed=signed)


def plain(value: Interval | None) -> dict[str, JsonValue] | None:
    """The interval's numbers, as JSON has them."""
    if value is None:
        return None
    return {"mean": value.mean, "low": value.low, "high": value.high, "n": value.n}
