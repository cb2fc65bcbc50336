"""Fillers chosen by influence, a fake user at a time, without a learned policy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn, equal_length_sequences, lengths_of
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import (
    Attacker,
    AttackerView,
    DifferentiableRecommender,
    InfluenceEstimator,
)
from loki_bench.errors import InvalidAnswerError, RejectedError
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count, require_number
from loki_bench.seeds import generator_for, seed_for
from loki_bench_attacks.list_objective import list_objective
from loki_bench_attacks.retrained_surrogates import retrained

__all__ = ["InfluenceFillers"]

_WHO = "attacker 'influence-fillers'"


class InfluenceFillers(Attacker):
    """After Fang et al. (2020): the fillers whose influence on the list loss is largest.

    As in the paper, fake users are written one after the other and the surrogate learns those that
    were written; the loss is the paper's (:mod:`.list_objective`), and its influence an estimator's
    of the suite. Three things are ours. The paper's matrix factorisation is replaced by the
    suite's surrogates, whose influences are divided by their standard deviations and added up with
    the surrogates' weights. Between two trainings a round of fake users is written, not one. And a
    filler is valued where it stands: a fake user begins with nothing, and is continued again and
    again by the pair (filler, item to lift) that moves the loss most, among ``n_candidates``
    fillers drawn from the ``n_pool`` that do most by themselves.

    Parameters
    ----------
    n_rounds : int, at least 1
        Trainings of each surrogate, the one of the suite included.
    n_pool, n_candidates : int, at least 1
    list_length : int, at least 1
        Length of the lists that the loss looks at.
    width : float, above 0
        Width of the smoothed comparison, in standard deviations of a user's scores.
    """

    def __init__(
        self,
        *,
        n_rounds: int = 4,
        n_pool: int = 150,
        n_candidates: int = 20,
        list_length: int = 10,
        width: float = 0.5,
    ) -> None:
        self._n_rounds = require_count(_WHO, "n_rounds", n_rounds)
        self._n_pool = require_count(_WHO, "n_pool", n_pool)
        self._n_candidates = require_count(_WHO, "n_candidates", n_candidates)
        self._list_length = require_count(_WHO, "list_length", list_length)
        self._width = require_number(_WHO, "width", width, above=0)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = generator_for(view.seed, "influence-fillers")
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        lengths = lengths_of(view.budget)
        written = Sequences.empty()
        for some in np.array_split(lengths, min(self._n_rounds, max(1, len(lengths)))):
            if not len(some):
                continue
            if not len(others):
                own = [np.resize(promoted, n) for n in some.tolist()]
            else:
                estimators = self._estimators(view, promoted, written)
                own = self._rows(estimators, some, promoted, others, generator)
            written = written.followed_by(Sequences.of(own))
        return written

    def _estimators(
        self, view: AttackerView, promoted: NDArray[np.int32], written: Sequences
    ) -> list[tuple[float, InfluenceEstimator]]:
        """Each surrogate's weight and its estimator, fitted with what was written so far."""
        if view.influence is None:
            raise RejectedError(f"{_WHO} got no influence estimator; name one in the suite")
        fitted = []
        for surrogate in view.surrogates:
            model, train = retrained(view, surrogate, written)
            if not isinstance(model, DifferentiableRecommender):
                raise RejectedError(
                    f"{_WHO}: surrogate '{surrogate.name}' ({type(model).__name__}) is not a "
                    "DifferentiableRecommender, and influence needs gradients; take it out of the "
                    "suite's surrogates"
                )
            objective = list_objective(
                model,
                view.history,
                view.goal.users,
                promoted,
                list_length=self._list_length,
                width=self._width,
                repeats_are_shown=view.repeats == "allow",
                who=_WHO,
            )
            seed = seed_for(view.seed, f"influence/{surrogate.name}")
            estimator = view.influence().fit(model, train, objective, seed=seed)
            fitted.append((surrogate.weight, estimator))
        if not fitted:
            raise RejectedError(f"{_WHO} got no surrogate; name one in the suite's surrogates")
        return fitted

    def _rows(
        self,
        estimators: Sequence[tuple[float, InfluenceEstimator]],
        lengths: NDArray[np.int64],
        promoted: NDArray[np.int32],
        others: NDArray[np.int32],
        generator: np.random.Generator,
    ) -> list[NDArray[np.int32]]:
        """The sequences of one round, all grown together."""
        n_rows, n_pairs = len(lengths), (int(lengths.max()) + 1) // 2
        lifted = draw_in_turn(promoted, n_rows=n_rows, n_draws=n_pairs, generator=generator)
        # what each item does by itself, before an item to lift that stands for all of them
        alone = np.stack([others, promoted[generator.integers(len(promoted), size=len(others))]], 1)
        order = np.argsort(-_values(estimators, alone), kind="stable")
        pool = others[order[: self._n_pool]]
        n_candidates = min(self._n_candidates, len(pool))
        grown = np.empty((n_rows, 0), dtype=np.int32)
        for pair in range(n_pairs):
            drawn = np.stack(
                [generator.choice(pool, n_candidates, replace=False) for _ in range(n_rows)]
            )
            tried = np.concatenate(
                [
                    np.repeat(grown[:, None, :], n_candidates, axis=1),
                    drawn[:, :, None],
                    np.repeat(lifted[:, pair, None], n_candidates, axis=1)[:, :, None],
                ],
                axis=2,
            )
            values = _values(estimators, tried.reshape(n_rows * n_candidates, -1))
            values = values.reshape(n_rows, n_candidates)
            # what a fake user has already, only where there is nothing else
            had = (drawn[:, :, None] == grown[:, None, :]).any(axis=2)
            best = np.where(had, -np.inf, values).argmax(axis=1)
            grown = tried[np.arange(n_rows), best]
        return [
            promoted[generator.integers(len(promoted), size=1)] if n == 1 else row[:n]
            for row, n in zip(grown, lengths.tolist(), strict=True)
        ]


def _values(
    estimators: Sequence[tuple[float, InfluenceEstimator]], rows: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Weighted sum of the surrogates' influences of whole sequences, each in its own units."""
    total = np.zeros(len(rows))
    for weight, estimator in estimators:
        found = estimator.influence(equal_length_sequences(rows))
        if found.shape != (len(rows),) or not np.isfinite(found).all():
            raise InvalidAnswerError(
                f"{_WHO}: the influence estimator ({type(estimator).__name__}) answered NaN, "
                "infinity or another number of values; raise its damping or choose another"
            )
        scale = float(found.std())
        total += weight * found / (scale if scale > 0 else 1.0)
    return total
