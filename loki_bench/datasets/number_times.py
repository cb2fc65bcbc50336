"""Times that are numbers: whole ones of any length, decimals, and floats that kept their order."""

from dataclasses import replace
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loki_bench.datasets.arrow_arrays import as_numpy, exact_below, of_texts, one_value
from loki_bench.datasets.times import TimeColumn, Times, whole_times

__all__ = ["of_decimals", "of_exponents", "of_floats", "of_long_integers"]

_MOST_DIGITS = 308
"""Behind the point of a decimal: a float can still divide by ten to that power."""


def of_long_integers(column: TimeColumn) -> Times:
    """Whole numbers past 64 bits, less the smallest of them."""
    numbers = [_whole(column, at, text) for at, text in enumerate(column.cells.to_pylist())]
    low, high = min(numbers), max(numbers)
    if high - low >= 2**63:
        at = numbers.index(max(numbers, key=abs))
        column.refuse(at, f"is too far from the others ({low} to {high}); is it a time?")
    if low >= -(2**63) and high < 2**63:  # written with a plus sign
        return whole_times(np.array(numbers, dtype=np.int64))
    values = np.array([number - low for number in numbers], dtype=np.int64)
    return replace(whole_times(values), origin=low)


def _whole(column: TimeColumn, at: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return column.refuse(at, f"has {len(text)} digits; is it a time?")


def of_decimals(column: TimeColumn) -> Times:
    """Decimals as whole numbers of their last digit, so that none is rounded."""
    cells = column.cells
    _refuse_rounded(column)
    plain = pc.replace_substring_regex(cells, r"^\+", "")
    fraction = pc.replace_substring_regex(plain, r"^[^.]*\.?", "")
    fraction = pc.replace_substring_regex(fraction, "0+$", "")
    lengths = as_numpy(pc.utf8_length(fraction), np.int32)
    digits = int(lengths.max())
    if digits > _MOST_DIGITS:
        column.refuse(int(lengths.argmax()), f"has {digits} digits behind its point; is it a time?")
    whole = pc.replace_substring_regex(plain, r"\..*$", "")
    fraction = pc.utf8_rpad(fraction, width=digits, padding="0")
    scaled = pc.binary_join_element_wise(whole, fraction, one_value(""))
    try:
        values = as_numpy(scaled.cast(pa.int64()), np.int64)
    except pa.ArrowInvalid:
        return _as_floats(column)
    form = "decimals" if digits else "whole numbers"
    return Times(keys=(values,), unit="", form=form, scale=10**digits)


def _refuse_rounded(column: TimeColumn) -> None:
    """Decimals past 2**53 were floats once, which are further apart than 1 there."""
    digits = pc.utf8_length(pc.replace_substring_regex(column.cells, r"^[+-]|\..*$", ""))
    pointed = pc.match_substring(column.cells, ".")
    unsure = pc.and_(pointed, pc.greater(digits, one_value(np.int32(15))))
    for at in np.flatnonzero(as_numpy(unsure, np.bool_)):
        if abs(float(column.cells[int(at)].as_py())) >= exact_below(64):
            column.refuse(int(at), _LOST_ORDER)


def of_exponents(column: TimeColumn) -> Times:
    """Numbers like ``9.78302101E8``; refused where digits are missing."""
    numbers = [_decimal(column, at, text) for at, text in enumerate(column.cells.to_pylist())]
    for at, number in enumerate(numbers):
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and exponent > 0:
            column.refuse(at, _LOST_ORDER)
        if number.adjusted() < -_MOST_DIGITS:  # as a decimal it may fill the memory
            column.refuse(at, "is too close to 0; is it a time?")
    texts = pa.chunked_array([of_texts(f"{number:f}" for number in numbers)])
    return of_decimals(replace(column, cells=texts))


def _decimal(column: TimeColumn, at: int, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return column.refuse(at, "has an exponent that is too large; is it a time?")


_LOST_ORDER = (
    "is a float that was rounded: events near it have lost their order; write times as whole "
    "numbers with all their digits"
)


def _as_floats(column: TimeColumn) -> Times:
    values = as_numpy(column.cells.cast(pa.float64()), np.float64)
    if not np.isfinite(values).all():
        column.refuse(int(np.argmin(np.isfinite(values))), "is too large; is it a time?")
    if len(np.unique(values)) < pc.count_distinct(column.cells).as_py():
        _, index, counts = np.unique(values, return_index=True, return_counts=True)
        column.refuse(int(index[np.argmax(counts > 1)]), _LOST_ORDER)
    return Times(keys=(values,), unit="", form="decimals")


def of_floats(column: TimeColumn) -> Times:
    """A column of floats, as tables in Parquet have them."""
    values = as_numpy(column.cells.cast(pa.float64()), np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        column.refuse(int(wrong[0]), "is not a finite number")
    large = np.flatnonzero(np.abs(values) >= exact_below(column.cells.type.bit_width))
    if len(large):
        column.refuse(int(large[0]), _LOST_ORDER)
    if np.array_equal(values, np.floor(values)):
        return whole_times(values.astype(np.int64))
    return Times(keys=(values,), unit="", form="decimals")
