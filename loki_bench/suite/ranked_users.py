"""The users whose ranks of the target items are kept, where they are not just the target users.

Ranks of all users would be as many as the catalogue has targets for each of them. So where all are
target users, and of those who are none, a sample is ranked. It is drawn from the seed: the same in
every cell of a seed, another one in the next, so that what a table says over seeds holds the
sampling, too.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal, ids
from loki_bench.split import Split
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal

__all__ = ["MOST_RANKED", "N_UNTARGETED", "ranked_goal", "untargeted_users"]

MOST_RANKED = 1000
"""Target users whose ranks are kept where a suite has all users as target users."""

N_UNTARGETED = 200
"""Users who were not targeted whose ranks are kept where a metric reads them."""


def ranked_goal(split: Split, cell: Cell) -> Goal:
    """The goal of a cell with the target users whose ranks are kept, in rising order.

    That is all of them, but where all users are target users ``MOST_RANKED`` at most.
    """
    goal = draw_goal(split, cell.protocol, cell.seed)
    if cell.protocol.n_target_users != "all":
        return goal
    return replace(goal, users=_sample(goal.users, MOST_RANKED, cell.seed_of("ranked users")))


def untargeted_users(split: Split, cell: Cell) -> NDArray[np.int32]:
    """Users that are tested and no target users: as many as a cell asks for, or all there are.

    Returns
    -------
    int32 array, rising.
    """
    targeted = draw_goal(split, cell.protocol, cell.seed).users
    others = np.setdiff1d(split.test.users, targeted)
    return _sample(others, cell.n_untargeted, cell.seed_of("untargeted users"))


def _sample(users: NDArray[np.int32], most: int, seed: int) -> NDArray[np.int32]:
    if len(users) <= most:
        return ids(np.sort(users).tolist())
    drawn = np.random.default_rng(seed).choice(users, most, replace=False)
    return ids(np.sort(drawn).tolist())
