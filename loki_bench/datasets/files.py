"""Read one or more data files to one event log."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from loki_bench.datasets.column_choice import refuse_times
from loki_bench.datasets.data_file import DataFile, open_data_file
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.events import Events, log_of
from loki_bench.datasets.filters import RowFilters, SequenceFilters
from loki_bench.datasets.joined_times import joined_times
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.names import check_spelling, names_of, refuse_lists
from loki_bench.datasets.object_lines import read_objects
from loki_bench.datasets.one_line_a_user import read_one_line_a_user
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.recognise import recognise
from loki_bench.datasets.recognised import described, described_kind
from loki_bench.datasets.row_filters import ChosenEvents, Origin, choose_rows
from loki_bench.datasets.session_files import is_session_file, read_session_file
from loki_bench.datasets.text_table import read_text_table
from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions

__all__ = ["read_files", "read_table", "reading_of"]


def read_files(
    paths: Sequence[Path],
    reading: Reading,
    *,
    rows: RowFilters,
    sequences: SequenceFilters,
    parts: Sequence[int] | None = None,
) -> EventLog:
    """The sequences in some files, read as one.

    Parameters
    ----------
    paths : sequence of Path
        In the order in which their events count where they are tied or have no times.
    reading : Reading
        How each of them is read.
    rows, sequences : RowFilters, SequenceFilters
        What is left out.
    parts : sequence of int, or None
        The number, in ``PARTS``, of the part of a split that each file holds.

    Raises
    ------
    DatasetError
        One sentence: the file, the line, what is wrong with it and what to do.
    """
    read: list[ChosenEvents] = []
    recognised: list[str] = []
    counts = _Counts()
    for path in paths:
        file = open_data_file(path, dataset=reading.dataset, encoding=reading.encoding)
        layout = recognise(file, reading)
        here = reading_of(layout, reading, file.path)
        table = read_table(file, layout, here, sequences)
        counts.add(table)
        read.append(choose_rows(table, here, rows))
        recognised.append(described(file, layout, here))
        del table  # as large as the file's events
    dropped = _sum([one.dropped for one in read])
    events = _joined(read, parts)
    read.clear()
    check_spelling(events.users, "user", path=paths[0], place=events.place)
    check_spelling(events.items, "item", path=paths[0], place=events.place)
    refuse_lists(events.users, events.items, path=paths[0], place=events.place)
    log = log_of(events, sequences)
    return replace(
        log,
        recognised=tuple(dict.fromkeys(recognised)),
        n_lines=counts.n_lines,
        line_unit=counts.unit,
        left_out=_sum(counts.left_out),
        n_read=counts.n_read,
        dropped={**_sum([counts.second_lines, dropped]), **log.dropped},
        notes=(*log.notes, *_notes(log)),
    )


class _Counts:
    """What the tables of all files held, kept when they are gone."""

    def __init__(self) -> None:
        self.n_lines = self.n_read = 0
        self.unit = "lines"
        self.left_out: list[Mapping[str, int]] = []
        self.second_lines: dict[str, int] = {}

    def add(self, table: EventTable) -> None:
        self.n_lines += table.n_lines
        self.n_read += len(table) + table.n_second_lines
        self.unit = table.unit
        self.left_out.append(table.left_out)
        if table.n_second_lines:
            n_before = self.second_lines.get(_SECOND_LINE, 0)
            self.second_lines[_SECOND_LINE] = n_before + table.n_second_lines


_SECOND_LINE = "second line of a user"


def reading_of(layout: Layout, reading: Reading, path: Path) -> Reading:
    """The parameters as they hold for a layout: pairs and one line a user have no times.

    Raises ``DatasetError`` where times, or rows by a column, were asked for and there are none.
    """
    if layout.kind == "sequences":
        _refuse_columns(layout, reading, path)
        return replace(reading, timestamp_columns=())
    if layout.kind == "pairs":
        _refuse_columns(layout, reading, path)
        return replace(reading, user_column="user_id", item_column="item_id", timestamp_columns=())
    return reading


def _refuse_columns(layout: Layout, reading: Reading, path: Path) -> None:
    refuse_times(reading, path, described_kind(layout))
    if reading.where_columns or reading.rating_column is not None:
        raise DatasetError(
            f"dataset '{reading.dataset}': where and min_rating choose rows by a column, and the "
            f"file has none but users and items ({described_kind(layout)}); leave them out"
        )


def read_table(
    file: DataFile, layout: Layout, reading: Reading, sequences: SequenceFilters
) -> EventTable:
    """The rows of one file, whatever its layout; raises ``DatasetError`` as :func:`read_files`."""
    if layout.kind == "parquet":
        # imports a library that no other layout needs
        from loki_bench.datasets.parquet_tables import read_parquet

        return read_parquet(file, reading)
    if layout.kind == "sequences":
        return read_one_line_a_user(
            file,
            separator=layout.separator,
            n_comments=layout.n_comments,
            second_lines=sequences.duplicates,
        )
    if layout.kind in ("json lines", "literal lines", "json array"):
        return read_objects(file, layout, reading)
    if is_session_file(layout, reading):
        return read_session_file(file, layout, reading)
    return read_text_table(file, layout, reading)


def _joined(read: Sequence[ChosenEvents], parts: Sequence[int] | None) -> Events:
    """The events of all files, one behind the other."""
    origins = [one.origin for one in read]
    source = ", ".join(str(origin.path) for origin in origins)
    timed = [one.times for one in read if one.times is not None]
    if timed and len(timed) < len(read):
        raise DatasetError(f"{source}: some of the files have times and others have none")
    lengths = [len(one.users) for one in read]
    starts = np.concatenate([[0], np.cumsum(lengths)])

    def found(event: int) -> tuple[Origin, int]:
        at = int(np.searchsorted(starts, event, side="right")) - 1
        return origins[at], event - int(starts[at])

    def place(event: int) -> str:
        origin, here = found(event)
        where = origin.place(here)
        return where if len(origins) == 1 else f"{where} of {origin.path.name}"

    def cells(event: int) -> dict[str, str]:
        origin, here = found(event)
        return origin.cells(here)

    return Events(
        source=source,
        users=names_of(pa.chunked_array([c for one in read for c in one.users.chunks])),
        items=names_of(pa.chunked_array([c for one in read for c in one.items.chunks])),
        times=joined_times(timed, source=source) if timed else None,
        parts=None if parts is None else np.repeat(np.array(parts, dtype=np.int8), lengths),
        place=place,
        cells=cells,
    )


def _sum(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for reason, count in one.items():
            total[reason] = total.get(reason, 0) + count
    return {reason: count for reason, count in total.items() if count}


def _notes(log: EventLog) -> list[str]:
    """What the sequences themselves tell whoever publishes a number."""
    notes = []
    if log.times is None:
        notes.append("the file has no times: the order of its rows is the order of events")
        if _rise_everywhere(log.interactions):
            notes.append(
                "the items of every user are sorted by their names, so their order is rather not "
                "the order of events"
            )
    if log.parts is not None and log.times is not None:
        later = np.flatnonzero(np.diff(log.times.values) < 0)
        rows = log.interactions.rows
        back = int(np.count_nonzero(rows[later] == rows[later + 1]))
        if back:
            notes.append(
                f"{back} of the users' parts begin before the part before them ends: the split "
                "is not one by time"
            )
    return notes


def _rise_everywhere(interactions: Interactions) -> bool:
    """Whether ids, which are in the order of names, rise within each of many long sequences."""
    rows = interactions.rows
    inside = rows[1:] == rows[:-1]
    rising = bool(np.all(np.diff(interactions.items)[inside] > 0))
    return rising and int(np.count_nonzero(inside)) >= 4 * interactions.n_users >= 20
