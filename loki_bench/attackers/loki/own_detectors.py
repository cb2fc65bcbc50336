"""How well fake users would be found, by detectors of the attacker's own over what it knows.

Two patterns give away fake users of one attack: many of them hold the same few items together,
where hardly anybody does, and many of them make the same step from one item to the next. Platforms
look for the first (``target-burst`` of ``loki-bench-defenses``) and the second in ways of their
own; an attacker who wants to stay unfound has to have something like them at hand.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions, Sequences

__all__ = ["found_by", "shared_pairs", "shared_steps"]

_LATEST = 50
"""Latest different items of a user that are looked at: its pairs grow with their square."""

_RANKED_PAIR = 6
"""A set of four items has six pairs: a user is as suspicious as its sixth most surprising one."""


def found_by(history: Interactions, poison: Sequences) -> dict[str, float]:
    """Area under the ROC curve of each detector: 1 finds all fake users first, 1/2 is chance.

    Parameters
    ----------
    history : Interactions
        Genuine users' events, as the attacker knows them.
    poison : Sequences
    """
    everybody = history.with_users(poison)
    is_fake = np.arange(everybody.n_users) >= history.n_users
    has_events = everybody.lengths > 0
    return {
        name: _auc(suspicion[has_events], is_fake[has_events])
        for name, suspicion in (
            ("pairs", shared_pairs(everybody)),
            ("steps", shared_steps(everybody)),
        )
    }


def shared_pairs(users: Interactions) -> NDArray[np.float64]:
    """The sixth largest surprise among the pairs of items that a user holds, shape (n_users,).

    The surprise of two items is ``n ln(n / m) - n + m`` (Chernoff's bound for a Poisson count)
    where ``n`` other users hold both and ``m`` are expected if items were held independently; 0
    where ``n <= m``. A user with fewer pairs has 0.
    """
    held = [_latest_different(row) for row in users]
    lengths = np.array([len(row) for row in held])
    holders = np.bincount(np.concatenate(held), minlength=users.n_items) if held else np.zeros(0)
    keys = np.concatenate([_pairs(row, users.n_items) for row in held] or [np.empty(0, np.int64)])
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    n = counts[which] - 1.0
    m = (holders[keys // users.n_items] - 1.0) * (holders[keys % users.n_items] - 1.0)
    surprise = _surprise(n, m / users.n_users)
    reached = np.zeros(users.n_users)
    ends = np.cumsum(lengths * (lengths - 1) // 2)
    starts = np.concatenate([[0], ends[:-1]])
    for user in np.flatnonzero(ends - starts >= _RANKED_PAIR):
        own = surprise[starts[user] : ends[user]]
        reached[user] = np.partition(own, -_RANKED_PAIR)[-_RANKED_PAIR]
    return reached


def shared_steps(users: Interactions) -> NDArray[np.float64]:
    """The mean surprise of a user's steps from one item to a different one, shape (n_users,).

    As of :func:`shared_pairs`, with steps of other users and what is expected of two items that
    are left and reached as often.
    """
    rows, items = users.rows.astype(np.int64), users.items.astype(np.int64)
    first = np.flatnonzero((rows[1:] == rows[:-1]) & (items[1:] != items[:-1]))
    user, left, reached = rows[first], items[first], items[first + 1]
    steps = np.unique(np.stack([user, left * users.n_items + reached]), axis=1)
    user, keys = steps
    left, reached = keys // users.n_items, keys % users.n_items
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    of_left = np.bincount(left, minlength=users.n_items)[left] - 1.0
    of_reached = np.bincount(reached, minlength=users.n_items)[reached] - 1.0
    surprise = _surprise(counts[which] - 1.0, of_left * of_reached / max(len(keys), 1))
    n_steps = np.bincount(user, minlength=users.n_users)
    total = np.bincount(user, surprise, minlength=users.n_users)
    return total / np.maximum(n_steps, 1)


def _latest_different(row: NDArray[np.int32]) -> NDArray[np.int64]:
    """The latest 50 different items of a history, ascending."""
    items, places = np.unique(row[::-1], return_index=True)
    return np.sort(items[np.argsort(places, kind="stable")[:_LATEST]]).astype(np.int64)


def _pairs(items: NDArray[np.int64], n_items: int) -> NDArray[np.int64]:
    """A number for each pair of ascending items."""
    one, other = np.triu_indices(len(items), k=1)
    return items[one] * n_items + items[other]


def _surprise(n: NDArray[np.floating], m: NDArray[np.floating]) -> NDArray[np.float64]:
    surprise = np.zeros(len(n))
    more = n > m
    # what nobody is expected to hold is expected by one in a million users
    few = np.maximum(m[more], 1e-6)
    surprise[more] = n[more] * np.log(n[more] / few) - n[more] + few
    return surprise


def _auc(suspicion: NDArray[np.float64], is_fake: NDArray[np.bool_]) -> float:
    """The share of (fake, genuine) pairs in which the fake one is more suspicious; ties half."""
    genuine = np.sort(suspicion[~is_fake])
    fake = suspicion[is_fake]
    if not len(genuine) or not len(fake):
        return 0.5
    below = np.searchsorted(genuine, fake, side="left")
    up_to = np.searchsorted(genuine, fake, side="right")
    return float((below + up_to).mean() / (2 * len(genuine)))
