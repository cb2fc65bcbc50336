"""Compares two leaderboards row by row, seed by seed, and says in what their cells differ."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue
from tabulate import tabulate

from loki_bench.audit.estimators import estimator_values
from loki_bench.errors import StoreError
from loki_bench.leaderboard.comparability import differing_fields, said_differences
from loki_bench.leaderboard.intervals import (
    Bounds,
    Interval,
    difference_bounds,
    interval_of,
    is_by_design,
    plain,
    shown,
)
from loki_bench.leaderboard.rows import RowKey, by_protocol, under_key
from loki_bench.leaderboard.statistics import LEVEL, holm, paired_p_value, shown_p
from loki_bench.records.manifest import read_manifest
from loki_bench.records.schema import MetricInfo, Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell

__all__ = ["ComparedRow", "Comparison", "compare"]

SampleT = TypeVar("SampleT", int, tuple[int, int])
PROTOCOL = {"dataset", "protocol", "protocol_version"}

CORRELATION: Bounds = (-1.0, 1.0)
"""The range of a rank correlation."""


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One row and metric of two leaderboards.

    Attributes
    ----------
    row, metric : str
    first, second : Interval or None
    difference : Interval or None
        Second minus first over the seeds that both have; None where they can't be paired.
    p_value : float or None
        Of no difference: paired t-test, corrected by Holm over all that is compared.
    n_equal : int
        Seeds at which both have the same value to the last bit.
    differs : str
        Fields in which the cells of the two rows differ, such as a victim's version.
    """

    row: str
    metric: str
    first: Interval | None
    second: Interval | None
    difference: Interval | None
    p_value: float | None
    n_equal: int
    differs: str

    @property
    def same(self) -> bool:
        """Whether both have the same values to the last bit, or neither has any."""
        if self.first is None or self.second is None:
            return self.first is self.second
        return self.n_equal == self.first.n == self.second.n


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All rows that both have, and what only one of them has.

    Attributes
    ----------
    rows : tuple of ComparedRow
    not_paired : str
        Fields in which the protocols differ, where rows can't be paired.
    only_first, only_second : tuple of str
        Rows, those without a result among them.
    metrics_only_first, metrics_only_second : tuple of str
        Metrics, or a row with the metric where the other board has it in other rows.
    otherwise_ended : tuple of str
        Rows of both whose cells ended otherwise: ``"loki on fpmc, 3 % x 15: seed 2 ok, failed"``.
    """

    rows: tuple[ComparedRow, ...]
    not_paired: str
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    metrics_only_first: tuple[str, ...] = ()
    metrics_only_second: tuple[str, ...] = ()
    otherwise_ended: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both hold the same rows with the same values to the last bit."""
        only = (self.only_first, self.only_second)
        of_metrics = (self.metrics_only_first, self.metrics_only_second)
        differs = self.not_paired or self.otherwise_ended or any(only) or any(of_metrics)
        return all(row.same for row in self.rows) and not differs

    def as_json(self) -> dict[str, JsonValue]:
        """Everything, for programs."""
        rows: list[JsonValue] = [
            {
                **asdict(row),
                "first": plain(row.first),
                "second": plain(row.second),
                "difference": plain(row.difference),
            }
            for row in self.rows
        ]
        return {**asdict(self), "schema": 1, "same": self.same, "rows": rows}

    def as_text(self) -> str:
        """For a terminal: a sentence that says what changed, and the rows that differ."""
        text: str = tabulate(
            [
                (
                    row.row,
                    row.metric,
                    shown(row.first),
                    shown(row.second),
                    shown(row.difference, signed=True),
                    shown_p(row.p_value),
                    row.n_equal,
                )
                for row in self.rows
                if not row.same
            ],
            headers=["row", "metric", "A", "B", "B - A", "p", "equal seeds"],
            disable_numparse=True,
        )
        lines = [self.told]
        if not all(row.same for row in self.rows):
            lines.append(text)
        if self.not_paired:
            lines.append(f"Not paired: the protocols differ in {self.not_paired}.")
        lines += [
            f"{row}: the cells differ in {differs}"
            for row, differs in {row.row: row.differs for row in self.rows}.items()
            if differs
        ]
        lines += [f"ended otherwise in B: {row}" for row in self.otherwise_ended]
        lines += [f"only in A: {row}" for row in self.only_first]
        lines += [f"only in B: {row}" for row in self.only_second]
        lines += [f"only in A: the metric {metric}" for metric in self.metrics_only_first]
        lines += [f"only in B: the metric {metric}" for metric in self.metrics_only_second]
        return "\n".join(lines)

    @property
    def told(self) -> str:
        """What changed, in one sentence."""
        if self.same:
            return "The same values to the last bit."
        differing = [row for row in self.rows if not row.same]
        said = f"{len(differing)} of the {len(self.rows)} means that both have differ"
        if differing and not self.not_paired:
            n_clear = sum(row.p_value is not None and row.p_value < LEVEL for row in differing)
            said += f", {n_clear} of them clearly (p below {LEVEL:g})"
        n_first, n_second = len(self.only_first), len(self.only_second)
        said += f"; {n_first} rows are only in A, {n_second} only in B"
        n_first, n_second = len(self.metrics_only_first), len(self.metrics_only_second)
        if n_first or n_second:
            said += f"; {n_first} metrics are only in A, {n_second} only in B"
        if self.otherwise_ended:
            said += f"; cells of {len(self.otherwise_ended)} rows ended otherwise"
        return f"{said}."


