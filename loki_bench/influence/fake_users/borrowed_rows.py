"""Rows of the user tables that fake users take while a loss is computed.

A fake user has no row in the model. Its samples borrow a genuine user's, whose values are replaced
and put back afterwards: many fake users at once, each on a row of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from loki_bench.contracts import TrainingSamples
from loki_bench.influence.objectives.autograd import AutogradObjective

__all__ = ["BorrowedRows", "user_tables"]


class BorrowedRows:
    """The user tables of a model, and the way to fill their first rows for a moment.

    Attributes
    ----------
    objective : AutogradObjective
    tables : list of int
        Which of the model's parameters have one row a user.
    """

    def __init__(self, objective: AutogradObjective, n_users: int) -> None:
        self.objective = objective
        self.tables = user_tables(objective, n_users)

    @contextmanager
    def holding(self, rows: list[Tensor]) -> Iterator[None]:
        """While it lasts, the first rows of the user tables hold the fake users'."""
        tables = [self.objective.parameters[t].data for t in self.tables]
        kept = [table[: len(row)].clone() for table, row in zip(tables, rows, strict=True)]
        try:
            for table, row in zip(tables, rows, strict=True):
                table[: len(row)] = row
            yield
        finally:
            for table, row in zip(tables, kept, strict=True):
                table[: len(row)] = row


def user_tables(objective: AutogradObjective, n_users: int) -> list[int]:
    """Which parameters have one row a user: those where another user's loss has another row.

    A catalogue may have as many items as there are users, so the shape alone does not tell.
    """
    tables = [t for t, p in enumerate(objective.parameters) if p.dim() >= 1 and len(p) == n_users]
    samples = objective.samples
    if not tables or not len(samples):
        return []
    one = _first_with_last_item(samples)
    items = {int(one.last_items[0]), int(one.positives[0]), int(one.negatives[0])}
    pair = [u for u in range(n_users) if u not in items][:2]
    if len(pair) < 2:
        return tables
    touched: list[list[set[int]]] = []
    for user in pair:
        probe = TrainingSamples(
            users=np.array([user], dtype=np.int32),
            last_items=one.last_items,
            positives=one.positives,
            negatives=one.negatives,
            histories=one.histories,
        )
        gradients = torch.autograd.grad(
            objective.model.sample_loss(probe).sum(), objective.parameters, allow_unused=True
        )
        touched.append(
            [
                set()
                if g is None
                else set(g.reshape(len(g), -1).abs().sum(1).nonzero().flatten().tolist())
                for g in gradients
            ]
        )
    return [t for t in tables if touched[0][t] == {pair[0]} and touched[1][t] == {pair[1]}]


def _first_with_last_item(samples: TrainingSamples) -> TrainingSamples:
    """The first sample that has a last item, or the first."""
    at = int(np.argmax(samples.last_items >= 0))
    return samples.take(np.array([at]))
