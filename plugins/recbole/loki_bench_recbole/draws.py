"""Random draws that are functions of a seed and a counter: sample orders and negative items.

Each draw is a hash of (key, counter), Steele et al.'s SplitMix64 (OOPSLA 2014, Fig. 16), so it
needs no state: a compiled loop, a vectorised batch and a test see the same numbers.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.compiling import compiled, compiled_inline

__all__ = [
    "Stream",
    "draw_negatives",
    "draw_negatives_among",
    "epoch_key",
    "shuffled",
    "shuffled_in_blocks",
]


class Stream(IntEnum):
    """What a draw is for; streams of one seed are independent."""

    NEGATIVES = 0
    ORDER = 1
    DROPOUT = 2
    BATCHES = 3
    MASKS = 4
    RARE_NEGATIVES = 5


_SHORT = 32
"""A user's items, up to so many, are counted one by one: no branch that a processor guesses wrong,
and half the time of a binary search."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_S11, _LAST_BIT = np.uint64(11), 2.0**-53


@compiled_inline
def _hash(key: np.uint64, counter: np.uint64) -> np.uint64:
    """The ``counter``-th output of SplitMix64 started at ``key``."""
    z = key + (counter + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@compiled_inline
def _below(bound: int, key: np.uint64, counter: np.uint64) -> int:
    """A whole number in [0, bound), for bound < 2**32.

    Multiply-and-shift of the upper 32 bits; the chance of a value is off by at most 2**-32.
    """
    return int(((_hash(key, counter) >> _S32) * np.uint64(bound)) >> _S32)


@compiled_inline
def _unit(key: np.uint64, counter: np.uint64) -> float:
    """A number in (0, 1], one of 2**53."""
    return (np.float64(_hash(key, counter) >> _S11) + 1.0) * _LAST_BIT


@compiled
def _key(seed: np.uint64, stream: np.uint64, epoch: np.uint64) -> np.uint64:
    return _hash(_hash(seed, stream), epoch)


def epoch_key(seed: int, stream: Stream, epoch: int) -> np.uint64:
    """The key of one stream of draws in one epoch, for ``seed`` in [0, 2**64)."""
    # numba hands an unsigned result back as int, and would take a large int for signed
    return np.uint64(_key(np.uint64(seed), np.uint64(stream), np.uint64(epoch)))


@compiled
def shuffled(n: int, key: np.uint64) -> NDArray[np.int64]:
    """A random order of ``range(n)`` (Fisher and Yates)."""
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = _below(i + 1, key, np.uint64(i))
        order[i], order[j] = order[j], order[i]
    return order


@compiled
def shuffled_in_blocks(n: int, block: int, key: np.uint64) -> NDArray[np.int64]:
    """A random order of ``range(n)`` that stays for a while in one neighbourhood.

    The range is cut into consecutive blocks of nearly one size, at most ``block`` each; the blocks
    come in random order, and each is shuffled. With one block it is ``shuffled(n, key)``.
    """
    n_blocks = max((n + block - 1) // block, 1)
    if n_blocks == 1:
        return shuffled(n, key)
    order = np.empty(n, np.int64)
    filled = 0
    for chosen in shuffled(n_blocks, _hash(key, np.uint64(n))):
        start, end = chosen * n // n_blocks, (chosen + 1) * n // n_blocks
        # place by place: sums of arrays bring in what numba writes of shapes that differ
        for place in shuffled(end - start, _hash(key, np.uint64(n + 1 + chosen))):
            order[filled] = start + place
            filled += 1
    return order


@compiled
def draw_negatives(
    users: NDArray[np.int32],
    offsets: NDArray[np.int64],
    positives: NDArray[np.int32],
    n_items: int,
    key: np.uint64,
) -> NDArray[np.int32]:
    """For each sample an item uniform over those that its user has no event with.

    One draw r in [0, n_items - n_positives) a sample, then the r-th item outside the user's
    positives: no rejection, so the cost does not depend on the catalogue.

    Parameters
    ----------
    users : int32 array of shape (n,)
        Row of ``offsets`` of each sample.
    offsets : int64 array of shape (n_users + 1,)
        Where each user's items begin.
    positives : int32 array
        ``positives[offsets[u]:offsets[u + 1]]`` are the user's items, sorted, without repeats,
        and fewer than ``n_items``.
    n_items : int
        Size of the catalogue, below 2**32.
    key : uint64
        See :func:`epoch_key`.

    Returns
    -------
    int32 array of shape (n,)
    """
    negatives = np.empty(len(users), dtype=np.int32)
    for sample in range(len(users)):
        start, end = offsets[users[sample]], offsets[users[sample] + 1]
        draw = _below(n_items - (end - start), key, np.uint64(sample))
        low, high = start, end  # how many positives lie at or before the draw-th free item?
        if end - start <= _SHORT:
            for place in range(start, end):
                low += np.int64(positives[place] - (place - start) <= draw)
            high = low
        while low < high:
            middle = (low + high) // 2
            if positives[middle] - (middle - start) <= draw:
                low = middle + 1
            else:
                high = middle
        negatives[sample] = draw + (low - start)
    return negatives


@compiled
def draw_negatives_among(
    few: NDArray[np.int32],
    least_free: int,
    users: NDArray[np.int32],
    offsets: NDArray[np.int64],
    positives: NDArray[np.int32],
    n_items: int,
    key: np.uint64,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The samples whose negative is one of a few items, and that negative.

    Each sample has the chances of :func:`draw_negatives`, and the others cost nothing: how many in
    a row draw none of the items is drawn, as if every user had the fewest items to draw from. Where
    a user has more, or the item is its own, the sample is dropped with the chance that is over.

    Parameters
    ----------
    few : int32 array of shape (k,)
        Without repeats, and fewer than ``least_free``; there may be none.
    least_free : int
        The least number of items that a user can draw: the catalogue less its own.
    users, offsets, positives, n_items, key
        As in :func:`draw_negatives`.

    Returns
    -------
    int64 array of shape (m,), ascending, and int32 array of shape (m,)
    """
    n, none = len(users), np.log1p(-len(few) / least_free)
    samples, negatives = np.empty(0, np.int64), np.empty(0, np.int32)
    if len(few) == 0:
        return samples, negatives
    for is_counted in range(2):  # count them, then write them
        found = sample = np.int64(0)
        draw = np.uint64(0)
        while True:
            gap = np.log(_unit(key, draw)) / none
            if gap >= n - sample:
                break
            sample += np.int64(gap)
            item = few[_below(len(few), key, draw + np.uint64(1))]
            start, end = offsets[users[sample]], offsets[users[sample] + 1]
            is_kept = _unit(key, draw + np.uint64(2)) * (n_items - (end - start)) <= least_free
            for place in range(start, end):
                is_kept &= positives[place] != item
            if is_kept:
                if is_counted:
                    samples[found], negatives[found] = sample, item
                found += 1
            sample += 1
            draw += np.uint64(3)
        if not is_counted:
            samples, negatives = np.empty(found, np.int64), np.empty(found, np.int32)
    return samples, negatives