def compare(first: Path, second: Path) -> Comparison:
    """Compare two leaderboard folders, metric by metric.

    Rows are paired by seed where dataset, protocol (its run key, too) and protocol version agree.
    Where those of no two tables do, means stand side by side, unpaired and untested, and the fields
    that differ are named.

    Raises
    ------
    StoreError
        A folder is no leaderboard, or holds no finished cell.
    """
    subjects = {read_manifest(folder).subject for folder in (first, second)}
    if subjects == {"estimators"}:
        return _compare_estimators(first, second)
    if len(subjects) > 1:
        raise StoreError(f"{first} and {second}: one compares attacks, the other estimators")
    before, after = _groups_of(first), _groups_of(second)
    pairs, not_paired = _matched(before, after)
    both = [(one, other, key) for one, other in pairs for key in one.rows if key in other.rows]
    rows = [
        row
        for one, other, key in both
        for row in _compared(one.name(key), one.rows[key], other.rows[key], paired=not not_paired)
    ]
    return Comparison(
        rows=_corrected(rows),
        not_paired=not_paired,
        only_first=_lacking(before, {(one, key) for one, _, key in both}),
        only_second=_lacking(after, {(other, key) for _, other, key in both}),
        metrics_only_first=_metrics_lacking(both),
        metrics_only_second=_metrics_lacking([(other, one, key) for one, other, key in both]),
        otherwise_ended=tuple(said for place in both if (said := _otherwise_ended(*place))),
    )


def _lacking(groups: Sequence["_Group"], shared: Set[tuple["_Group", RowKey]]) -> tuple[str, ...]:
    """The rows that have no counterpart."""
    return tuple(
        group.name(key) for group in groups for key in group.rows if (group, key) not in shared
    )


def _metrics_lacking(both: Sequence[tuple["_Group", "_Group", RowKey]]) -> tuple[str, ...]:
    """The metrics of one board that the other lacks, or lacks in single rows."""
    found: dict[str, None] = {}
    known = {label for _, other, _ in both for row in other.rows.values() for label in _labels(row)}
    for one, other, key in both:
        theirs = _labels(other.rows[key])
        if not theirs:  # no result: that is told of its cells
            continue
        for label in _labels(one.rows[key]):
            if label not in theirs:
                found[f"{label} of {one.name(key)}" if label in known else label] = None
    return tuple(found)


def _otherwise_ended(one: "_Group", other: "_Group", key: RowKey) -> str:
    """The seeds at which the cells of a row ended otherwise, where any did not end well."""
    before, after = (
        {seed: record.status for seed, record in group.rows[key].items()} for group in (one, other)
    )
    pairs = {seed: (before.get(seed), after.get(seed)) for seed in sorted({*before, *after})}
    differing = [
        f"seed {seed} {ended[0] or 'not there'}, {ended[1] or 'not there'}"
        for seed, ended in pairs.items()
        # a result that only one has shows in the numbers of seeds
        if ended[0] != ended[1] and set(ended) != {"ok", None}
    ]
    return f"{one.name(key)}: {'; '.join(differing)}" if differing else ""


def _corrected(rows: Sequence[ComparedRow]) -> tuple[ComparedRow, ...]:
    """The rows with their p-values corrected by Holm over all of them."""
    tested = [position for position, row in enumerate(rows) if row.p_value is not None]
    adjusted = holm([p for row in rows if (p := row.p_value) is not None])
    corrected = dict(zip(tested, adjusted, strict=True))
    return tuple(replace(row, p_value=corrected.get(position)) for position, row in enumerate(rows))


