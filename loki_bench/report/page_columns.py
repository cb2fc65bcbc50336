"""The columns of a page's table: what each says of a row."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from loki_bench.leaderboard.intervals import shown
from loki_bench.leaderboard.row_cells import (
    failed_of,
    placebo_of,
    samples_of,
    seeds_of,
    shown_rank,
)
from loki_bench.leaderboard.statistics import shown_p
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.schema import MetricInfo
from loki_bench.report.names import metric_name

__all__ = ["PageColumn", "columns_of"]

Pair = tuple[Row, Row | None]
"""A row and its placebo."""

DEFAULT = ("gain", "rank", "failed", "placebo")
"""Shown beside the attack and the main metric until the reader chooses others."""


@dataclass(frozen=True, kw_only=True)
class PageColumn:
    """One column.

    Attributes
    ----------
    id : str
        In links: ``"gain"``, ``"hr@10"``.
    head : str
    text : callable
        What stands in a row.
    high : bool
        Whether the highest number comes first.
    shown : bool
        Whether the column is there until the reader chooses otherwise.
    """

    id: str
    head: str
    text: Callable[[Pair], str]
    high: bool = True
    shown: bool = False


def columns_of(table: Table) -> list[PageColumn]:
    """All columns but the attack's, in order."""
    metrics = [
        PageColumn(
            id=column.label,
            head=_head(column),
            text=partial(_value, column.label),
            high=bool(number) or table.sign >= 0,
            shown=not number,
        )
        for number, column in enumerate(table.columns)
    ]
    others = [
        _column("gain", "gain", lambda pair: shown(pair[0].gain, signed=True)),
        _column("rank", "rank", lambda pair: shown_rank(pair[0].rank, marked=True), high=False),
        _column("failed", "failed in", lambda pair: failed_of(pair[0]), high=False),
        _column("placebo", "placebo", lambda pair: placebo_of(*pair)),
        _column("p", "p of the gain", lambda pair: shown_p(pair[0].p_value), high=False),
        _column("behind", "behind the best", lambda pair: shown(pair[0].behind), high=False),
        _column("behind_p", "p of the pair with the best", lambda pair: shown_p(pair[0].behind_p)),
    ]
    ends = [
        _column("seeds", "seeds", lambda pair: seeds_of(pair[0])),
        _column("samples", "poison samples", lambda pair: samples_of(pair[0])),
    ]
    return [*metrics[:1], *others, *metrics[1:], *ends]


def _head(column: MetricInfo) -> str:
    name = metric_name(column.label)
    return name if column.ceiling is None else f"{name} (max {column.ceiling:g})"


def _value(label: str, pair: Pair) -> str:
    return shown(pair[0].metrics[label])


def _column(name: str, head: str, text: Callable[[Pair], str], *, high: bool = True) -> PageColumn:
    return PageColumn(id=name, head=head, text=text, high=high, shown=name in DEFAULT)
