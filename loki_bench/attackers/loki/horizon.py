"""How long the agent's sequences are, and what becomes of them where fake users' lengths differ.

Where the host gives each fake user the length of a genuine one, the longest may be hundreds: the
agent learns a sequence of the paper's length, which longer fake users repeat and shorter ones
break off. Our extension.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.contracts import Budget
from loki_bench.interactions import Sequences

__all__ = ["cut_to_lengths", "horizon_of", "longest_of", "over_all_actions"]

_PAPER_ACTIONS = 15
"""The paper's M."""


def horizon_of(budget: Budget) -> int:
    """Steps of a group sequence: all actions where every fake user has as many."""
    return budget.n_actions if budget.lengths is None else min(_PAPER_ACTIONS, budget.n_actions)


def longest_of(budget: Budget) -> int:
    """Events of the longest fake user."""
    if budget.lengths is None:
        return budget.n_actions
    return int(budget.lengths.max(initial=0))


def over_all_actions(groups: NDArray[np.int64], budget: Budget) -> NDArray[np.int64]:
    """Group sequences repeated to the longest fake user, int64 array of shape (..., longest)."""
    longest, horizon = longest_of(budget), groups.shape[-1]
    if budget.lengths is None or not horizon:
        return groups
    return groups[..., np.arange(longest) % horizon]


def cut_to_lengths(items: NDArray[np.int32], budget: Budget) -> Sequences:
    """The rows of an int32 array of shape (n, longest), each as long as the budget has it."""
    if budget.lengths is None:
        return equal_length_sequences(items)
    return Sequences.of(
        [row[:length] for row, length in zip(items, budget.lengths.tolist(), strict=True)]
    )
