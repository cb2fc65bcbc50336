"""First-order influence of fake users on a factor model, in closed form."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.fake_users.options import FakeRow, FakeUserOptions
from loki_bench.influence.fake_users.samples import first_rows
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_within,
    finite,
)
from loki_bench.influence.kernels.fake_row import RowRules
from loki_bench.influence.kernels.fake_user import (
    FakeUserTables,
    Workspace,
    sequence_values,
    workspace_for,
)
from loki_bench.influence.kernels.marginal import derivative_marginals, difference_marginals
from loki_bench.influence.kernels.negatives import SampleRules
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

__all__ = ["FactorFakeUsers"]

FloatArray = NDArray[np.floating]


class FactorFakeUsers:
    """First-order influence of fake users, ``-s . G`` (Eq. 3 with the fake row eliminated).

    Parameters
    ----------
    objective : FactorObjective
        The clean model's.
    s : array of shape (size,)
        Solution of ``H s = grad f``, of the objective's type.
    options : FakeUserOptions
    rules : SampleRules
    seed : int
        Only for ``fake_user = "random"``.

    Raises
    ------
    InvalidAnswerError
        The row is to be folded in and neither the model nor the options give it an L2 term.
    """

    def __init__(
        self,
        objective: FactorObjective,
        s: FloatArray,
        options: FakeUserOptions,
        *,
        rules: SampleRules,
        seed: int,
    ) -> None:
        self._options = options
        self._n_items = objective.layout.n_items
        self.tables = _tables(objective, s, options, rules, seed)

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """Predicted change of the objective for each candidate, float64 (n,)."""
        check_items(candidates.items, self._n_items)
        out = np.zeros(len(candidates))
        work = self.workspace(int(candidates.lengths.max(initial=0)))
        sequence_values(self.tables, work, candidates.offsets, candidates.items, False, out)
        return finite(out)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """Marginal influence of every event given those before it, float64 (n_events,)."""
        if self._options.marginal == "derivative":
            return self.marginal_influence(sequences.prefixes(), sequences.items)
        check_items(sequences.items, self._n_items)
        values = np.zeros(sequences.n_events)
        work = self.workspace(int(sequences.lengths.max(initial=0)))
        sequence_values(self.tables, work, sequences.offsets, sequences.items, True, values)
        return differences_within(sequences, finite(values))

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Predicted change when each prefix is continued by its next item, float64 (n,)."""
        following = check_next_items(prefixes, next_items)
        check_items(prefixes.items, self._n_items)
        check_items(following, self._n_items)
        out = np.zeros(len(prefixes))
        work = self.workspace(int(prefixes.lengths.max(initial=0)) + 1)
        by_difference = self._options.marginal == "difference"
        kernel = difference_marginals if by_difference else derivative_marginals
        kernel(self.tables, work, prefixes.offsets, prefixes.items, following, out)
        return finite(out)

    def workspace(self, n_events: int) -> Workspace:
        """Room to score users of up to ``n_events`` events."""
        width = self.tables.row.first_rows.shape[1]
        return workspace_for(n_events * self._options.n_negatives, width)


def _tables(
    objective: FactorObjective,
    s: FloatArray,
    options: FakeUserOptions,
    rules: SampleRules,
    seed: int,
) -> FakeUserTables:
    layout, terms = objective.layout, objective.terms
    user = [k for k, kind in enumerate(layout.rows) if kind == "user"]
    last = [k for k, kind in enumerate(layout.rows) if kind == "last-item"]
    fold = options.fake_user == "fold-in" and bool(user)
    scales = np.ones(len(user))
    if fold:
        l2 = np.array(
            [terms[k].row_l2 if options.fold_in_l2 is None else options.fold_in_l2 for k in user]
        )
        if not (l2 > 0).all():
            raise InvalidAnswerError(
                "the recommender has no L2 term on its user rows, so a fake user's row is "
                "unbounded: give the influence estimator fold_in_l2 (1 to 3 is a good start)"
            )
        scales = 1.0 / np.sqrt(l2)
    item_rho = np.zeros((2, layout.n_items))
    last_rho = np.zeros(layout.n_items)
    if objective.l2_per_sample:
        for k, term in enumerate(terms):
            table, solved = objective.item_table(objective.theta, k), objective.item_table(s, k)
            item_rho[int(term.row == "last-item")] += term.item_l2 * np.einsum(
                "id,id->i", table, solved, dtype=np.float64
            )
            if term.row == "last-item":
                rows, moved = objective.row_table(objective.theta, k), objective.row_table(s, k)
                last_rho += term.row_l2 * np.einsum("id,id->i", rows, moved, dtype=np.float64)
    return FakeUserTables(
        theta=objective.theta,
        s=s,
        user_items_at=layout.item_starts[user],
        user_dims=layout.dims[user],
        user_scales=scales,
        last_items_at=layout.item_starts[last],
        last_rows_at=layout.row_starts[last],
        last_dims=layout.dims[last],
        item_rho=item_rho,
        last_rho=last_rho,
        samples=rules,
        row=RowRules(
            fold=fold,
            first_rows=_first_rows(objective, user, options.fake_user, seed),
            ridge=1.0,
            ridge_per_sample=objective.l2_per_sample and options.fold_in_l2 is None,
        ),
    )


def _first_rows(
    objective: FactorObjective, user: list[int], kind: FakeRow, seed: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    active = np.unique(objective.samples.users)
    n_items = objective.layout.n_items
    tables = [objective.row_table(objective.theta, k)[active].astype(np.float64) for k in user]
    parts = [first_rows(table, kind, n_items=n_items, rng=rng) for table in tables]
    return np.hstack(parts) if parts else np.empty((1, 0))
