"""How a leaderboard shows a mean with its interval, and says how to read a metric."""

from dataclasses import asdict

from pydantic import JsonValue

from loki_bench.leaderboard.statistics import Interval
from loki_bench.records.schema import MetricInfo

__all__ = ["plain", "shown", "told"]


def shown(value: Interval | None, *, signed: bool = False) -> str:
    """``0.300 ± 0.254``; a dash where there is no value, no interval for one seed."""
    if value is None:
        return "-"
    digits = 1 if abs(value.mean) >= 100 else 3
    text = f"{value.mean:{'+' if signed else ''}.{digits}f}"
    if value.n == 1:
        return text
    return f"{text} ± {value.high - value.mean:.{digits}f}"


def plain(value: Interval | None) -> dict[str, JsonValue] | None:
    """All that the interval holds, as JSON has it."""
    return None if value is None else asdict(value)


def told(metric: MetricInfo) -> str:
    """How to read a metric: ``hr@10 (utility, share, higher is better for the platform)``."""
    higher = "" if metric.higher_is == "neither" else f", higher is {metric.higher_is}"
    return f"{metric.label} ({metric.purpose}, {metric.unit}{higher})"
