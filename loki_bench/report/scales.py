"""Where a value stands on an axis, and which values are written at it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from loki_bench.leaderboard.intervals import Interval
from loki_bench.records.schema import MetricInfo

__all__ = ["Scale", "drawn_ends", "metric_ends", "round_ticks"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From ``low`` to ``high``, drawn from ``start`` to ``end``.

    Attributes
    ----------
    logarithmic : bool
        Each doubling has the same length; ``low`` is above zero then.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Where a value is drawn; what is outside of the axis at its end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        part = 0.5 if high == low else (value - low) / (high - low)
        return self.start + part * (self.end - self.start)


def round_ticks(low: float, high: float, at_most: int = 6) -> list[float]:
    """Round numbers within two ends: 0, 0.1, 0.2 ...

    >>> round_ticks(0.0, 0.5, 6)
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    """
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / at_most))
    steps = (power * step for step in (1, 2, 2.5, 5, 10, 20))
    step = next(step for step in steps if (high - low) / step <= at_most - 1 + 1e-9)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def drawn_ends(value: Interval) -> tuple[float, float]:
    """From where to where it is drawn: the mean alone where all seeds agree."""
    return (value.mean, value.mean) if value.all_agree else (value.low, value.high)


def metric_ends(metric: MetricInfo, values: Iterable[Interval]) -> tuple[float, float]:
    """The ends of a metric's axis: all that is drawn, its ceiling, zero where that is its least."""
    pairs = [drawn_ends(value) for value in values]
    low = min((low for low, _ in pairs), default=0.0)
    high = max((high for _, high in pairs), default=1.0)
    least, greatest = metric.range
    if least is not None and least >= 0:
        low = 0.0
    elif least is not None and low < 0:
        low = max(least, low - 0.02 * (high - low))
    if metric.ceiling is not None:
        high = max(high, metric.ceiling)
    room = high + 0.02 * (high - low)
    high = room if greatest is None else min(room, greatest)
    return (low, high) if high > low else (low, low + 1.0)
