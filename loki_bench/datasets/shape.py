"""What the lines of a text file look like: the separator, and whether a header is there."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loki_bench.datasets.cell_kinds import kind_of

__all__ = [
    "BLANKS",
    "Sample",
    "between_blanks",
    "cells_of",
    "looks_like_data",
    "looks_like_header",
    "sample_of",
    "separators_of",
    "unusual_separator",
]

BLANKS = " "
"""The separator that stands for any run of blanks and tabs."""

_BLANKS = re.compile(r"[ \t]+")
_SAMPLE = 400
_SEPARATORS = ("\t", ",", ";", "::", "|", BLANKS)
_COMMENTS = ("#", "%")
_EXCEL = re.compile(r"sep=.")  # how a spreadsheet is told the separator


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The first lines of a file that are not blank.

    Attributes
    ----------
    lines : tuple of str
        Their text.
    numbers : tuple of int
        Their numbers in the file, from 1.
    n_skipped : int
        Lines before the first of them.
    n_comments : int
        Of those, lines that begin with ``#`` or ``%``.
    """

    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    n_skipped: int
    n_comments: int


def sample_of(head: bytes, *, whole: bool) -> Sample:
    """The first lines of a file; a line that the head cuts off is left out.

    Lines on top that begin with ``#`` or ``%`` are comments, unless all lines do; so is ``sep=;``.
    """
    lines = head.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines.pop()
    found = [
        (number, line.decode(errors="replace").rstrip("\r\n"))
        for number, line in enumerate(lines[: 4 * _SAMPLE], start=1)
        if line.strip()
    ]
    first = next((at for at, (_, text) in enumerate(found) if not _is_comment(text)), 0)
    kept = found[first:][:_SAMPLE]
    return Sample(
        lines=tuple(text for _, text in kept),
        numbers=tuple(number for number, _ in kept),
        n_skipped=kept[0][0] - 1 if kept else 0,
        n_comments=first,
    )


def _is_comment(text: str) -> bool:
    return text.startswith(_COMMENTS) or bool(_EXCEL.fullmatch(text))


def between_blanks(line: str) -> list[str]:
    """The cells of a line between runs of blanks and tabs; any other kind of blank is a letter."""
    text = line.strip(" \t")
    return _BLANKS.split(text) if text else []


def cells_of(line: str, separator: str, *, quoted: bool) -> list[str]:
    """The cells of a line.

    Parameters
    ----------
    separator : str
        One or more characters; ``BLANKS`` stands for any run of blanks and tabs.
    quoted : bool
        Whether cells may be in double quotes, which then are left out. A line whose quotes don't
        match is split as if it had none.
    """
    if separator == BLANKS:
        return between_blanks(line)
    if quoted and '"' in line and len(separator) == 1:
        try:
            return next(csv.reader([line], delimiter=separator, strict=True), [""])
        except (csv.Error, StopIteration):
            pass
    return line.split(separator)


def separators_of(sample: Sample, first: Sequence[str], *, quoted: bool) -> list[str]:
    """The separators that cut the lines of a sample into equally many cells, the likeliest first.

    Parameters
    ----------
    first : sequence of str
        What the ending of the file's name suggests.
    """
    equal, most = [], []
    for separator in dict.fromkeys((*first, *_SEPARATORS)):
        widths = [len(cells_of(line, separator, quoted=quoted)) for line in sample.lines]
        width = max(set(widths), key=widths.count)
        if width < 2:
            continue
        if len(set(widths)) == 1:
            equal.append(separator)
        elif widths.count(width) * 10 >= 9 * len(widths):
            most.append(separator)
    return equal + most


def unusual_separator(sample: Sample) -> str | None:
    """A sign that comes equally often in all lines, where none of the usual ones cuts them."""
    counts = [Counter(line) for line in sample.lines]
    if len(counts) < 2:
        return None
    return next(
        (
            sign
            for sign in counts[0]
            if not sign.isalnum()
            and sign not in "_-.:/'\" "
            and {count[sign] for count in counts} == {counts[0][sign]}
        ),
        None,
    )


def looks_like_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first line is no header, by the kinds of its cells beside those below.

    True where each column that holds numbers or times below holds one in the first line, too, and
    there is such a column; and where a word of the first line comes again in its column, the
    whole line not.
    """
    measured, others = _by_kind(first, rows)
    if measured:
        return all(_is_measure(first[at]) for at in measured)
    if any(_is_measure(cell) for cell in first) and not rows:
        return True
    full = [row for row in rows if len(row) == len(first)]
    again = [at for at in others if first[at].strip() and any(r[at] == first[at] for r in full)]
    return bool(again) and not any(list(row) == list(first) for row in rows)


def looks_like_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first line has a word over a column of numbers or times."""
    measured, _ = _by_kind(first, rows)
    return any(first[at].strip() and not _is_measure(first[at]) for at in measured)


def _by_kind(first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
    """Columns below the first line that hold numbers or times alone, and all others."""
    full = [row for row in rows if len(row) == len(first)]
    measured: list[int] = []
    others: list[int] = []
    for at in range(len(first)):
        cells = [row[at] for row in full if row[at].strip() and list(row) != list(first)]
        (measured if cells and all(map(_is_measure, cells)) else others).append(at)
    return measured, others


def _is_measure(cell: str) -> bool:
    return kind_of(cell) in ("whole numbers", "decimals", "times")
