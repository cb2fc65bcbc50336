"""Influence of fake users on a factor model, with each user's own curvature allowed for."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.fake_users.factor import FactorFakeUsers
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_of_prefixes,
    differences_within,
    finite,
)
from loki_bench.influence.kernels.leverage import RowBlocks, leverage_values
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

__all__ = ["LeverageFakeUsers"]

_MIN_BLOCKS = 64


class LeverageFakeUsers:
    """Scores fake users with the leverage correction.

    Keeps the factored diagonal blocks of the rows that it has met, within three times the memory
    of the model's parameters; past that it starts anew.
    """

    def __init__(
        self, objective: FactorObjective, users: FactorFakeUsers, *, damping: float
    ) -> None:
        self._users = users
        self._n_items = objective.layout.n_items
        self._blocks = _row_blocks(objective, damping)

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """As ``FactorFakeUsers.influence``."""
        return self._values(candidates, every_event=False)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """As ``FactorFakeUsers.sequence_rewards``."""
        return differences_within(sequences, self._values(sequences, every_event=True))

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """As ``FactorFakeUsers.marginal_influence``: a difference of two influences."""
        following = check_next_items(prefixes, next_items)
        return differences_of_prefixes(self.influence, prefixes, following)

    def _values(self, sequences: Sequences, *, every_event: bool) -> NDArray[np.float64]:
        check_items(sequences.items, self._n_items)
        out = np.zeros(sequences.n_events if every_event else len(sequences))
        work = self._users.workspace(int(sequences.lengths.max(initial=0)))
        leverage_values(
            self._users.tables,
            self._blocks,
            work,
            sequences.offsets,
            sequences.items,
            every_event,
            out,
        )
        return finite(out)


def _row_blocks(objective: FactorObjective, damping: float) -> RowBlocks:
    layout, samples = objective.layout, objective.samples
    user = [k for k, kind in enumerate(layout.rows) if kind == "user"]
    last = [k for k, kind in enumerate(layout.rows) if kind == "last-item"]
    row_at, pos_at, neg_at = objective.sample_offsets
    h = objective.curvature.astype(np.float64)
    n_items = layout.n_items
    lists, partners, minuses, weights = [], [], [], []
    for table, k in enumerate(user + last):
        known = np.flatnonzero(row_at[k] >= 0)
        for items in (samples.positives, samples.negatives):
            lists.append(table * n_items + items[known].astype(np.int64))
            partners.append(row_at[k][known])
            minuses.append(np.full(len(known), -1, dtype=np.int64))
            weights.append(h[known])
    for table, k in enumerate(last, start=len(user) + len(last)):
        known = np.flatnonzero(row_at[k] >= 0)
        lists.append(table * n_items + samples.last_items[known].astype(np.int64))
        partners.append(pos_at[k][known])
        minuses.append(neg_at[k][known])
        weights.append(h[known])
    n_tables = len(user) + 2 * len(last)
    list_of = np.concatenate(lists)
    order = np.argsort(list_of, kind="stable")
    offsets = np.zeros(n_tables * n_items + 1, dtype=np.int64)
    np.cumsum(np.bincount(list_of, minlength=n_tables * n_items), out=offsets[1:])
    item_parts = [objective.item_l2(k) for k in user + last]
    row_parts = [objective.table_row_l2(k) for k in last]
    l2 = np.concatenate(item_parts + row_parts).astype(np.float64) + damping
    # A row that no sample touches and that has no L2 term has an empty block: any direction of it
    # is free, which a tiny positive diagonal says.
    l2 = np.maximum(l2, np.finfo(np.float64).eps)
    added = [objective.terms[k].item_l2 for k in user + last]
    added += [objective.terms[k].row_l2 for k in last]
    d = int(layout.dims.max())
    capacity = min(len(offsets) - 1, max(_MIN_BLOCKS, 3 * layout.size // (d * d)))
    return RowBlocks(
        table_starts=np.arange(n_tables, dtype=np.int64) * n_items,
        table_at=np.concatenate([layout.item_starts[user + last], layout.row_starts[last]]),
        offsets=offsets,
        partner_at=np.concatenate(partners)[order],
        minus_at=np.concatenate(minuses)[order],
        curvature=np.concatenate(weights)[order],
        l2=l2,
        added_l2=np.array(added, dtype=np.float64) * objective.l2_per_sample,
        slot_of=np.full(n_tables * n_items, -1, dtype=np.int32),
        n_used=np.zeros(1, dtype=np.int32),
        factors=np.zeros((capacity, d, d)),
    )
