"""Times of events: whole numbers kept exactly, decimals, ISO 8601, or a form of the user's."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.event_table import Place
from loki_bench.datasets.time_units import one_unit
from loki_bench.errors import DatasetError

__all__ = ["TimeArray", "Times", "joined_times", "parse_times"]

TimeArray: TypeAlias = NDArray[np.int64] | NDArray[np.float64]

_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)?$"
_ZONE = r"^.{10,}(Z|[+-]\d{2}:?\d{2})$"
_WHOLE = r"^[+-]?\d+$"
_DECIMAL = r"^[+-]?(\d+\.?\d*|\.\d+)$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_EXACT_IN_FLOAT = 2**53
_DAYS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y-%m-%d",
    "%Y%m%d",
    "%m %d, %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%a %b %d %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMS = (
    *(day + clock for day in _DAYS for clock in _CLOCKS),
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
"""Forms that messages name where they fit; they are never taken without being asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """Times of events.

    Attributes
    ----------
    keys : tuple of int64 or float64 arrays of shape (n_events,)
        What orders the events, the coarsest first: larger is later. Nearly always one array.
    unit : str
        Of the first key: "seconds since 1970" and so on, or "" where the file does not say.
    scale : int
        The first key holds the file's numbers times this (decimals are kept as whole numbers).
    origin : int
        What was taken off the file's numbers, so that they fit 64 bits; nearly always 0.
    form : str
        How the file writes them: "whole numbers", "decimals", "ISO 8601", "dates" ...
    notes : tuple of str
        Warnings for whoever uses them.
    """

    keys: tuple[TimeArray, ...]
    unit: str
    form: str
    scale: int = 1
    origin: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys[0])

    def take(self, events: NDArray[np.int64] | NDArray[np.bool_]) -> "Times":
        """The times of some events."""
        return replace(self, keys=tuple(key[events] for key in self.keys))

    def shown(self, event: int) -> str:
        """The time of an event in words: a date where the unit is known."""
        value = self.keys[0][event]
        per_second = _PER_SECOND.get(self.unit)
        if per_second is None:
            number = self.origin + (int(value) if self.scale == 1 else float(value) / self.scale)
            return str(number)
        seconds = float(value) / self.scale / per_second
        try:
            moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
        except (OverflowError, ValueError, OSError):
            return str(value)
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if self.form != "dates" else "%Y-%m-%d")


