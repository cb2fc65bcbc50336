"""Read the rows of a table one by one: slowly, for messages, and to see whether quotes match."""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from loki_bench.datasets.data_file import DataFile, raw_lines
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.shape import BLANKS, cells_of
from loki_bench.datasets.text_blocks import UNIT_SEPARATOR
from loki_bench.errors import DatasetError

__all__ = ["QuotesError", "Row", "TextRows"]


class QuotesError(Exception):
    """Quotes don't match; the text says where."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    line : int
        Its first line in the file, from 1.
    cells : list of str
    inner : tuple of (int, str)
        Number and text of the lines that go on with a quoted cell.
    """

    line: int
    cells: list[str]
    inner: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextRows:
    """Rows of a text table behind its header; blank lines are left out.

    Attributes
    ----------
    width : int
        Cells of a row.
    quoting : bool
        Whether quotes let a cell hold separators and line breaks.
    """

    file: DataFile
    layout: Layout
    width: int
    quoting: bool

    def __iter__(self) -> Iterator[Row]:
        return self._quoted() if self.quoting else self._plain()

    def row(self, number: int) -> Row:
        """A row by its number, from 0."""
        return next(itertools.islice(self, number, None))

    def first(self, n: int) -> list[list[str]]:
        """The cells of the first rows."""
        return [row.cells for row in itertools.islice(self, n)]

    def n_continued(self) -> int:
        """Lines inside quoted cells; raises ``DatasetError`` for those that read like rows."""
        n_lines = 0
        for row in self:
            if any(len(line.split(self.layout.separator)) == self.width for _, line in row.inner):
                opened = next((cell for cell in row.cells if "\n" in cell), "")
                raise DatasetError(
                    f"{self.file.path}, line {row.line}: a quote opens a cell "
                    f"('{opened.partition(chr(10))[0][:30]}') that goes on to line "
                    f"{row.inner[-1][0]}, over lines that read like rows of their own; double the "
                    "quote, or take it away"
                )
            n_lines += len(row.inner)
        return n_lines

    def _lines(self) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(raw_lines(self.file.blocks()), start=1):
            if number > self.layout.skip_lines:
                yield number, line.decode(errors="replace")

    def _plain(self) -> Iterator[Row]:
        for number, text in self._lines():
            cells = cells_of(text, self.layout.separator, quoted=False)
            if text.strip() or len(cells) == self.width > 1:
                yield Row(line=number, cells=cells)

    def _quoted(self) -> Iterator[Row]:
        taken: list[tuple[int, str]] = []  # the lines of one row
        separator = self.layout.separator
        stands_in = separator == BLANKS or len(separator) > 1
        delimiter = UNIT_SEPARATOR.decode() if stands_in else separator

        def lines() -> Iterator[str]:
            for number, text in self._lines():
                taken.append((number, text))
                cells = cells_of(text, separator, quoted=False) if stands_in else [text]
                yield delimiter.join(cells) + "\n"

        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                first, inner = taken[0][0], tuple(taken[1:])
                taken.clear()
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield Row(line=first, cells=cells, inner=inner)
        except csv.Error as error:
            detail = str(error)
            if "unexpected end" in detail:
                detail = "a quote is never closed: EOF inside string"
            raise QuotesError(
                f"{self.file.path}, line {taken[0][0]}: its quotes don't match ({detail}); a quote "
                "in a quoted cell is doubled"
            ) from error
