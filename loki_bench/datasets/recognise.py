"""Recognise how the lines of a file are laid out, and refuse one that can be read in two ways."""

from loki_bench.datasets.cell_kinds import kind_of
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.line_shapes import (
    are_pairs,
    is_movielens,
    is_table,
    refuse_without_header,
    split,
)
from loki_bench.datasets.list_layout import pairs_layout, sequences_layout
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import BLANKS, Sample, cells_of, looks_like_header, sample_of
from loki_bench.datasets.table_layout import equal_separators, header_separator, table_layout
from loki_bench.datasets.typed_layout import has_typed_header, inter_layout, json_layout
from loki_bench.errors import DatasetError

__all__ = ["recognise"]

_MOVIELENS = ("user_id", "item_id", "rating", "timestamp")


def recognise(file: DataFile, reading: Reading) -> Layout:
    """The layout of a file, by the parameters, its ending and its first lines, in this order.

    Raises
    ------
    DatasetError
        The file is not what the parameters say, or can be read in more than one way; the message
        says what it looks like.
    """
    if file.parquet:
        if reading.format not in ("auto", "parquet"):
            raise DatasetError(
                f'{file.path}: it is a Parquet file and not of the format "{reading.format}"; '
                "leave format out"
            )
        return Layout(kind="parquet")
    if reading.format == "parquet":
        raise DatasetError(f"{file.path}: it is not a Parquet file; leave format out")
    sample = sample_of(file.head, whole=file.whole)
    if reading.format == "json" or (reading.format == "auto" and not reading.columns):
        found = json_layout(file, sample, asked=reading.format == "json")
        if found:
            return found
    if reading.format == "inter" or (
        reading.format == "auto" and (file.suffix == ".inter" or has_typed_header(sample))
    ):
        return inter_layout(file, sample)
    if reading.format == "sequences":
        return sequences_layout(file, sample, reading)
    if reading.format == "pairs":
        return pairs_layout(file, sample, reading)
    if (
        reading.format in ("csv", "tsv")
        or reading.columns
        or reading.by_number
        or reading.header is not None
        or file.suffix in (".csv", ".tsv")
    ):
        return table_layout(file, sample, reading)
    return _by_shape(file, sample, reading)


def _by_shape(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    """The layout of a file whose ending says nothing of it (``.txt``, ``.dat``, ``.data``)."""
    if header_separator(file, sample, reading) is not None or _has_other_header(sample, reading):
        return table_layout(file, sample, reading)
    if is_movielens(sample) and reading.separator in (None, "::"):
        return Layout(
            kind="table",
            separator="::",
            columns=_MOVIELENS,
            skip_lines=sample.n_skipped,
            n_comments=sample.n_comments,
        )
    if reading.separator is None and any(
        separator not in ("\t", BLANKS) for separator in equal_separators(sample)
    ):
        return table_layout(file, sample, reading)
    rows = [split(line, reading.separator) for line in sample.lines]
    if are_pairs(rows):
        return pairs_layout(file, sample, reading)
    if is_table(rows):
        refuse_without_header(file, sample, [cells for cells in rows if cells])
    if file.suffix == ".txt" or len(rows) > 1:
        return sequences_layout(file, sample, reading)
    raise DatasetError(
        f"{file.path}: neither its ending nor its one line says what it is; say it with format: "
        '"sequences" is one line a user, "pairs" a user and an item a line, and a table '
        "without a header is read with columns = [...]"
    )


def _has_other_header(sample: Sample, reading: Reading) -> bool:
    """Whether line 1 has words over columns of numbers or times: a header with other names."""
    separators = [reading.separator] if reading.separator else equal_separators(sample)
    for separator in separators:
        first, *below = (cells_of(line, separator, quoted=True) for line in sample.lines)
        if len(below) > 1 and len(first) > 1 and looks_like_header(first, below):
            return not any(kind_of(cell) != "words" for cell in first)
    return False
