"""How long the agent's sequences are, and what becomes of them where fake users' lengths differ.

Where the host gives each fake user the length of a genuine one, the longest may be hundreds: the
agent learns a sequence of the paper's length, which longer fake users repeat and shorter ones
break off, but for what would be lost with the rest: a click on the last item that a target
follows, and of a single click the target. Our extension.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.contracts import Budget
from loki_bench.interactions import Sequences

__all__ = ["cut_to_lengths", "horizon_of", "kept_events", "longest_of", "over_all_actions"]

_PAPER_ACTIONS = 15
"""The paper's M."""

_MOST_LEARNT = 60
"""Steps that the agent learns at most; fake users of more actions repeat them. The influence of
every step of 8,500 sequences, which the default agent is rewarded for, takes 3 to 4 CPU seconds on
BPRMF and FPMC at 15 steps, 100 to 130 at 60, and 1,000 to 1,200 at 200."""

_FEW_EVENTS = 6
"""In more events most sequences have a click on the last item that a target follows. Published fake
users of genuine lengths have seven events or more, and stay as they are."""

_TARGET, _OWN_ITEM, _LAST_ITEM = 0, 1, 2


def horizon_of(budget: Budget) -> int:
    """Steps of a group sequence: all actions where every fake user has as many, up to 60."""
    most = _MOST_LEARNT if budget.lengths is None else _PAPER_ACTIONS
    return min(most, budget.n_actions)


def longest_of(budget: Budget) -> int:
    """Events that are written for a fake user: of the longest one, and no part of a sequence."""
    if budget.lengths is None:
        return budget.n_actions
    return int(budget.lengths.max(initial=horizon_of(budget)))


def over_all_actions(groups: NDArray[np.int64], budget: Budget) -> NDArray[np.int64]:
    """Group sequences repeated to the longest fake user, int64 array of shape (..., longest)."""
    longest, horizon = longest_of(budget), groups.shape[-1]
    return groups if longest == horizon else groups[..., np.arange(longest) % horizon]


def kept_events(
    groups: NDArray[np.int64], length: int, *, has_last_items: bool
) -> NDArray[np.int64]:
    """Which events a fake user of some length keeps, places in its whole group sequence.

    The first ones, but for two cases. A single event is a target, as of the hand rules: a filler
    alone would be wasted. And where a target follows a click on the last item only beyond three to
    six events, that click takes the place of the first filler before a target, as in
    :func:`~loki_bench.attackers.loki.served_attack.fixed_sequence`.

    Parameters
    ----------
    groups : int64 array of shape (longest,)
        Group 0 holds the targets.
    length : int
    has_last_items : bool
        Whether group 1 holds a target user's items, and group 2 its last one.

    Returns
    -------
    int64 array of shape (length,)
    """
    places = np.arange(length)
    if length == 1:
        targets = np.flatnonzero(groups == _TARGET)
        return targets[:1] if len(targets) else places
    before_target = groups[1:] == _TARGET
    lasts = np.flatnonzero((groups[:-1] == _LAST_ITEM) & before_target)
    fillers = np.flatnonzero((groups[:-1] == _OWN_ITEM) & before_target)
    is_lost = len(lasts) > 0 and lasts[0] + 1 >= length
    is_short = 2 < length <= _FEW_EVENTS
    if has_last_items and is_short and is_lost and len(fillers) and fillers[0] + 1 < length:
        within = np.flatnonzero(groups[:length] == _LAST_ITEM)
        last = within[-1] if len(within) else lasts[0]
        places[fillers[0]] = last
        if last < length:
            places[last] = fillers[0]
    return places


def cut_to_lengths(
    items: NDArray[np.int32], groups: NDArray[np.int64], budget: Budget, *, has_last_items: bool
) -> Sequences:
    """Rows of items as long as the budget has each of them.

    Parameters
    ----------
    items : int32 array of shape (n, longest)
    groups : int64 array of shape (n, longest) or (longest,)
        The group of each.
    budget : Budget
    has_last_items : bool
        See :func:`kept_events`.
    """
    if budget.lengths is None:
        return equal_length_sequences(items)
    rows = zip(items, np.broadcast_to(groups, items.shape), budget.lengths.tolist(), strict=True)
    return Sequences.of(
        [row[kept_events(own, n, has_last_items=has_last_items)] for row, own, n in rows]
    )
