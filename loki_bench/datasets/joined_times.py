"""Join the times of several files to one, or refuse where their order would be lost."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from loki_bench.datasets.arrow_arrays import exact_below
from loki_bench.datasets.time_units import PER_SECOND, one_unit
from loki_bench.datasets.times import TimeArray, Times
from loki_bench.errors import DatasetError

__all__ = ["joined_times"]

_NUMBERS = ("whole numbers", "decimals")

_EXACT_POWER = 10**22
"""The largest power of ten that a float holds exactly."""


def joined_times(parts: Sequence[Times], *, source: str) -> Times:
    """The times of several files as one, in one unit; see :func:`one_unit` for warnings.

    Raises
    ------
    DatasetError
        Some files have numbers and others dates, some have a time zone and others none, or the
        order of their events can't be kept.
    """
    first = parts[0]
    coarse, unit, scale = _column(parts, source)
    finer = tuple(
        _column(column, source)[0] for column in zip(*(t.finer for t in parts), strict=True)
    )
    if first.form not in _NUMBERS:
        return replace(first, keys=(coarse, *finer), unit=unit)
    values, unit, notes = one_unit(coarse, scale=scale, origin=first.origin)
    alike = scale == first.scale and values.dtype == first.keys[0].dtype
    form = first.form if alike else "decimals"
    return replace(first, keys=(values, *finer), unit=unit, scale=scale, form=form, notes=notes)


def _column(parts: Sequence[Times], source: str) -> tuple[TimeArray, str, int]:
    """One column of times of all files, its unit and its scale."""
    first = parts[0]
    numbers = [times.form in _NUMBERS for times in parts]
    if any(numbers) != all(numbers) or len({times.origin for times in parts}) > 1:
        raise DatasetError(
            f"{source}: the times of its files can't be compared "
            f"({', '.join(times.form for times in parts)}); write them in one way"
        )
    zoned = [times.zoned for times in parts]
    if any(zoned) != all(zoned):
        raise DatasetError(
            f"{source}: the times of file {zoned.index(True) + 1} have a time zone, and those of "
            f"file {zoned.index(False) + 1} have none; write all times in one way"
        )
    if len(parts) == 1:
        return first.keys[0], first.unit, first.scale
    if numbers[0]:
        values, scale = _one_scale(parts, source)
        return values, "", scale
    values, unit = _finest(parts, source)
    return values, unit, first.scale


def _finest(parts: Sequence[Times], source: str) -> tuple[TimeArray, str]:
    """Dates in the finest of their units, and its name."""
    finest = max((times.unit for times in parts), key=PER_SECOND.__getitem__)
    factors = [PER_SECOND[finest] // PER_SECOND[times.unit] for times in parts]
    for number, (times, factor) in enumerate(zip(parts, factors, strict=True), start=1):
        if not _all_fit([times], [factor], below=2**63):
            raise DatasetError(
                f"{source}: one of its files has times in {finest}, and some of file {number} are "
                "too far from 1970 to be counted in them; write the times of all files to the "
                "microsecond at most, or correct those that are so far away"
            )
    return _concatenated(parts, factors), finest


def _one_scale(parts: Sequence[Times], source: str) -> tuple[TimeArray, int]:
    """Numbers as whole numbers of the last digit of any file; as floats where 64 bits are short."""
    scale = max(times.scale for times in parts)
    factors = [scale // times.scale for times in parts]
    if _all_fit(parts, factors, below=2**63):
        joined = _concatenated(parts, factors)
        if (
            joined.dtype.kind == "i"
            or _all_fit(parts, factors, below=exact_below(64))
            or _are_told_apart(parts, _parts_of(joined, parts))
        ):
            return joined, scale
    elif all(map(_is_rounded_once, parts)):
        floats = [times.keys[0] / float(times.scale) for times in parts]
        if _are_told_apart(parts, floats):
            return np.concatenate(floats), 1
    raise DatasetError(
        f"{source}: the times of its files have too many digits to be compared "
        f"({', '.join(times.form for times in parts)}): some events would lose their order; "
        "write all of them as whole numbers of one unit"
    )


def _is_rounded_once(times: Times) -> bool:
    """Whether a key over its scale is the nearest float, so that no two change places."""
    key = times.keys[0]
    if key.dtype.kind == "f" or times.scale == 1:
        return True
    return _largest(key) <= exact_below(64) and times.scale <= _EXACT_POWER


def _are_told_apart(parts: Sequence[Times], floats: Sequence[TimeArray]) -> bool:
    """Whether no two different times are one float, as which the times of some file are known."""
    exact: dict[float, Fraction] = {}
    rounded: set[float] = set()
    for times, values in zip(parts, floats, strict=True):
        key = times.keys[0]
        if key.dtype.kind == "f":
            rounded |= set(values[np.abs(key) >= exact_below(64)].tolist())
        else:
            distinct, at = np.unique(key, return_index=True)
            for number, value in zip(distinct.tolist(), values[at].tolist(), strict=True):
                time = Fraction(number, times.scale)
                if exact.setdefault(value, time) != time:
                    return False
    return rounded.isdisjoint(exact)


def _parts_of(joined: TimeArray, parts: Sequence[Times]) -> Sequence[TimeArray]:
    """What one array for all files holds of each."""
    ends = np.cumsum([len(times) for times in parts])
    return [joined[end - len(times) : end] for end, times in zip(ends, parts, strict=True)]


def _all_fit(parts: Sequence[Times], factors: Sequence[int], *, below: int) -> bool:
    """Whether the factors, and whole numbers times theirs, are below."""
    return all(
        factor < below
        and (times.keys[0].dtype.kind == "f" or _largest(times.keys[0]) * factor < below)
        for times, factor in zip(parts, factors, strict=True)
    )


def _largest(key: TimeArray) -> int:
    """The largest distance from 0, as a number of Python, which is never too large."""
    return max(-int(key.min()), int(key.max()))


def _concatenated(parts: Sequence[Times], factors: Sequence[int]) -> TimeArray:
    joined: TimeArray = np.concatenate(
        [times.keys[0] * factor for times, factor in zip(parts, factors, strict=True)]
    )
    return joined