def _compare_estimators(first: Path, second: Path) -> Comparison:
    """Rank correlations goal by goal, where sample and design agree."""
    (one, before), (other, after) = estimator_values(first), estimator_values(second)
    fields = [
        grid.model_dump(mode="json", include={"fidelity_version", "dataset", "sample", "design"})
        for grid in (one, other)
    ]
    not_paired = said_differences(differing_fields(fields), at_most=6)
    rows = [
        _compared_values(*key, values, after[key], CORRELATION, "", paired=not not_paired)
        for key, values in before.items()
        if key in after
    ]
    only_first, only_second = (
        tuple(f"{row} ({measure})" for row, measure in here if (row, measure) not in there)
        for here, there in ((before, after), (after, before))
    )
    return Comparison(
        rows=_corrected(rows),
        not_paired=not_paired,
        only_first=only_first,
        only_second=only_second,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    """Records of one table by row and seed, rows in order, those without a result among them.

    A folder into which rows were accepted has the same rows under fresh keys beside its own:
    ``key`` is what tells them apart, and empty for a folder's only table.
    """

    rows: Mapping[RowKey, Mapping[int, Record]]
    key: str

    def name(self, row: RowKey) -> str:
        """The row as it is shown."""
        return under_key(row, self.key)

    @property
    def cell(self) -> Cell:
        """One of its cells."""
        return next(iter(next(iter(self.rows.values())).values())).cell

    @property
    def protocol(self) -> JsonValue:
        """What must agree where rows are paired."""
        return self.cell.model_dump(mode="json", include=PROTOCOL)


def _groups_of(folder: Path) -> list[_Group]:
    """The tables of a folder; at least one record has a result."""
    store = Store(folder, warn=lambda text: None)
    records: list[Record] = []
    for cell_id in read_manifest(folder).record_ids:
        record = store.record(cell_id)
        if record is None:
            raise StoreError(
                f"{folder}/records/{cell_id}.json is not there or not whole; `loki-bench verify` "
                "says what else is damaged"
            )
        records.append(record)
    if all(record.status != "ok" for record in records):
        raise StoreError(f"{folder} holds no finished cell")
    tables = by_protocol(records)
    found = []
    for entries in tables:
        rows: dict[RowKey, dict[int, Record]] = {}
        for entry in entries:
            if entry.record is not None:
                rows.setdefault(entry.row, {})[entry.cell.seed] = entry.record
        found.append(_Group(rows=rows, key=entries[0].cell.key if len(tables) > 1 else ""))
    return found


def _matched(
    before: Sequence[_Group], after: Sequence[_Group]
) -> tuple[list[tuple[_Group, _Group]], str]:
    """The tables that are compared with each other, and why their rows can't be paired.

    Tables of one protocol are, those whose attacks were isolated alike first. Where no two agree,
    the two that differ least stand side by side.
    """
    of_before, of_after = ([group.protocol for group in groups] for groups in (before, after))
    differences = {
        (i, j): differing_fields([one, other])
        for i, one in enumerate(of_before)
        for j, other in enumerate(of_after)
    }
    alike = sorted(
        (place for place, fields in differences.items() if not fields),
        key=lambda at: (before[at[0]].cell.isolation != after[at[1]].cell.isolation, at),
    )
    if not alike:
        i, j = min(differences, key=lambda at: (len(differences[at]), at))
        return [(before[i], after[j])], said_differences(differences[i, j], at_most=6)
    found: dict[int, int] = {}
    for i, j in alike:
        if i not in found and j not in found.values():
            found[i] = j
    return [(before[i], after[j]) for i, j in sorted(found.items())], ""


def _compared(
    row: str, before: Mapping[int, Record], after: Mapping[int, Record], *, paired: bool
) -> list[ComparedRow]:
    cells = [next(iter(records.values())).cell for records in (before, after)]
    ignored = {"seed", *PROTOCOL}
    differs = said_differences(
        differing_fields([cell.model_dump(mode="json", exclude=ignored) for cell in cells])
    )
    labels = [label for label in _labels(before) if label in _labels(after)]
    return [
        _compared_values(
            row,
            label,
            _values(before, label),
            _values(after, label),
            (info := _info(before, label)).range,
            differs,
            paired=paired,
            by_design=is_by_design(info),
        )
        for label in labels
    ]


def _compared_values(
    row: str,
    metric: str,
    one: Mapping[SampleT, float],
    other: Mapping[SampleT, float],
    bounds: Bounds,
    differs: str,
    *,
    paired: bool,
    by_design: bool = False,
) -> ComparedRow:
    """Two sets of values, by seed or by goal."""
    shared = [at for at in sorted(one) if at in other] if paired else []
    differences = [other[at] - one[at] for at in shared]
    return ComparedRow(
        row=row,
        metric=metric,
        first=interval_of([one[at] for at in sorted(one)], bounds, by_design=by_design),
        second=interval_of([other[at] for at in sorted(other)], bounds, by_design=by_design),
        difference=interval_of(differences, difference_bounds(bounds), by_design=by_design),
        p_value=paired_p_value(differences),
        n_equal=sum(one[at] == other[at] for at in shared),
        differs=differs,
    )


def _labels(records: Mapping[int, Record]) -> list[str]:
    """In the order of the suite."""
    return list(dict.fromkeys(m.label for record in records.values() for m in record.metrics))


def _info(records: Mapping[int, Record], label: str) -> MetricInfo:
    return next(
        metric.info for record in records.values() if (metric := record.metric(label)) is not None
    )


def _values(records: Mapping[int, Record], label: str) -> dict[int, float]:
    values = {seed: record.value(label) for seed, record in records.items()}
    return {seed: value for seed, value in values.items() if value is not None}
