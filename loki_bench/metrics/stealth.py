"""How visible the fake users are in the data (the paper, section 4.4 and Fig. 6)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Outcome
from loki_bench.interactions import n_repeats
from loki_bench.ranking import average_ranks

__all__ = [
    "fake_length_ks",
    "ks_distance",
    "length_excess",
    "length_ks",
    "repeat_excess",
    "target_patterns",
    "target_popularity_rank",
]


def length_ks(outcome: Outcome) -> float:
    """Distance of the distributions of sequence lengths before and after the injection.

    The paper's Fig. 6 compares them by eye; this is the two-sample Kolmogorov-Smirnov statistic of
    genuine users' lengths and those of genuine and fake users together. As a share of all users
    it can't exceed the fake users' share.

    Returns
    -------
    float in [0, 1]; 0 without fake users, NaN without genuine ones.
    """
    genuine = outcome.genuine_lengths
    if not len(genuine):
        return float("nan")
    if not len(outcome.poison):
        return 0.0
    after = np.concatenate([genuine, outcome.poison.lengths])
    return ks_distance(genuine, after)


def ks_distance(first: NDArray[np.number], second: NDArray[np.number]) -> float:
    """The two-sample Kolmogorov-Smirnov statistic: how far the shares below any value are apart.

    What ``scipy.stats.ks_2samp`` answers. To import ``scipy.stats`` takes about a second, which
    each worker would spend.

    Parameters
    ----------
    first, second : arrays of one dimension, not empty, without NaN

    Returns
    -------
    float in [0, 1]
    """
    values = np.concatenate([first, second])
    shares = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample)
        for sample in (first, second)
    ]
    return float(np.max(np.abs(shares[0] - shares[1])))


def fake_length_ks(outcome: Outcome) -> float:
    """Distance of the distributions of fake and of genuine users' sequence lengths.

    The two-sample Kolmogorov-Smirnov statistic of the two groups: unlike :func:`length_ks` it does
    not shrink with the fake users' share.

    Returns
    -------
    float in [0, 1]; NaN without fake or without genuine users.
    """
    genuine, fake = outcome.genuine_lengths, outcome.poison.lengths
    if not len(genuine) or not len(fake):
        return float("nan")
    return ks_distance(genuine, fake)


def length_excess(outcome: Outcome) -> float:
    """By how much fake users prefer one length: the largest excess of its share.

    The share of fake users with a length minus the share of genuine users with it, for the length
    where that is greatest. 1 where all fake users have one length that no genuine user has.

    Returns
    -------
    float in [0, 1]; NaN without fake or without genuine users.
    """
    genuine, fake = outcome.genuine_lengths, outcome.poison.lengths
    if not len(genuine) or not len(fake):
        return float("nan")
    lengths, numbers = np.unique(fake, return_counts=True)
    shares = numbers / len(fake)
    return float(np.max(shares - [np.mean(genuine == length) for length in lengths]))


def target_patterns(outcome: Outcome) -> float:
    """Number of different patterns among fake users: which of a user's events are on targets.

    Two fake users have one pattern if they have as many events and select targets at the same
    places, whichever they are. One pattern for all is a signature that shuffled items do not hide.

    Returns
    -------
    float, a whole number from 0; 0 without fake users.
    """
    is_target = np.isin(outcome.poison.items, outcome.goal.items)
    patterns = np.split(is_target, outcome.poison.offsets[1:-1]) if len(outcome.poison) else []
    return float(len({pattern.tobytes() for pattern in patterns}))


def repeat_excess(outcome: Outcome) -> float:
    """How much more often fake users select an item again than genuine users do.

    The share of fake users' events with an item that the same user had before, minus that of
    genuine users' training events.

    Returns
    -------
    float in [-1, 1]; NaN without fake or without genuine events, or where genuine ones are unknown.
    """
    n_genuine, n_fake = int(outcome.genuine_lengths.sum()), outcome.poison.n_events
    if outcome.n_genuine_repeats is None or not n_genuine or not n_fake:
        return float("nan")
    return float(n_repeats(outcome.poison) / n_fake - outcome.n_genuine_repeats / n_genuine)


def target_popularity_rank(outcome: Outcome) -> float:
    """Median rank of the target items by popularity after the injection.

    Popularity is the number of training events of genuine and fake users together; a rank is 1 +
    items with more events + half of the other items with as many.

    Returns
    -------
    float from 1 to the number of items; NaN without targets, or where genuine counts are unknown.
    """
    before = outcome.genuine_item_counts
    if before is None or not len(outcome.goal.items):
        return float("nan")
    counts = before + np.bincount(outcome.poison.items, minlength=outcome.n_items)
    ranks = average_ranks(-counts)
    return float(np.median(ranks[outcome.goal.items]))
