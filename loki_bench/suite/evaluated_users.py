"""Whose held-out events are ranked: all users' up to a number, of more a sample drawn by length.

Ranking two million users against a million items takes hours, and a share over 50,000 of them is
known within half a percentage point. Target users are no part of this: they are always ranked.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.seeds import generator_for
from loki_bench.split import HeldOut, Split
from loki_bench.suite.suite import CellProtocol

__all__ = ["evaluated", "rows_by_length"]


def evaluated(split: Split, protocol: CellProtocol, seed: int) -> Split:
    """The split with the validation and test events of the evaluated users alone.

    What trains and what is known of users stays. The samples are drawn from the seed: other users
    at each seed, so that what a table says over seeds holds the draw, too; the same in every cell
    of one seed, so that its rows are paired.
    """
    n = protocol.evaluate_users
    if n is None:
        return split

    def drawn(held_out: HeldOut, name: str) -> HeldOut:
        random = generator_for(seed, f"evaluated users/{name}", key=protocol.key)
        return held_out.take(rows_by_length(held_out, n, random))

    return replace(
        split,
        validation=drawn(split.validation, "validation"),
        test=drawn(split.test, "test"),
    )


def rows_by_length(held_out: HeldOut, n: int, random: np.random.Generator) -> NDArray[np.int64]:
    """``n`` rows in proportion to the lengths of their histories; all where there are no more.

    Rows are put in the order of their lengths, those of one length in an order drawn at random,
    and taken at equal distances from a start drawn at random. So every row is taken with the same
    probability, and of the rows of any range of lengths their share of ``n``, rounded up or down:
    a mean over the sample needs no weights.

    Returns
    -------
    int64 array, rising.
    """
    n_rows = len(held_out)
    if n >= n_rows:
        return np.arange(n_rows)
    shuffled = random.permutation(n_rows)
    lengths = held_out.histories.lengths[shuffled]
    by_length = shuffled[np.argsort(lengths, kind="stable")]
    start = int(random.integers(n_rows))
    return np.sort(by_length[(start + np.arange(n) * n_rows) // n])
