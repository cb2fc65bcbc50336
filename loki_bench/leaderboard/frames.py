"""Leaderboards as data frames: a row a table row, and a row a cell and metric."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loki_bench.errors import UsageError
from loki_bench.interactions import Interactions
from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.rows import row_key
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell
from loki_bench.whole_files import write_whole

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "PER_SEED_COLUMNS",
    "cells_frame",
    "frame_of",
    "parquet_of",
    "per_seed_frame",
    "write_frame",
]

NAN = float("nan")

PER_SEED_COLUMNS = (
    "dataset",
    "victim",
    "fake_users",
    "actions",
    "defense",
    "attacker",
    "placebo",
    "simulator",
    "run_key",
    "seed",
    "metric",
    "value",
    "status",
    "reason",
    "cell",
)


def frame_of(tables: Iterable[Table]) -> "DataFrame":
    """The tables' rows one below the other.

    Returns
    -------
    DataFrame
        What a row is about (``dataset``, ``victim``, ``fake_users``, ``actions``, ``event_share``,
        ``defense``, ``attacker``, ``placebo``, ``simulator``), under which run key it was measured
        (``run_key``, empty for the public one), how many seeds have the main metric (``n_seeds``),
        each metric's mean under its own label and its 95 % confidence interval under ``_low`` and
        ``_high``, then ``gain``, ``p_value``, ``n_failed`` (seeds), ``rank``, ``behind`` (how much
        better the best row is), ``behind_p_value`` and ``placebo_effect``
        with intervals where there are any, and ``poison_samples``: training samples that came from
        fake users. A number that there is not is NaN.
    """
    from pandas import DataFrame

    return _with_one_type(DataFrame([_described(r, table) for table in tables for r in table.rows]))


def per_seed_frame(
    records: Iterable[Record],
    missing: Iterable[Cell],
    metrics: Sequence[str],
) -> "DataFrame":
    """The values that the tables are the means of.

    Parameters
    ----------
    missing : iterable of Cell
        Cells that have no record.

    Returns
    -------
    DataFrame
        One row for each cell and metric with the columns :data:`PER_SEED_COLUMNS`; ``value`` is
        NaN where a cell has none, and ``status`` and ``reason`` say why.
    """
    from pandas import DataFrame

    rows: list[tuple[object, ...]] = []
    for about, outcome, record in _cells(records, missing):
        for label in metrics:
            value = None if record is None else record.value(label)
            rows.append((*about, label, value, *outcome))
    frame = DataFrame(rows, columns=list(PER_SEED_COLUMNS))
    return _with_one_type(frame.astype({"value": "float64"}))


def cells_frame(
    records: Iterable[Record],
    missing: Iterable[Cell],
    metrics: Sequence[str],
    interactions: Interactions | None = None,
) -> "DataFrame":
    """A row for each row of the tables and seed, with all metrics and who was attacked.

    Parameters
    ----------
    missing : iterable of Cell
        Cells that have no record.
    interactions : Interactions or None
        The dataset, for names; without it, or where it has none, numbers stand for them.

    Returns
    -------
    DataFrame
        The columns of :data:`PER_SEED_COLUMNS` but ``metric`` and ``value``; then ``targets`` and
        ``target_users``, lists of str, empty where the cell has no result; then each metric under
        its own label, NaN where there is none.
    """
    from pandas import DataFrame

    items = () if interactions is None else interactions.item_tokens
    users = () if interactions is None else interactions.user_tokens
    rows: list[tuple[object, ...]] = []
    for about, outcome, record in _cells(records, missing):
        goal = None if record is None else record.goal
        named = ([], []) if goal is None else (_names(goal.items, items), _names(goal.users, users))
        values = (None if record is None else record.value(label) for label in metrics)
        rows.append((*about, *outcome, *named, *values))
    columns = [c for c in PER_SEED_COLUMNS if c not in ("metric", "value")]
    frame = DataFrame(rows, columns=[*columns, "targets", "target_users", *metrics])
    return _with_one_type(frame.astype(dict.fromkeys(metrics, "float64")))


def write_frame(frame: "DataFrame", path: Path) -> None:
    """Write a frame as CSV or Parquet, by the ending of the name; lists are JSON in CSV.

    Raises ``UsageError`` where the name ends otherwise, ``StoreError`` where it can't be written.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path}: the name must end in .csv or .parquet")
    if path.suffix == ".parquet":
        write_whole(path, parquet_of(frame))
        return
    plain = frame.copy()
    for name in ("targets", "target_users"):
        plain[name] = [json.dumps(names, ensure_ascii=False) for names in frame[name]]
    write_whole(path, plain.to_csv(index=False, lineterminator="\n").encode())


def parquet_of(frame: "DataFrame") -> bytes:
    """A frame as the content of a Parquet file."""
    content: bytes = frame.to_parquet(index=False)
    return content


def _cells(
    records: Iterable[Record], missing: Iterable[Cell]
) -> Iterator[tuple[tuple[object, ...], tuple[str, str, str], Record | None]]:
    """Of each cell what it is about, how it ended, and its record."""
    found: list[tuple[Cell, Record | None]] = [(record.cell, record) for record in records]
    found += [(cell, None) for cell in missing]
    for cell, record in found:
        key = row_key(cell)
        about = (
            cell.dataset.component.name,
            key.victim,
            key.fake_users,
            key.actions,
            key.defense,
            key.attacker,
            key.placebo,
            key.simulator,
            cell.protocol.key,
            cell.seed,
        )
        if record is None:
            yield about, ("missing", "", cell.id), None
        else:
            yield about, (record.status, record.reason, record.id), record


def _with_one_type(frame: "DataFrame") -> "DataFrame":
    """Numbers of actions as text where some are ``genuine``: a column of Parquet has one type."""
    if "actions" in frame and frame["actions"].map(lambda value: isinstance(value, str)).any():
        return frame.assign(actions=frame["actions"].map(str))
    return frame


def _names(numbers: Iterable[int], tokens: Sequence[str]) -> list[str]:
    return [tokens[number] if tokens else str(number) for number in numbers]


def _described(row: Row, table: Table) -> dict[str, object]:
    found: dict[str, object] = {
        "dataset": table.about["dataset"].partition(":")[0],
        "victim": row.victim,
        "fake_users": row.fake_users,
        "actions": row.actions,
        "event_share": NAN if row.event_share is None else row.event_share,
        "defense": row.defense,
        "attacker": row.attacker,
        "placebo": row.placebo,
        "simulator": row.simulator,
        "run_key": table.run_key,
        "n_seeds": len(row.seeds),
    }
    for column in table.columns:
        found |= _interval(column.label, row.metrics[column.label])
    rank, low, high = row.rank or (NAN, NAN, NAN)
    return {
        **found,
        **_interval("gain", row.gain),
        "p_value": NAN if row.p_value is None else row.p_value,
        "n_failed": NAN if row.n_failed is None else row.n_failed,
        "rank": rank,
        "rank_low": low,
        "rank_high": high,
        **_interval("behind", row.behind),
        "behind_p_value": NAN if row.behind_p is None else row.behind_p,
        **_interval("placebo_effect", row.placebo_effect),
        "poison_samples": NAN if row.from_fake_users is None else row.from_fake_users,
    }


def _interval(name: str, value: Interval | None) -> dict[str, object]:
    if value is None:
        return {name: NAN, f"{name}_low": NAN, f"{name}_high": NAN}
    return {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
