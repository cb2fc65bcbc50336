"""Read tables of text: CSV, TSV, any other separator, RecBole's ``.inter``, with pyarrow."""

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from loki_bench.datasets.cell_kinds import looks_like_times
from loki_bench.datasets.column_choice import find_column
from loki_bench.datasets.data_file import DataFile, decoded, raw_lines
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import BLANKS, cells_of
from loki_bench.errors import DatasetError

__all__ = ["read_text_table"]

_UNIT_SEPARATOR = b"\x1f"
"""Stands in for separators of more than one character; no text has it by intent."""

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
        self.row_lines: tuple[tuple[int, str], ...] = ()  # of the row that was read last
        find = self._find
        self.user = find(reading.user_column, "user_column")
        self.item = find(reading.item_column, "item_column")
        self.times = [find(column, "timestamp_column") for column in reading.timestamp_columns]
        self.rating = (
            None if reading.rating_column is None else find(reading.rating_column, "rating_column")
        )
        self.where = {column: find(column, "where") for column in reading.where_columns}

    def _find(self, column: str | int, parameter: str) -> int:
        at = find_column(
            column,
            self.columns,
            path=self.file.path,
            parameter=parameter,
            timelike=self._timelike,
        )
        if self.layout.types and self.layout.types[at].endswith("_seq"):
            raise DatasetError(
                f"{self.file.path}: column '{self.columns[at]}' is a list "
                f"({self.layout.types[at]}) and no id or number; name another with {parameter}"
            )
        return at

    def _timelike(self) -> list[str]:
        rows = [cells for _, cells in itertools.islice(self._rows(), 50)]
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
                self._check_quotes()
                table, blocks = self._parsed()
            except _QuotesError as unmatched:
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
            place=lambda row: f"line {self._row(row)[0]}",
            cells=lambda row: dict(zip(self.columns, self._row(row)[1], strict=False)),
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
        return all(len(cells) == width for _, cells in self._rows())

    # ------------------------------------------------------------------------------ with pyarrow

    def _parsed(self) -> "tuple[pa.Table, _Blocks]":
        try:
            return self._parse(_BLOCK, whole_times=True)
        except _NotWholeError:
            return self._parse(_BLOCK, whole_times=False)

    def _parse(self, block_size: int, *, whole_times: bool) -> "tuple[pa.Table, _Blocks]":
        names = [str(at) for at in range(len(self.columns) + self.unnamed)]
        types = {names[at]: _NAMES for at in (self.user, self.item, *self.where.values())}
        types |= {names[at]: pa.int64() if whole_times else pa.string() for at in self.times}
        if self.rating is not None:
            types.setdefault(names[self.rating], _NAMES)
        if self.unnamed:
            types[names[-1]] = _NAMES
        blocks = _Blocks(
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

    # ----------------------------------------------------------------------------- line by line

    def _text_lines(self) -> Iterator[tuple[int, str]]:
        """Lines behind the header; those that are no row of cells (blank) are left out."""
        width = len(self.columns) + self.unnamed
        for number, line in enumerate(raw_lines(self.file.blocks()), start=1):
            if number <= self.layout.skip_lines or not line:
                continue
            text = line.decode(errors="replace")
            if text.strip() or (
                len(cells_of(text, self.layout.separator, quoted=False)) == width > 1
            ):
                yield number, text

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row, read again by Python's own means."""
        if not self.quoting:
            for number, text in self._text_lines():
                yield number, cells_of(text, self.layout.separator, quoted=False)
            return
        taken: list[tuple[int, str]] = []  # the lines of one row

        def lines() -> Iterator[str]:
            for number, line in enumerate(raw_lines(self.file.blocks()), start=1):
                if number > self.layout.skip_lines:
                    taken.append((number, line.decode(errors="replace")))
                    yield taken[-1][1] + "\n"

        reader = csv.reader(lines(), delimiter=self.layout.separator, strict=True)
        try:
            for cells in reader:
                self.row_lines, first = tuple(taken), taken[0][0]
                taken.clear()
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield first, cells
        except csv.Error as error:
            detail = str(error)
            if "unexpected end" in detail:
                detail = "a quote is never closed: EOF inside string"
            raise _QuotesError(
                f"{self.file.path}, line {taken[0][0]}: its quotes don't match ({detail}); a quote "
                "in a quoted cell is doubled"
            ) from error

    def _row(self, row: int) -> tuple[int, list[str]]:
        return next(itertools.islice(self._rows(), row, None))

    def _check_quotes(self) -> None:
        """Count lines inside quoted cells; refuse those that read like rows of their own."""
        width = len(self.columns)
        self.n_breaks = 0
        for first, cells in self._rows():
            inner = self.row_lines[1:]
            if any(len(line.split(self.layout.separator)) == width for _, line in inner):
                opened = next((c for c in cells if "\n" in c), "")
                raise DatasetError(
                    f"{self.file.path}, line {first}: a quote opens a cell "
                    f"('{opened.partition(chr(10))[0][:30]}') that goes on to line "
                    f"{inner[-1][0]}, over lines that read like rows of their own; double the "
                    "quote, or take it away"
                )
            self.n_breaks += len(inner)

    # ---------------------------------------------------------------------------------- refusals

    def _refuse_unequal(self, cause: Exception) -> None:
        width = len(self.columns) + self.unnamed
        for number, cells in self._rows():
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
            if all(len(c) > width for _, c in itertools.islice(self._rows(), 20)):
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
        rows = [cells for _, cells in itertools.islice(self._rows(), 50)]
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
        """The column without the quotes around its cells, where its cells are quoted as in CSV."""
        if self.quoting or not self.layout.quoted or not _holds_text(column):
            return column
        if not pa.types.is_dictionary(column.type):
            return self._without_quotes(column)
        column = column.unify_dictionaries()
        if not column.num_chunks:
            return column
        names = column.chunk(0).dictionary
        plain = self._without_quotes(names)
        if plain is names:
            return column
        distinct = pc.unique(plain)  # a name may have stood there with quotes and without
        place = pc.index_in(plain, value_set=distinct)
        chunks = [
            pa.DictionaryArray.from_arrays(place.take(c.indices), distinct) for c in column.chunks
        ]
        return pa.chunked_array(chunks)

    def _without_quotes(self, cells: "pa.Array | pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
        opened = pc.starts_with(cells, '"')
        if not pc.any(opened).as_py():
            return cells
        closed = pc.match_substring_regex(cells, r'^"([^"]|"")*"\z')
        wrong = pc.and_not(opened, closed)
        if self.layout.separator in _RARELY_QUOTED:
            # rarely quoted: a name like "Heroes" keeps its quotes, unless all cells have some
            if pc.any(pc.or_(wrong, pc.invert(opened))).as_py():
                return cells
        elif pc.any(wrong).as_py():
            self._refuse_quote(pc.filter(cells, wrong)[0].as_py())
        inner = pc.utf8_slice_codeunits(cells, 1, -1)
        return pc.if_else(opened, pc.replace_substring(inner, '""', '"'), cells)

    def _refuse_quote(self, cell: str) -> None:
        for number, cells in self._rows():
            if cell in cells:
                raise DatasetError(
                    f"{self.file.path}, line {number}: the quote in '{cell[:40]}' is never closed "
                    "(EOF inside string); a cell in quotes ends with one, and a quote in it is "
                    "doubled"
                )


class _UnequalRowsError(Exception):
    """Some line has another number of cells."""


class _QuotesError(Exception):
    """Quotes don't match; the text says where."""


class _NotWholeError(Exception):
    """The column of times holds something else than whole numbers of 64 bits."""


class _Blocks(io.RawIOBase):
    """Blocks of a text as pyarrow reads them; counts lines as they pass.

    Separators of more than one character become one that pyarrow takes.
    """

    def __init__(
        self, blocks: Iterator[bytes], separator: str, file: DataFile, *, blank_width: int = 0
    ) -> None:
        self._blocks, self._file = blocks, file
        self._rest = b""
        self._n_feeds, self._last = 0, b""
        self._translate: Callable[[bytes], bytes] | None = None
        self.delimiter = separator
        if separator == BLANKS:
            self._translate = lambda text: re.sub(rb"[ \t]+", _UNIT_SEPARATOR, _trimmed(text))
        elif len(separator.encode()) > 1:
            parts = separator.encode()
            self._translate = lambda text: text.replace(parts, _UNIT_SEPARATOR)
        if self._translate:
            self.delimiter = _UNIT_SEPARATOR.decode()
        elif blank_width:
            self._translate = lambda text: _without_blank_lines(text, separator, blank_width)
        if self._translate:
            self._blocks = _whole_lines(blocks)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = self._next()
        size = len(self._rest) if size < 0 else size
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def _next(self) -> bytes:
        block = next(self._blocks, b"")
        if not block:
            return b""
        if self._last.endswith(b"\r") and block.startswith(b"\n"):
            self._n_feeds -= 1  # one end of a line in two blocks
        self._n_feeds += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
        self._last = block[-1:]
        if self._translate:
            if _UNIT_SEPARATOR in block:
                raise DatasetError(
                    f"{self._file.path}: it holds the control character 0x1f; is it a text?"
                )
            block = self._translate(block)
        return block

    def finish(self) -> None:
        while self._next():
            pass

    @property
    def n_lines(self) -> int:
        """Lines that have passed, a last one without an end included."""
        return self._n_feeds + (self._last not in (b"", b"\n", b"\r"))


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in blocks that end where a line ends."""
    rest = b""
    for block in blocks:
        cut = max(block.rfind(b"\n"), block[:-1].rfind(b"\r")) + 1
        if not cut:
            rest += block
            continue
        yield rest + block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def _trimmed(text: bytes) -> bytes:
    """The text without blanks where lines begin and end."""
    return re.sub(rb"(?m)^[ \t]+|[ \t]+(?=[\r\n]|\Z)", b"", text)


def _without_blank_lines(text: bytes, separator: str, width: int) -> bytes:
    """The text with nothing on lines of blanks alone, unless they are rows of empty cells."""

    def judged(line: re.Match[bytes]) -> bytes:
        found: bytes = line[0]
        return found if found.count(separator.encode()) == width - 1 > 0 else b""

    return re.sub(rb"(?m)^[ \t]+(?=[\r\n]|\Z)", judged, text)


def blocks_have_quotes(blocks: Iterator[bytes]) -> bool:
    """Whether there is a double quote anywhere."""
    return any(b'"' in block for block in blocks)


def _holds_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type) or pa.types.is_string(column.type))
