"""How many events the host gives each fake user, where a suite asks for genuine lengths."""

from dataclasses import replace

import numpy as np

from loki_bench.contracts import Budget
from loki_bench.interactions import locked
from loki_bench.split import Split
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.cell import Cell

__all__ = ["budget_of", "without_fake_users"]


def budget_of(cell: Cell, split: Split) -> Budget:
    """The budget that the attacker of a cell is told.

    With genuine lengths each is that of a genuine user's training sequence, which fake users'
    sequences are trained on beside: drawn with replacement from users who have one, with a seed
    that nobody else is told. The lengths of a smaller budget are the first of a larger one.
    """
    n_fake_users, actions = cell.budget.n_fake_users, cell.budget.actions
    if actions != GENUINE:
        return Budget(n_fake_users=n_fake_users, n_actions=actions)
    genuine = split.train.lengths[split.train.lengths > 0].astype(np.int64)
    generator = np.random.default_rng(cell.seed_of("lengths of fake users"))
    lengths = locked(genuine[generator.integers(len(genuine), size=n_fake_users)])
    return Budget(n_fake_users=n_fake_users, n_actions=int(genuine.max()), lengths=lengths)


def without_fake_users(budget: Budget) -> Budget:
    """The same before it is said how many fake users there are."""
    lengths = None if budget.lengths is None else budget.lengths[:0]
    return replace(budget, n_fake_users=0, lengths=lengths)
