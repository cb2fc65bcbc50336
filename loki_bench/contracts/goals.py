"""What an attack wants and what it may spend."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import locked

__all__ = ["Budget", "Goal", "GoalKind", "ids"]

GoalKind: TypeAlias = Literal["promote", "demote"]
"""Whether target items are to enter the target users' lists, or to leave them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """What an attack wants.

    Attributes
    ----------
    items : int32 array of shape (n_targets,)
        The target items, all different.
    users : int32 array of shape (n_target_users,)
        The target users, all different, all genuine.
    kind : "promote" or "demote"
    """

    items: NDArray[np.int32]
    users: NDArray[np.int32]
    kind: GoalKind = "promote"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that an attack may inject.

    Attributes
    ----------
    n_fake_users : int
        Number of fake users.
    n_actions : int
        Number of events of each fake user (the paper's M).
    lengths : int64 array of shape (n_fake_users,), or None
        Events of each fake user where the host drew them from genuine users': row i must have
        ``lengths[i]``, and ``n_actions`` is the most that any could have. None where all are alike.
    """

    n_fake_users: int
    n_actions: int
    lengths: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)


def ids(values: Sequence[int]) -> NDArray[np.int32]:
    """An id array as every contract here wants it: int32, and locked for good."""
    return locked(np.array(values, dtype=np.int32))
