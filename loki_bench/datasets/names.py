"""Names of users and items: numbered, and refused where two of them are rather one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.arrow_arrays import as_numpy, exact_below, of_numpy, of_texts, one_value
from loki_bench.datasets.event_table import Place
from loki_bench.errors import DatasetError
from loki_bench.interactions import event_counts

__all__ = [
    "MISSING",
    "Names",
    "as_text",
    "check_spelling",
    "missing_rows",
    "names_of",
    "refuse_lists",
    "with_one_dictionary",
]

MISSING = ("", "nan", "null", r"\n")
"""Cells that say that there is no id, in small letters: they are never names."""

_PARTS = re.compile(r"[\s,;|]+")

_AS_THEY_ARE = (
    pa.types.is_null,
    pa.types.is_integer,
    pa.types.is_large_string,
    pa.types.is_string_view,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Names:
    """A column of names as numbers.

    Attributes
    ----------
    names : pyarrow StringArray of length n_names
        All different; sorted by length, then by text, so whole numbers come as numbers do.
    numbers : int32 array of shape (n_events,)
        Place of each event's name in ``names``.
    """

    names: pa.StringArray
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, tokens: Sequence[str]) -> "Names":
        """Number a sequence of names."""
        return names_of(pa.chunked_array([of_texts(tokens)]))

    def __len__(self) -> int:
        return len(self.names)

    def first_event(self, number: int) -> int:
        """The first event that has the name with this number."""
        return int(np.argmax(self.numbers == number))


def as_text(column: pa.ChunkedArray, *, path: Path, parameter: str) -> pa.ChunkedArray:
    """A column of names as dictionaries of strings.

    Whole numbers become their digits. Floats that are whole numbers, which a table with gaps makes
    of them, do too, as far as floats are exact.

    Raises
    ------
    DatasetError
        The column holds lists, truth values, times, or floats that are no whole numbers.
    """
    if pa.types.is_dictionary(column.type):
        if pa.types.is_string(column.type.value_type) and column.type.index_type == pa.int32():
            return with_one_dictionary(column)
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_floating(kind):
        column = _whole_floats(column, path, parameter)
    elif any(is_kind(kind) for is_kind in _AS_THEY_ARE):
        column = column.cast(pa.string())
    elif not pa.types.is_string(kind):
        raise DatasetError(
            f"{path}: the column that {parameter} names holds values of the type {kind} and no "
            "names or whole numbers; name another one"
        )
    return with_one_dictionary(column.dictionary_encode())


def with_one_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with the same dictionary in all chunks; as it is where it has that already.

    Arrow would look up each chunk's dictionary anew: two million users in a hundred chunks are two
    hundred million names.
    """
    places = {_place_of(chunk.dictionary) for chunk in column.chunks}
    return column.unify_dictionaries() if len(places) > 1 else column


def _place_of(array: pa.Array) -> tuple[int, ...]:
    """Where an array lies in memory: the same for no other one."""
    addresses = [0 if buffer is None else buffer.address for buffer in array.buffers()]
    return (array.offset, len(array), *addresses)


