"""What a metric is, and all that it is computed from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts.defenses import Defended
from loki_bench.contracts.goals import Goal
from loki_bench.interactions import Sequences

__all__ = ["Metric", "Outcome"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """All that a metric is computed from: genuine users' ranks, and sequences.

    A rank is 1 + items above + ties / 2 among the items outside the user's own history, NaN where
    the item itself is in that history (see :mod:`loki_bench.ranking`). A victim that answers lists
    alone gives rank infinity to what it does not list; a metric that can't use that declares
    ``needs_all_ranks``. Where a defense is in place, it is in place both before and after the
    attack.

    Attributes
    ----------
    goal : Goal
    n_items : int
        Size of the catalogue.
    target_ranks : float64 array of shape (n_target_users, n_targets)
        Ranks that the victim gave the target items after the attack.
    clean_target_ranks : float64 array of shape (n_target_users, n_targets)
        The same before the attack.
    test_ranks : float64 array of shape (n_evaluated_users,)
        Rank of each genuine user's own test item after the attack; where the protocol evaluates a
        sample of users, theirs.
    clean_test_ranks : float64 array of shape (n_evaluated_users,)
        The same before the attack.
    genuine_lengths : int64 array of shape (n_users,)
        Number of events of each genuine user in the training data.
    poison : Sequences
        The fake users' sequences, as the attack wrote them.
    defended : Defended or None
        What the defense did; None where there is no defense.
    genuine_item_counts : int64 array of shape (n_items,), or None
        Number of genuine users' training events with each item; None where it is not known.
    n_genuine_repeats : int or None
        Genuine users' training events with an item that the same user had before; None where it is
        not known.
    untargeted_ranks : float64 array of shape (n_users, n_targets), or None
        Ranks that the victim gave the target items after the attack for a sample of genuine users
        who are no target users; None where no metric of the suite says that it reads them.
    """

    goal: Goal
    n_items: int
    target_ranks: NDArray[np.float64]
    clean_target_ranks: NDArray[np.float64]
    test_ranks: NDArray[np.float64]
    clean_test_ranks: NDArray[np.float64]
    genuine_lengths: NDArray[np.int64]
    poison: Sequences
    defended: Defended | None = None
    genuine_item_counts: NDArray[np.int64] | None = None
    n_genuine_repeats: int | None = None
    untargeted_ranks: NDArray[np.float64] | None = None


Metric: TypeAlias = Callable[..., float]
"""A pure function of an :class:`Outcome`; ranked metrics also take the cut-off ``k``."""
