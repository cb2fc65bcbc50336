"""Whether a surrogate's influence orders attacks as its own retraining does.

On MovieLens-100K's latest events the influence through a GRU4Rec that is hardly trained orders six
patterns of clicks at random: what lifts an item for everybody looks best. Such a surrogate misleads
the agent as loudly as a good one guides it. One retraining a pattern tells.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.attackers.loki.horizon import horizon_of
from loki_bench.attackers.loki.motifs import repeated
from loki_bench.attackers.loki.next_items import NextItems
from loki_bench.attackers.loki.outcome_estimator import FittedEstimator
from loki_bench.attackers.loki.served_users import ServedUsers
from loki_bench.attackers.loki.simulator_trial import RecommenderSimulator
from loki_bench.contracts import AttackerView
from loki_bench.ranking import average_ranks

__all__ = ["LEAST_AGREEMENT", "agreements", "down_weighted"]

LEAST_AGREEMENT = 0.3
"""Spearman's rho below which a surrogate's weight is lowered."""

_DOUBTED = 0.1
"""Of its weight, what is left to a surrogate that misjudges."""

_SHARE = 0.03
"""Fake users of a pattern, as a share of the genuine ones: the paper's budget."""

_PATTERNS: tuple[tuple[int, ...], ...] = ((0,), (1, 0), (1, 0, 0), (1, 1, 0), (2, 0), (1,))
"""Group 0 holds the targets, 1 a target user's items, 2 its last item or the first cluster."""


def agreements(
    view: AttackerView,
    estimators: tuple[FittedEstimator, ...],
    served: ServedUsers,
    *,
    list_length: int,
    following: NextItems | None = None,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Spearman's rho, by surrogate, of six patterns' influence with what retraining does.

    What retraining does is the fall of the promoted items' mean log rank with the target users:
    a display rate is 0 for most small attacks. 0 where either order has no meaning.

    Parameters
    ----------
    view : AttackerView
        With a number of actions above 0; its number of fake users plays no part.
    estimators : tuple of FittedEstimator
        Of surrogates of the view.
    served : ServedUsers
    list_length : int
        K.
    following : NextItems or None
        What the estimators' objective imagines target users to do next.
    rng : numpy.random.Generator
    """
    n = max(1, round(_SHARE * view.history.n_users))
    horizon = horizon_of(view.budget)
    attacks = [
        served.draw_for_anybody(np.tile(repeated(pattern, horizon), (n, 1)), rng)
        for pattern in _PATTERNS
        if max(pattern) < len(served.groups)
    ]
    found = {}
    for fitted in estimators:
        simulator = RecommenderSimulator(
            view,
            tuple(one for one in view.surrogates if one.name == fitted.name),
            served.groups.members[0],
            list_length=list_length,
            following=following,
        )
        rewards = fitted.estimator.sequence_rewards
        predicted = [float(rewards(equal_length_sequences(items)).sum()) for items in attacks]
        risen = [-simulator.try_out(equal_length_sequences(s)).mean_log_rank for s in attacks]
        found[fitted.name] = _rho(predicted, risen)
    return found


def down_weighted(
    estimators: tuple[FittedEstimator, ...], agreement: Mapping[str, float]
) -> tuple[FittedEstimator, ...]:
    """The estimators, those of surrogates below ``LEAST_AGREEMENT`` with a tenth of the weight."""
    return tuple(
        replace(fitted, weight=_DOUBTED * fitted.weight)
        if agreement[fitted.name] < LEAST_AGREEMENT
        else fitted
        for fitted in estimators
    )


def _rho(predicted: list[float], true: list[float]) -> float:
    if len(true) < 3 or np.ptp(predicted) == 0.0 or np.ptp(true) == 0.0:
        return 0.0
    correlations = np.asarray(np.corrcoef(average_ranks(np.array([predicted, true]))))
    return float(correlations[1, 0])
