"""How a leaderboard shows a mean and its interval, to a person and to a program."""

from dataclasses import asdict

from loki_bench.leaderboard.statistics import Interval

__all__ = ["plain", "shown"]


def shown(value: Interval | None, *, signed: bool = False) -> str:
    """``0.300 ± 0.254``; a dash where there is no value, no interval for one seed."""
    if value is None:
        return "-"
    digits = 1 if abs(value.mean) >= 100 else 3
    text = f"{value.mean:{'+' if signed else ''}.{digits}f}"
    if value.n == 1:
        return text
    return f"{text} ± {value.high - value.mean:.{digits}f}"


def plain(value: Interval | None) -> dict[str, float] | None:
    """All that the interval holds, as JSON has it."""
    return None if value is None else asdict(value)
