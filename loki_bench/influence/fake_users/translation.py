"""First-order influence of fake users on a translation model (TransRec), in closed form."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import TranslationRecommender
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import first_rows
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_of_prefixes,
    differences_within,
    finite,
)
from loki_bench.influence.kernels.fake_row import RowRules
from loki_bench.influence.kernels.negatives import SampleRules
from loki_bench.influence.kernels.translation import (
    TranslationUserTables,
    prefix_values,
    translation_workspace,
)
from loki_bench.interactions import Interactions, Sequences

__all__ = ["TranslationFakeUsers"]

FloatArray = NDArray[np.floating]


class TranslationFakeUsers:
    """``-s . G`` for fake users of a translation model.

    The next item is valued by the difference of two fold-ins whatever ``options.marginal`` says.

    Parameters
    ----------
    model : TranslationRecommender
    s : array of shape (size,)
        Solution of ``H s = grad f``, laid out as the model's parameters.
    options : FakeUserOptions
    train : Interactions
        What the model was trained on.
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
        model: TranslationRecommender,
        s: FloatArray,
        options: FakeUserOptions,
        *,
        train: Interactions,
        rules: SampleRules,
        seed: int,
    ) -> None:
        self._options = options
        self._n_items = train.n_items
        tables = model.translation_tables()
        fold = options.fake_user == "fold-in"
        ridge = tables.l2 if options.fold_in_l2 is None else options.fold_in_l2
        if fold and not ridge > 0:
            raise InvalidAnswerError(
                "the recommender has no L2 term on its user rows, so a fake user's row is "
                "unbounded: give the influence estimator fold_in_l2 (0.01 to 1 is a good start)"
            )
        n_users, d = tables.users.shape
        n_items = len(tables.items)
        _, s_items, s_biases, s_shared = np.split(s, np.cumsum([n_users * d, n_items * d, n_items]))
        solved = s_items.reshape(n_items, d)
        self.tables = TranslationUserTables(
            items=tables.items,
            biases=tables.biases,
            shared=tables.shared,
            s_items=solved,
            s_biases=s_biases,
            s_shared=s_shared,
            item_rho=tables.l2 * np.einsum("id,id->i", tables.items, solved, dtype=np.float64),
            bias_rho=tables.l2 * (tables.biases * s_biases).astype(np.float64),
            shared_rho=float(tables.l2 * (tables.shared @ s_shared)),
            samples=rules,
            row=RowRules(
                fold=fold,
                first_rows=first_rows(
                    tables.users[train.lengths > 0].astype(np.float64),
                    options.fake_user,
                    n_items=train.n_items,
                    rng=np.random.default_rng(seed),
                ),
                ridge=float(ridge),
                ridge_per_sample=options.fold_in_l2 is None,
            ),
        )

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.influence``."""
        return self._values(candidates, every_event=False)

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.marginal_influence``: a difference of two fold-ins."""
        following = check_next_items(prefixes, next_items)
        return differences_of_prefixes(self.influence, prefixes, following)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.sequence_rewards``."""
        return differences_within(sequences, self._values(sequences, every_event=True))

    def _values(self, rows: Sequences, *, every_event: bool) -> NDArray[np.float64]:
        check_items(rows.items, self._n_items)
        out = np.zeros(rows.n_events if every_event else len(rows))
        work = translation_workspace(
            int(rows.lengths.max(initial=0)) * self._options.n_negatives,
            self.tables.row.first_rows.shape[1],
        )
        prefix_values(self.tables, work, rows.offsets, rows.items, every_event, out)
        return finite(out)