_PER_SECOND = {
    "seconds since 1970": 1,
    "milliseconds since 1970": 10**3,
    "microseconds since 1970": 10**6,
    "nanoseconds since 1970": 10**9,
}
_UNIT_NAMES = {count: name for name, count in _PER_SECOND.items()}


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column of times and whom to name where a cell is wrong."""

    cells: pa.ChunkedArray
    name: str
    path: Path
    place: Place

    def refuse(self, row: int, why: str) -> NoReturn:
        cell = self.cells[row].as_py()
        shown = "an empty cell" if cell in (None, "") else f"'{str(cell)[:60]}'"
        raise DatasetError(f"{self.path}, {self.place(row)}: {shown} in column '{self.name}' {why}")


def parse_times(
    columns: Sequence[pa.ChunkedArray],
    names: Sequence[str],
    *,
    form: str = "auto",
    path: Path,
    place: Place,
) -> Times:
    """The times of events.

    Parameters
    ----------
    columns : sequence of pyarrow ChunkedArray
        The columns that order the events, the coarsest first; one or more.
    names : sequence of str
        Their names.
    form : str
        "auto": whole numbers of any length, decimals, ISO 8601 (a date alone, too). Anything else
        is a form as ``strptime`` takes it, for the first column.
    path, place
        The file and its lines, for error messages.

    Raises
    ------
    DatasetError
        A cell is no time, the file mixes kinds of times, days can't be told from months, or
        floats have lost the order of their events.
    """
    found = [
        _parsed(_Column(cells=cells, name=name, path=path, place=place), form if not at else "auto")
        for at, (cells, name) in enumerate(zip(columns, names, strict=True))
    ]
    return replace(found[0], keys=tuple(times.keys[0] for times in found))


def joined_times(parts: Sequence[Times], *, source: str) -> Times:
    """The times of several files as one, in one unit; see :func:`one_unit` for warnings.

    Raises
    ------
    DatasetError
        Some files have numbers and others dates, or numbers too long to be compared.
    """
    first = parts[0]
    numbers = [times.form in _NUMBERS for times in parts]
    if any(numbers) != all(numbers) or len({times.origin for times in parts}) > 1:
        raise DatasetError(
            f"{source}: the times of its files can't be compared "
            f"({', '.join(times.form for times in parts)}); write them in one way"
        )
    if not numbers[0]:
        finest = max((times.unit for times in parts), key=_PER_SECOND.__getitem__)
        factors = [_PER_SECOND[finest] // _PER_SECOND[times.unit] for times in parts]
        return replace(first, keys=_concatenated(parts, factors), unit=finest)
    scale = max(times.scale for times in parts)
    keys = _concatenated(parts, [scale // times.scale for times in parts])
    values, unit, notes = one_unit(keys[0], scale=scale, origin=first.origin)
    form = first.form if scale == first.scale else "decimals"
    return replace(first, keys=(values, *keys[1:]), unit=unit, scale=scale, form=form, notes=notes)


def _concatenated(parts: Sequence[Times], factors: Sequence[int]) -> tuple[TimeArray, ...]:
    if len(parts) == 1:
        return parts[0].keys
    coarse = np.concatenate(
        [times.keys[0] * factor for times, factor in zip(parts, factors, strict=True)]
    )
    finer = zip(*(times.keys[1:] for times in parts), strict=True)
    return (coarse, *(np.concatenate(keys) for keys in finer))


_NUMBERS = ("whole numbers", "decimals")


def _parsed(column: _Column, form: str) -> Times:
    kind = column.cells.type
    if column.cells.null_count:
        nulls = pc.is_null(column.cells).to_numpy()
        column.refuse(int(np.argmax(nulls)), "where a time is expected; every event needs one")
    if pa.types.is_dictionary(kind):
        column = replace(column, cells=column.cells.cast(pa.string()))
        kind = pa.string()
    if form == "auto":
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return _of_timestamps(column.cells)
        if pa.types.is_integer(kind) and kind != pa.uint64():
            return _whole(column.cells.cast(pa.int64()).to_numpy())
        if pa.types.is_floating(kind):
            return _of_floats(column)
    if not pa.types.is_string(kind):
        try:
            column = replace(column, cells=column.cells.cast(pa.string()))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            column.refuse(0, f"is of the type {kind} and no time; name another column")
    text = replace(column, cells=pc.utf8_trim_whitespace(column.cells))
    return _of_form(text, form) if form != "auto" else _of_text(text)


# ------------------------------------------------------------------------------------------ text


def _of_text(column: _Column) -> Times:
    try:
        return _whole(column.cells.cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid:
        pass
    if _all_match(column, _WHOLE):
        return _of_long_integers(column)
    if _all_match(column, _DECIMAL):
        return _of_decimals(column)
    if _all_match(column, _NUMBER):
        return _of_exponents(column)
    if not _all_match(column, _ISO):
        _refuse_text(column)
    return _of_iso(column)


def _all_match(column: _Column, pattern: str) -> bool:
    # the first cell alone settles most cases
    if len(column.cells) and not re.match(pattern, column.cells[0].as_py()):
        return False
    return bool(pc.all(pc.match_substring_regex(column.cells, pattern)).as_py())


def _whole(values: NDArray[np.int64]) -> Times:
    return Times(keys=(values,), unit="", form="whole numbers")


def _of_long_integers(column: _Column) -> Times:
    numbers = [int(text) for text in column.cells.to_pylist()]
    low, high = min(numbers), max(numbers)
    if high - low >= 2**63:
        at = numbers.index(max(numbers, key=abs))
        column.refuse(at, f"is too far from the others ({low} to {high}); is it a time?")
    if low >= -(2**63) and high < 2**63:  # written with a plus sign
        return _whole(np.array(numbers, dtype=np.int64))
    values = np.array([number - low for number in numbers], dtype=np.int64)
    return replace(_whole(values), origin=low)


def _of_decimals(column: _Column) -> Times:
    """Decimals as whole numbers of their last digit, so that none is rounded."""
    cells = column.cells
    _refuse_rounded(column)
    plain = pc.replace_substring_regex(cells, r"^\+", "")
    fraction = pc.replace_substring_regex(plain, r"^[^.]*\.?", "")
    fraction = pc.replace_substring_regex(fraction, "0+$", "")
    digits = pc.max(pc.utf8_length(fraction)).as_py()
    whole = pc.replace_substring_regex(plain, r"\..*$", "")
    scaled = pc.binary_join_element_wise(
        whole, pc.utf8_rpad(fraction, width=digits, padding="0"), ""
    )
    try:
        values = scaled.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return _as_floats(column)
    form = "decimals" if digits else "whole numbers"
    return Times(keys=(values,), unit="", form=form, scale=10**digits)


def _refuse_rounded(column: _Column) -> None:
    """Decimals past 2**53 were floats once, which are further apart than 1 there."""
    digits = pc.utf8_length(pc.replace_substring_regex(column.cells, r"^[+-]|\..*$", ""))
    pointed = pc.match_substring(column.cells, ".")
    for at in np.flatnonzero(pc.and_(pointed, pc.greater(digits, 15)).to_numpy()):
        if abs(int(float(column.cells[int(at)].as_py()))) >= _EXACT_IN_FLOAT:
            column.refuse(int(at), _LOST_ORDER)


def _of_exponents(column: _Column) -> Times:
    from decimal import Decimal

    numbers = [Decimal(text) for text in column.cells.to_pylist()]
    for at, number in enumerate(numbers):
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent > 0:
            column.refuse(at, _LOST_ORDER)
    texts = pa.chunked_array([[f"{number:f}" for number in numbers]], type=pa.string())
    return _of_text(replace(column, cells=texts))


_LOST_ORDER = (
    "is a float that was rounded: events near it have lost their order; write times as whole "
    "numbers with all their digits"
)


def _as_floats(column: _Column) -> Times:
    values = column.cells.cast(pa.float64()).to_numpy()
    if len(np.unique(values)) < pc.count_distinct(column.cells).as_py():
        _, index, counts = np.unique(values, return_index=True, return_counts=True)
        column.refuse(int(index[np.argmax(counts > 1)]), _LOST_ORDER)
    return Times(keys=(values,), unit="", form="decimals")


def _of_floats(column: _Column) -> Times:
    """A column of floats, as tables in Parquet have them."""
    values = column.cells.cast(pa.float64()).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        column.refuse(int(wrong[0]), "is not a finite number")
    large = np.flatnonzero(np.abs(values) >= _EXACT_IN_FLOAT)
    if len(large) or (column.cells.type != pa.float64() and np.abs(values).max(initial=0) >= 2**24):
        column.refuse(int(large[0]) if len(large) else 0, _LOST_ORDER)
    if np.array_equal(values, np.floor(values)):
        return _whole(values.astype(np.int64))
    return Times(keys=(values,), unit="", form="decimals")


# ----------------------------------------------------------------------------- dates and clocks


def _of_iso(column: _Column) -> Times:
    cells = pc.replace_substring_regex(column.cells, r" ?(UTC|GMT)$", "Z")
    cells = pc.replace_substring(pc.replace_substring_regex(cells, r" ([Z+-])", r"\1"), ",", ".")
    zoned = pc.match_substring_regex(cells, _ZONE).to_numpy()
    if zoned.any() and not zoned.all():
        at = int(np.argmax(zoned != zoned[0]))
        column.refuse(
            at,
            ("has a time zone" if zoned[at] else "has no time zone")
            + f", unlike {column.place(0)}; write all times in one way",
        )
    for unit in ("us", "ns"):
        try:
            stamps = cells.cast(pa.timestamp(unit, tz="UTC" if zoned.any() else None))
        except pa.ArrowInvalid:
            continue
        only_dates = bool(pc.all(pc.equal(pc.utf8_length(cells), 10)).as_py())
        return replace(_of_timestamps(stamps), form="dates" if only_dates else "ISO 8601")
    wrong = next((at for at, text in enumerate(cells.to_pylist()) if not _exists(text)), None)
    if wrong is not None:
        column.refuse(wrong, "is no date that exists; write it as ISO 8601")
    return column.refuse(
        0, "or another cell there is too far from today to be kept to its last digit"
    )


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def _of_timestamps(stamps: pa.ChunkedArray) -> Times:
    kind = stamps.type
    if pa.types.is_date(kind):
        stamps = stamps.cast(pa.timestamp("ms"))
    values = stamps.cast(pa.int64()).to_numpy()
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[stamps.type.unit]
    form = "dates" if pa.types.is_date(kind) else "timestamps"
    return Times(keys=(values,), unit=_UNIT_NAMES[per_second], form=form)


def _of_form(column: _Column, form: str) -> Times:
    """Times in a form of the user's, each different text parsed once."""
    encoded = column.cells.dictionary_encode().unify_dictionaries()
    texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    micros = np.empty(len(texts), dtype=np.int64)
    for at, text in enumerate(texts):
        moment = _moment(text, form)
        if moment is None:
            row = pc.index(column.cells, text).as_py()
            column.refuse(row, f"is not of the form '{form}' that times names")
        micros[at] = moment
    codes = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    values = micros[np.concatenate(codes)] if codes else micros
    return Times(keys=(values,), unit="microseconds since 1970", form=form)


def _moment(text: str, form: str) -> int | None:
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds


def _refuse_text(column: _Column) -> NoReturn:
    """Name the first cell that is no time; where all are in a form that is known, name it."""
    texts = pc.unique(column.cells).to_pylist()
    forms = [form for form in _FORMS if all(_moment(text, form) is not None for text in texts)]
    if len(forms) == 1:
        column.refuse(0, f'is a time in a form of its own; pass times = "{forms[0]}"')
    if forms:
        column.refuse(
            0,
            f"is a date of which the file does not say what is the day and what the month "
            f"({' or '.join(forms)}); write dates as ISO 8601 (2009-05-04), or pass the form that "
            "you know to be the file's as times",
        )
    is_number: Callable[[str], bool] = lambda text: bool(re.match(_NUMBER, text))  # noqa: E731
    expected = is_number if is_number(texts[0]) else lambda text: bool(re.match(_ISO, text))
    wrong = next((text for text in texts if not expected(text)), texts[0])
    row = pc.index(column.cells, wrong).as_py()
    kind = "a finite number like those above it" if is_number(texts[0]) else "a time"
    column.refuse(
        row,
        f"is not {kind}; times are whole numbers, decimals, or ISO 8601 (2009-05-04T23:00:57Z)",
    )
