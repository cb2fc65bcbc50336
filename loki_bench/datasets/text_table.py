"""Read tables of text: CSV, TSV, any other separator, RecBole's ``.inter``, with pyarrow."""

import pyarrow as pa
import pyarrow.csv as pa_csv

from loki_bench.datasets.cell_kinds import looks_like_times
from loki_bench.datasets.column_choice import find_column
from loki_bench.datasets.data_file import DataFile, decoded, raw_lines
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.quoted_cells import UnclosedQuoteError, unquoted
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import BLANKS
from loki_bench.datasets.text_blocks import TextBlocks, blocks_have_quotes
from loki_bench.datasets.text_rows import QuotesError, TextRows
from loki_bench.errors import DatasetError

__all__ = ["read_text_table"]

_RARELY_QUOTED = ("\t", BLANKS)
"""Separators of files in which a quote is rather a character of a name."""

_NAMES = pa.dictionary(pa.int32(), pa.string())
_BLOCK, _LARGEST_BLOCK = 1 << 22, 1 << 28


def read_text_table(file: DataFile, layout: Layout, reading: Reading) -> EventTable:
    """Rows of a table, one an event.

    Each line is one row with as many cells as the header, quotes being part of a cell; only where
    lines don't fit so are quotes read as CSV's, which let a cell hold separators and line breaks.

    Raises
    ------
    DatasetError
        Names the file and the line at fault.
    """
    return _Reader(file, layout, reading).read()


