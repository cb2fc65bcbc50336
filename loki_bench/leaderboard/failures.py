"""In how many seeds an attack failed: a rate, which no interval of a mean tells.

An agent that learns nothing in one seed of five gives a mean with a wide interval, or, where all
five seeds of a table happened to be good, a narrow one around a mean that is too high. Either way
the reader wants to know how often.
"""

from collections.abc import Sequence
from statistics import median

__all__ = ["failed_seeds"]

PART = 0.5
"""Of the median gain of the row's seeds: what is below counts as failed."""


def failed_seeds(gains: Sequence[float]) -> int | None:
    """Seeds whose gain is not above zero, or is below half of the row's median gain.

    The gain is that over the best baseline in the same seed, so a seed in which everybody does
    badly is no failure of this attack. Half: seeds of one working attack differ by a fifth, and
    an agent that has learnt nothing loses nine tenths. Where the median is zero or less, the
    seeds without a gain are counted.

    Parameters
    ----------
    gains : sequence of float
        One a seed; above zero is better for the attacker.

    Returns
    -------
    int or None
        None without any gain.

    >>> failed_seeds([0.40, 0.41, 0.05, 0.38, 0.42])
    1
    >>> failed_seeds([0.0, 0.0, -0.1, 0.02, 0.01])
    3
    """
    if not gains:
        return None
    least = max(0.0, PART * median(gains))
    return sum(gain <= 0 or gain < least for gain in gains)
