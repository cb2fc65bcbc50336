"""The compiled loops behind ranks: counting, without a sort."""

import numba
import numpy as np
from numpy.typing import NDArray

from loki_bench.compiled_cache import name_files_by_content

__all__ = ["count_ranks", "count_tile", "count_tile_ranks", "distinct_rows", "score_bounds"]

name_files_by_content()


# A function of its own, and counts of 32 bits: so the loop is compiled to vector instructions that
# take eight scores at a time, in half the time of counts of 64 bits.
@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba has no types
def _counts(scores: NDArray[np.float32], score: float) -> tuple[int, int, int]:
    """How many scores lie above ``score``, how many are equal to it, and how many are finite."""
    above, level, finite = np.int32(0), np.int32(0), np.int32(0)
    for item in range(len(scores)):
        other = scores[item]
        above = np.int32(above + np.int32(other > score))
        level = np.int32(level + np.int32(other == score))
        finite = np.int32(finite + np.int32(other - other == 0))  # infinity less itself is NaN
    return int(above), int(level), int(finite)


# A user has tens of items: `np.sort` would be compiled from its source, which takes a second.
@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _ascending(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """The values in ascending order (Shell's sort, with a third of the gap at a time)."""
    found = values.copy()
    gap = 1
    while gap < len(found) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, len(found)):
            value = found[place]
            hole = place
            while hole >= gap and found[hole - gap] > value:
                found[hole] = found[hole - gap]
                hole -= gap
            found[hole] = value
        gap //= 3
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_ranks(
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    own_items: NDArray[np.int32],
    items: NDArray[np.int32],
) -> tuple[NDArray[np.float64], bool]:
    """Rank ``items[row]`` within ``scores[row]`` without the row's own items.

    Parameters
    ----------
    scores : float array of shape (n, n_items)
        ``n_items`` below 2**31.
    offsets : int64 array of shape (n + 1,)
    own_items : int array
        ``own_items[offsets[row]:offsets[row + 1]]`` are left out; an item may be repeated.
    items : int array of shape (n, m)

    Returns
    -------
    (ranks, finite)
        A float64 array of shape (n, m), NaN where the item is one of the row's own; and whether all
        scores are finite: without that the ranks mean nothing.
    """
    ranks = np.empty(items.shape, dtype=np.float64)
    all_finite = True
    for row in range(items.shape[0]):
        own = _ascending(own_items[offsets[row] : offsets[row + 1]])
        if items.shape[1] == 0:
            all_finite &= _counts(scores[row], scores[row, 0])[2] == scores.shape[1]
        for column in range(items.shape[1]):
            item = items[row, column]
            score = scores[row, item]
            above, level, finite = _counts(scores[row], score)
            all_finite &= finite == scores.shape[1]
            is_own = False
            for place in range(len(own)):
                other = own[place]
                if place and other == own[place - 1]:
                    continue
                is_own |= other == item
                above -= scores[row, other] > score
                level -= scores[row, other] == score
            ranks[row, column] = np.nan if is_own else 1 + above + (level - 1) / 2
    return ranks, all_finite