class _Reader:
    def __init__(self, file: DataFile, layout: Layout, reading: Reading) -> None:
        self.file, self.layout, self.reading = file, layout, reading
        self.columns = list(layout.columns)
        self.quoting = False
        self.unnamed = False  # a separator at the end of each line makes an empty cell
        self.blanks = False  # lines of blanks alone, which pyarrow takes for rows
        self.n_breaks = 0  # lines that go on with a quoted cell
        find = self._find
        self.user = find(reading.user_column, "user_column")
        self.item = find(reading.item_column, "item_column")
        self.times = [find(column, "timestamp_column") for column in reading.timestamp_columns]
        self.rating = (
            None if reading.rating_column is None else find(reading.rating_column, "rating_column")
        )
        self.where = {column: find(column, "where") for column in reading.where_columns}

    def _find(self, column: str | int, parameter: str) -> int:
        first = f"if line {self.layout.skip_lines} holds an event, name all columns with columns"
        at = find_column(
            column,
            self.columns,
            path=self.file.path,
            parameter=parameter,
            timelike=self._timelike,
            otherwise=f"; {first}" if self.layout.kind == "table" and self.layout.header else "",
        )
        if self.layout.types and self.layout.types[at].endswith("_seq"):
            raise DatasetError(
                f"{self.file.path}: column '{self.columns[at]}' is a list "
                f"({self.layout.types[at]}) and no id or number; name another with {parameter}"
            )
        return at

    @property
    def rows(self) -> TextRows:
        """The rows, read again by Python's own means."""
        return TextRows(
            file=self.file,
            layout=self.layout,
            width=len(self.columns) + self.unnamed,
            quoting=self.quoting,
        )

    def _timelike(self) -> list[str]:
        rows = self.rows.first(50)
        return [
            name
            for name, cells in zip(self.columns, zip(*rows, strict=False), strict=False)
            if looks_like_times(cells)
        ]

    def read(self) -> EventTable:
        self.unnamed = self._rows_end_with_a_separator()
        try:
            table, blocks = self._parsed()
        except _UnequalRowsError as error:
            if self._only_blank_lines_are_unequal():
                self.blanks = True
                return self.read()
            if not self.layout.quoted or not blocks_have_quotes(self.file.blocks()):
                self._refuse_unequal(error)
            try:
                self.quoting = True
                self.n_breaks = self.rows.n_continued()
                table, blocks = self._parsed()
            except QuotesError as unmatched:
                self.quoting = self.layout.separator not in _RARELY_QUOTED
                if not self.quoting:  # then quotes are characters, and its cells are too many
                    self._refuse_unequal(error)
                raise DatasetError(str(unmatched)) from unmatched
            except _UnequalRowsError as again:
                self._refuse_unequal(again)
        if self.unnamed:
            self._check_unnamed(table)
        n_rows = table.num_rows
        n_blank = blocks.n_lines - self.n_breaks - n_rows - self._n_head_lines()
        return EventTable(
            path=self.file.path,
            users=self._unquoted(table.column(str(self.user))),
            items=self._unquoted(table.column(str(self.item))),
            times=tuple(self._unquoted(table.column(str(at))) for at in self.times),
            ratings=None if self.rating is None else self._unquoted(table.column(str(self.rating))),
            where={c: self._unquoted(table.column(str(at))) for c, at in self.where.items()},
            place=lambda row: f"line {self.rows.row(row).line}",
            cells=lambda row: dict(zip(self.columns, self.rows.row(row).cells, strict=False)),
            n_lines=blocks.n_lines,
            left_out={
                "comment": self.layout.n_comments,
                "header": int(self.layout.header),
                "blank": n_blank + self._n_blank_on_top(),
                "continued in quotes": self.n_breaks,
            },
        )

    def _only_blank_lines_are_unequal(self) -> bool:
        width = len(self.columns) + self.unnamed
        if self.blanks or self.quoting:
            return False
        return all(len(row.cells) == width for row in self.rows)

    # ------------------------------------------------------------------------------ with pyarrow

    def _parsed(self) -> "tuple[pa.Table, TextBlocks]":
        try:
            return self._parse(_BLOCK, whole_times=True)
        except _NotWholeError:
            return self._parse(_BLOCK, whole_times=False)

    def _parse(self, block_size: int, *, whole_times: bool) -> "tuple[pa.Table, TextBlocks]":
        names = [str(at) for at in range(len(self.columns) + self.unnamed)]
        types = {names[at]: _NAMES for at in (self.user, self.item, *self.where.values())}
        types |= {names[at]: pa.int64() if whole_times else pa.string() for at in self.times}
        if self.rating is not None:
            types.setdefault(names[self.rating], _NAMES)
        if self.unnamed:
            types[names[-1]] = _NAMES
        blocks = TextBlocks(
            self.file.blocks(),
            self.layout.separator,
            self.file,
            blank_width=len(names) if self.blanks else 0,
        )
        try:
            table = pa_csv.read_csv(
                pa.PythonFile(blocks, mode="r"),
                read_options=pa_csv.ReadOptions(
                    column_names=names, skip_rows=self.layout.skip_lines, block_size=block_size
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=blocks.delimiter,
                    quote_char='"' if self.quoting else False,
                    newlines_in_values=self.quoting,
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=list(types),
                    column_types=types,
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            text = str(error)
            if "straddling" in text or "block size" in text:
                if next(iter(self.rows), None) is None:  # a header without the end of a line
                    return self._empty(names, types), blocks
                if block_size < _LARGEST_BLOCK:
                    return self._parse(_LARGEST_BLOCK, whole_times=whole_times)
                raise DatasetError(
                    f"{self.file.path}: a line of it is longer than {_LARGEST_BLOCK >> 20} MiB; "
                    "check that it is a text file"
                ) from error
            if "to int64" in text and whole_times:
                raise _NotWholeError from error
            if "UTF8" in text or "UTF-8" in text:
                self._refuse_bytes()
            if "Empty CSV" in text:
                return self._empty(names, types), blocks
            if "columns, got" in text:
                raise _UnequalRowsError from error
            raise DatasetError(
                f"{self.file.path}: its rows can't be told apart ({text})"
            ) from error
        blocks.finish()
        return table, blocks

    def _empty(self, names: list[str], types: dict[str, pa.DataType]) -> pa.Table:
        return pa.table({n: pa.chunked_array([[]], type=t) for n, t in types.items()})

    # ---------------------------------------------------------------------------------- refusals

    def _refuse_unequal(self, cause: Exception) -> None:
        width = len(self.columns) + self.unnamed
        for row in self.rows:
            number, cells = row.line, row.cells
            if len(cells) == width:
                continue
            place = f"{self.file.path}, line {number}"
            if self.layout.kind == "pairs":
                raise DatasetError(
                    f"{place}: it has {len(cells)} cells and the lines before have {width}; two "
                    "kinds of lines can't be told apart: write one user and one item a line, or "
                    "all of a user's items in one line"
                ) from cause
            if len(cells) < width:
                missing = self.columns[len(cells)] if len(cells) < len(self.columns) else ""
                raise DatasetError(
                    f"{place}: column '{missing}' is not there: {self._expected(width, number)}, "
                    f"saw {len(cells)}; write an empty cell where there is no value"
                ) from cause
            if all(len(c) > width for c in self.rows.first(20)):
                raise DatasetError(
                    f"{self.file.path}: its rows have more cells than its header has names "
                    f"({len(cells)} and {width}); check the header and the separator"
                ) from cause
            raise DatasetError(
                f"{place}: its rows can't be told apart: {self._expected(width, number)}, "
                f"saw {len(cells)}; put a cell that holds the separator in quotes"
                if self.layout.quoted
                else f"{place}: {self._expected(width, number)}, saw {len(cells)}"
            ) from cause
        raise DatasetError(f"{self.file.path}: its rows can't be told apart") from cause

    def _expected(self, width: int, number: int) -> str:
        return f"expected {width} cells in line {number}"

    def _refuse_bytes(self) -> None:
        for number, line in enumerate(raw_lines(self.file.blocks()), start=1):
            decoded(line, self.file.path, number)

    # ------------------------------------------------------------------------------------ details

    def _n_head_lines(self) -> int:
        return self.layout.skip_lines

    def _n_blank_on_top(self) -> int:
        return self.layout.skip_lines - self.layout.n_comments - int(self.layout.header)

    def _rows_end_with_a_separator(self) -> bool:
        """Whether each row has one cell more than the header, and it is empty."""
        if not self.layout.header or self.reading.columns:
            return False
        rows = self.rows.first(50)
        return bool(rows) and all(
            len(cells) == len(self.columns) + 1 and not cells[-1].strip() for cells in rows
        )

    def _check_unnamed(self, table: pa.Table) -> None:
        column = table.column(table.num_columns - 1).unify_dictionaries()
        names = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
        if any(name.strip() for name in names):
            raise DatasetError(
                f"{self.file.path}: its rows have more cells than its header has names; "
                "check the header and the separator"
            )

    def _unquoted(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if self.quoting or not self.layout.quoted:
            return column
        rare = self.layout.separator in _RARELY_QUOTED
        try:
            return unquoted(column, rare=rare)
        except UnclosedQuoteError as error:
            cell = str(error)
            line = next((row.line for row in self.rows if cell in row.cells), 0)
            raise DatasetError(
                f"{self.file.path}, line {line}: the quote in '{cell[:40]}' is never closed (EOF "
                "inside string); a cell in quotes ends with one, and a quote in it is doubled"
            ) from error


class _UnequalRowsError(Exception):
    """Some line has another number of cells."""


class _NotWholeError(Exception):
    """The column of times holds something else than whole numbers of 64 bits."""
