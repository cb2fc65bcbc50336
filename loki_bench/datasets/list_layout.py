"""Recognise one line a user, and pairs."""

from loki_bench.datasets.cell_kinds import kind_of
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.line_shapes import is_table, refuse_without_header, split
from loki_bench.datasets.one_line_a_user import check_line
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import BLANKS, Sample, between_blanks
from loki_bench.datasets.table_layout import equal_separators
from loki_bench.errors import DatasetError

__all__ = ["pairs_layout", "sequences_layout"]


def sequences_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    """The layout of one line a user; raises ``DatasetError`` for what looks like another."""
    separator = reading.separator or _sequence_separator(sample)
    rows = [split(line, separator) for line in sample.lines]
    if is_table(rows):
        refuse_without_header(file, sample, rows)
    for number, line in zip(sample.numbers, sample.lines, strict=True):
        check_line(file.path, number, line, separator)
    glued = [cell for row in rows for cell in row[1:] if _has_number_behind_colon(cell)]
    if glued and reading.format == "auto" and len(glued) == sum(len(row) - 1 for row in rows):
        raise DatasetError(
            f"{file.path}, line {sample.numbers[0]}: its items read like '{glued[0]}', a name and "
            "a number behind a colon; write the names alone, or one event a line as CSV with "
            "columns for what the numbers are"
        )
    return Layout(
        kind="sequences",
        separator=separator,
        skip_lines=sample.n_skipped,
        n_comments=sample.n_comments,
    )


def _sequence_separator(sample: Sample) -> str:
    """Blanks and tabs, unless no line has one and all have another separator."""
    if all(len(between_blanks(line)) == 1 for line in sample.lines):
        for separator in (",", ";", "::", "|"):
            if all(separator in line for line in sample.lines):
                return separator
    return BLANKS


def _has_number_behind_colon(cell: str) -> bool:
    name, colon, number = cell.rpartition(":")
    return bool(name and colon) and kind_of(number) in ("whole numbers", "decimals")


def pairs_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    """The layout of pairs; raises ``DatasetError`` for what looks like another."""
    separators = [reading.separator] if reading.separator else equal_separators(sample)
    if reading.separator is None and "\t" not in separators:
        separators.append(BLANKS)
    separator = separators[0]
    rows = [split(line, separator) for line in sample.lines]
    for number, row in zip(sample.numbers, rows, strict=True):
        if len(row) != len(rows[0]) or len(row) not in (2, 3):
            raise DatasetError(
                f"{file.path}, line {number}: it has {len(row)} cells, and a line of pairs is a "
                "user and an item (and a weight that is the same on all lines)"
            )
    if len(rows[0]) == 3 and len({row[2] for row in rows}) > 1:
        refuse_without_header(file, sample, rows)
    lists = [row[1] for row in rows if row[1].startswith("[") or "," in row[1]]
    if len(lists) * 2 > len(rows):
        raise DatasetError(
            f"{file.path}, line {sample.numbers[0]}: '{lists[0]}' reads like a list of items and "
            "not like one; write one line a user with blanks between the items"
        )
    return Layout(
        kind="pairs",
        separator=separator,
        columns=("user_id", "item_id", "weight")[: len(rows[0])],
        skip_lines=sample.n_skipped,
        n_comments=sample.n_comments,
    )