_ROUNDING = 2.0**-24
"""Relative error of one operation in float32."""


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def score_bounds(
    queries: NDArray[np.float32], factors: NDArray[np.float32], items: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """What a score must exceed, or stay below, to be above or below a held-out item's for sure.

    An inner product of d numbers in float32 is off by at most ``e = d u / (1 - d u)`` times the
    lengths of the two vectors, ``u = 2**-24``, in whatever order it is added up (Higham, Accuracy
    and Stability of Numerical Algorithms, 2002, section 3.1). Two computations of one score differ
    by 2 e at most, and the held-out item's own is off by e: the margin is 3 e.

    Parameters
    ----------
    queries : float32 array of shape (n, d)
    factors : float32 array of shape (n_items, d)
    items : int32 array of shape (n,)
        The held-out items.

    Returns
    -------
    (low, high, finite)
        Two float32 arrays of shape (n,), and whether no product can overflow: otherwise the bounds
        mean nothing.
    """
    d = queries.shape[1]
    longest = 0.0
    for item in range(len(factors)):
        square = 0.0
        for k in range(d):
            square += np.float64(factors[item, k]) * np.float64(factors[item, k])
        if not square <= longest:  # NaN stays
            longest = square
    error = 3.03 * d * _ROUNDING / (1 - d * _ROUNDING) * np.sqrt(longest)
    low, high = np.empty(len(items), np.float32), np.empty(len(items), np.float32)
    finite = True
    for row in range(len(items)):
        score, square = 0.0, 0.0
        for k in range(d):
            number = np.float64(queries[row, k])
            score += number * np.float64(factors[items[row], k])
            square += number * number
        finite &= square * longest < 1e75  # scores below 4e37: float32 ends at 3e38
        # 1e-37: products that underflow; 1.2e-7: the bounds' own rounding to float32
        margin = error * np.sqrt(square) + 1e-37 + 1.2e-7 * abs(score)
        low[row], high[row] = score - margin, score + margin
    return low, high, finite


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _beyond(scores: NDArray[np.float32], low: float, high: float) -> tuple[int, int]:
    """How many scores lie above ``high``, and how many are not below ``low``."""
    above, level = np.int32(0), np.int32(0)
    for place in range(len(scores)):
        above = np.int32(above + np.int32(scores[place] > high))
        level = np.int32(level + np.int32(scores[place] >= low))
    return int(above), int(level)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_tile(
    scores: NDArray[np.float32],
    rows: NDArray[np.int64],
    start: int,
    own_offsets: NDArray[np.int64],
    own_places: NDArray[np.int32],
    places: NDArray[np.int32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    above: NDArray[np.int32],
    near: NDArray[np.int32],
) -> None:
    """Count, for some users, the items of a tile above the held-out one, and those near it.

    Parameters
    ----------
    scores : float32 array of shape (len(rows), width)
        Of the items at the places from ``start`` on, for the users ``rows``.
    rows : int64 array
        Users: places in the arrays that follow.
    own_offsets, own_places : int64 array of shape (n + 1,), int32 array
        Places of each user's own items, ascending, without repeats: they do not count.
    places : int32 array of shape (n,)
        Place of each held-out item, none of the user's own; it does not count.
    low, high : float32 arrays of shape (n,)
        See :func:`score_bounds`.
    above, near : int32 arrays of shape (n,)
        Counts so far, added to in place: scores above ``high``, and from ``low`` to ``high``.
    """
    end = start + scores.shape[1]
    for at in range(len(rows)):
        row = rows[at]
        more, level = _beyond(scores[at], low[row], high[row])
        for own in range(own_offsets[row], own_offsets[row + 1]):
            place = own_places[own]
            if start <= place < end:
                more -= scores[at, place - start] > high[row]
                level -= scores[at, place - start] >= low[row]
        if start <= places[row] < end:
            more -= scores[at, places[row] - start] > high[row]
            level -= scores[at, places[row] - start] >= low[row]
        above[row] += more
        near[row] += level - more


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def distinct_rows(
    offsets: NDArray[np.int64], values: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Each row's values in ascending order and without repeats: offsets and values."""
    ends = np.zeros(len(offsets), np.int64)
    kept = np.empty(len(values), np.int32)
    n = 0
    for row in range(len(offsets) - 1):
        for value in _ascending(values[offsets[row] : offsets[row + 1]]):
            if n == ends[row] or kept[n - 1] != value:
                kept[n] = value
                n += 1
        ends[row + 1] = n
    return ends, kept[:n]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_tile_ranks(
    tile: NDArray[np.float32],
    first_row: int,
    begin: int,
    own_offsets: NDArray[np.int64],
    own_items: NDArray[np.int32],
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    above: NDArray[np.int32],
    level: NDArray[np.int32],
    is_own: NDArray[np.bool_],
) -> None:
    """Count what a tile of scores has above and level with the items to rank, for its users.

    Parameters
    ----------
    tile : float32 array of shape (height, width)
        Of the users from ``first_row`` on and the items from ``begin`` on; rows beyond the last
        user are not read.
    own_offsets, own_items : int64 array of shape (n + 1,), int32 array
        Each user's own items, ascending, without repeats: they do not count.
    items, scores : int32 and float32 arrays of shape (n, m)
        The items to rank and their scores.
    above, level : int32 arrays of shape (n, m)
        Counts so far, added to in place; an item is level with itself.
    is_own : bool array of shape (n, m)
        Set where the item is one of the user's own.
    """
    end = begin + tile.shape[1]
    for row in range(first_row, min(first_row + len(tile), len(items))):
        line = tile[row - first_row]
        for column in range(items.shape[1]):
            score = scores[row, column]
            more, as_high = _beyond(line, score, score)
            for place in range(own_offsets[row], own_offsets[row + 1]):
                other = own_items[place]
                if begin <= other < end:
                    more -= line[other - begin] > score
                    as_high -= line[other - begin] >= score
                    is_own[row, column] |= other == items[row, column]
            above[row, column] += more
            level[row, column] += as_high - more
