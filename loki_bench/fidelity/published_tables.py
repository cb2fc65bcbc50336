"""Reads an estimators' leaderboard.json: of a published leaderboard whose records are elsewhere."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from loki_bench.bounded_files import LARGEST_RECORD, read_regular
from loki_bench.errors import StoreError
from loki_bench.fidelity.table import FidelityRow, FidelityTable, Measure
from loki_bench.leaderboard.intervals import Interval

__all__ = ["published_tables"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Value(_Part):
    experiment: str
    stratum: str
    statistic: str
    mean: float
    low: float
    high: float
    n: int


class _Row(_Part):
    estimator: str
    control: bool
    measures: tuple[_Value, ...]
    of_ceiling: tuple[_Value, ...] = ()
    invariance: dict[str, float] = {}
    reasons: tuple[str, ...] = ()


class _Table(_Part):
    recommender: str
    truth: str
    victim: str
    about: dict[str, str]
    ceilings: tuple[_Value, ...] = ()
    reasons: tuple[str, ...] = ()
    rows: tuple[_Row, ...]


class _Content(_Part):
    suite: str
    tables: tuple[_Table, ...]


def published_tables(path: Path) -> tuple[str, list[FidelityTable]]:
    """The suite and its tables.

    Intervals that leave their statistic's range, as older versions wrote them, are cut off at its
    ends.

    Raises
    ------
    StoreError
        The file can't be read, or is no leaderboard of estimators.
    """
    try:
        content = _Content.model_validate_json(read_regular(path, at_most=LARGEST_RECORD))
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path} is no leaderboard of estimators that can be read") from error
    tables = [
        FidelityTable(
            recommender=table.recommender,
            truth=table.truth,
            victim=table.victim,
            about=table.about,
            ceilings=_measures(table.ceilings),
            rows=tuple(
                FidelityRow(
                    estimator=row.estimator,
                    control=row.control,
                    measures=_measures(row.measures),
                    of_ceiling=_measures(row.of_ceiling),
                    invariance=row.invariance,
                    reasons=row.reasons,
                )
                for row in table.rows
            ),
            reasons=table.reasons,
        )
        for table in content.tables
    ]
    return content.suite, tables


def _measures(values: tuple[_Value, ...]) -> dict[Measure, Interval]:
    found = {}
    for value in values:
        measure = Measure(value.experiment, value.stratum, value.statistic)
        least, greatest = measure.bounds
        low = value.low if least is None else max(value.low, least)
        high = value.high if greatest is None else min(value.high, greatest)
        found[measure] = Interval(value.mean, min(low, value.mean), max(high, value.mean), value.n)
    return found