def missing_rows(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """True where a column that :func:`as_text` gave has no id, of shape (n_rows,)."""
    found = [np.zeros(0, dtype=bool)]
    known: dict[tuple[int, ...], NDArray[np.bool_]] = {}
    for chunk in column.chunks:
        place = _place_of(chunk.dictionary)
        if place not in known:
            lower = pc.utf8_lower(pc.utf8_trim_whitespace(chunk.dictionary))
            known[place] = as_numpy(pc.is_in(lower, value_set=of_texts(MISSING)), np.bool_)
        is_missing = known[place]
        if not is_missing.any() and not chunk.null_count:
            found.append(np.zeros(len(chunk), dtype=bool))
            continue
        codes = as_numpy(pc.fill_null(chunk.indices, one_value(np.int32(-1))), np.int32)
        # a chunk of nulls alone has no dictionary to look into
        found.append(np.append(is_missing, True)[codes])
    return np.concatenate(found)


def names_of(column: pa.ChunkedArray) -> Names:
    """Number the names of a column of strings, or of dictionaries of strings; none is null."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = with_one_dictionary(column)
    if not column.num_chunks:
        return Names(names=of_texts([]), numbers=np.empty(0, dtype=np.int32))
    dictionary = column.chunk(0).dictionary
    codes = np.empty(len(column), dtype=np.int32)
    at = 0
    for chunk in column.chunks:
        codes[at : at + len(chunk)] = as_numpy(chunk.indices, np.int32)
        at += len(chunk)
    used = event_counts(codes, len(dictionary)) > 0
    table = pa.table(
        {"length": pc.utf8_length(dictionary), "name": dictionary, "used": of_numpy(~used)}
    )
    by = [("used", "ascending"), ("length", "ascending"), ("name", "ascending")]
    order = as_numpy(pc.sort_indices(table, sort_keys=by), np.uint64)
    place = np.empty(len(dictionary), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    np.take(place, codes, out=codes, mode="clip")  # "raise" would copy
    return Names(names=dictionary.take(of_numpy(order[: used.sum()])), numbers=codes)


def check_spelling(names: Names, what: str, *, path: Path, place: Place) -> None:
    """Raise ``DatasetError`` where two names differ only in blanks around them, or in ``.0``."""
    for other, difference, advice in (
        (pc.utf8_trim_whitespace(names.names), "blanks around it", "take the blanks out"),
        (
            pc.replace_substring_regex(names.names, r"^(\d+)\.0+$", r"\1"),
            "the '.0' that a table with gaps puts behind whole numbers",
            "write whole numbers without it",
        ),
    ):
        if pc.count_distinct(other).as_py() == len(names):
            continue
        first: dict[str, int] = {}
        for number, plain in enumerate(other.to_pylist()):
            twin = first.setdefault(plain, number)
            if twin != number:
                one, two = sorted(names.first_event(n) for n in (twin, number))
                names_here = [names.names[int(names.numbers[e])].as_py() for e in (one, two)]
                raise DatasetError(
                    f"{path}, {place(two)}: {what} '{names_here[1]}' differs from "
                    f"'{names_here[0]}' of {place(one)} only in {difference}; {advice}, so that "
                    f"each {what} has one name"
                )


def refuse_lists(users: Names, items: Names, *, path: Path, place: Place) -> None:
    """Raise ``DatasetError`` where each user has one row, and its item is a list of items."""
    n_rows = len(items.numbers)
    if n_rows < 2 or len(users) < n_rows:
        return
    parts = [_PARTS.split(name.strip("[](){} ")) for name in items.names.to_pylist()]
    if min(map(len, parts)) < 2 or max(map(len, parts)) < 3:
        return
    once = set(parts[0])
    if not any(once & set(other) for other in parts[1:]) and not all(
        part.strip("'\"").isdecimal() for row in parts for part in row
    ):
        return  # words of titles
    first = items.names[int(items.numbers[0])].as_py()
    raise DatasetError(
        f"{path}, {place(0)}: the item '{first[:60]}' looks like a list of items, and each user "
        "has one row: write a user a line without brackets, 'user item item ...', the names "
        'separated by blanks, and pass format = "sequences"'
    )


def _whole_floats(column: pa.ChunkedArray, path: Path, parameter: str) -> pa.ChunkedArray:
    kind = column.type
    column = column.cast(pa.float64())  # half floats can't be rounded
    nan_is_missing = pc.if_else(pc.is_nan(column), pa.nulls(1, column.type)[0], column)
    rounded = pc.round(nan_is_missing)
    small = pc.less(pc.abs(rounded), one_value(np.float64(exact_below(kind.bit_width))))
    exact = pc.and_(pc.equal(rounded, nan_is_missing), small)
    if not pc.all(exact).as_py():
        raise DatasetError(
            f"{path}: the column that {parameter} names holds floats ({kind}), and some "
            "are no whole numbers that a float keeps exactly; write ids as text or whole numbers"
        )
    return rounded.cast(pa.int64()).cast(pa.string())
