"""The unit of times that are numbers, and files that mix two of them."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["PER_SECOND", "one_unit", "unit_of"]

PER_SECOND = {
    "seconds since 1970": 1,
    "milliseconds since 1970": 10**3,
    "microseconds since 1970": 10**6,
    "nanoseconds since 1970": 10**9,
}
_FIRST, _LAST = 631_152_000, 4_102_444_800  # the years 1990 to 2100, in seconds
_FAR = 500


def one_unit(
    values: NDArray[np.int64] | NDArray[np.float64], *, scale: int, origin: int
) -> tuple[NDArray[np.int64] | NDArray[np.float64], str, tuple[str, ...]]:
    """The values in one unit, its name, and warnings.

    The ranges that stand for the years 1990 to 2100 in seconds, milliseconds, microseconds and
    nanoseconds don't overlap. Where each value is in one of them, but not all in the same, two
    files of different units were put together: all are brought to the finest one, and the warning
    says so. Where only some values are in them, the others can't be told from wrong ones.

    Parameters
    ----------
    values : int64 or float64 array of shape (n_events,)
        The file's numbers, times ``scale``, less ``origin``.

    Returns
    -------
    values, unit, notes : array, str, tuple of str
        The unit is "" where the numbers are none of the four.
    """
    if not len(values) or origin:
        return values, "", ()
    low, high = values.min() / scale, values.max() / scale
    if unit_of(low) and unit_of(low) == unit_of(high):
        return values, unit_of(low), ()
    if not unit_of(high):
        return values, "", _far_apart(low, high)
    counts = {
        name: int(np.count_nonzero(_inside(values, scale, per_second)))
        for name, per_second in PER_SECOND.items()
    }
    used = {name: count for name, count in counts.items() if count}
    if sum(used.values()) < len(values):
        return values, "", _far_apart(low, high)
    finest = max(used, key=PER_SECOND.__getitem__)
    converted = values.copy()
    for name in used:
        if name != finest:
            factor = PER_SECOND[finest] // PER_SECOND[name]
            here = _inside(values, scale, PER_SECOND[name])
            if values.dtype.kind == "i" and int(values[here].max()) * factor >= 2**63:
                return values, "", _far_apart(low, high)
            converted[here] *= factor
    shown = ", ".join(f"{count} in {name}" for name, count in used.items())
    return (
        converted,
        finest,
        (f"the file mixes units of time ({shown}): all were brought to {finest}",),
    )


def unit_of(value: float) -> str:
    """The unit in which a number stands for a time from 1990 to 2100, or "" where there is none."""
    for name, per_second in PER_SECOND.items():
        if _FIRST * per_second <= value < _LAST * per_second:
            return name
    return ""


def _inside(
    values: NDArray[np.int64] | NDArray[np.float64], scale: int, per_second: int
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (values >= _FIRST * per_second * scale) & (
        values < _LAST * per_second * scale
    )
    return inside


def _far_apart(low: float, high: float) -> tuple[str, ...]:
    """A warning where some times are dates, and others hundreds of times smaller or larger."""
    if not (unit_of(low) or unit_of(high)) or (low > 0 and low * _FAR > high):
        return ()
    return (
        f"times go from {low:.0f} to {high:.0f}: some are far from the others; they may be "
        "missing, or in another unit",
    )
