"""LOKI's outcome estimator: influence of every step on all target samples (the paper, 3.3-3.4).

The paper weighs the surrogates by hand. Their scores have different scales, so each surrogate's
influence is first divided by the standard deviation of its steps' rewards over sequences of
random groups; the weights w_m of Eq. 1 then mean what they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.attackers.loki.next_items import NextItems, imagined_objective
from loki_bench.attackers.loki.order import uses_order
from loki_bench.attackers.loki.target_samples import Reward, objective_of
from loki_bench.contracts import (
    AttackerView,
    DifferentiableRecommender,
    InfluenceEstimator,
)
from loki_bench.errors import InvalidAnswerError, RejectedError, UnsolvedError

__all__ = ["FittedEstimator", "FittedEstimators", "OutcomeEstimator", "fit_estimators"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedEstimator:
    """An influence estimator fitted on one surrogate.

    Attributes
    ----------
    name : str
        The surrogate's.
    weight : float
        The surrogate's w_m.
    uses_order : bool
        Whether the surrogate's scores depend on the order of a user's events.
    estimator : InfluenceEstimator
    """

    name: str
    weight: float
    uses_order: bool
    estimator: InfluenceEstimator


class FittedEstimators(NamedTuple):
    """What the reward is made of.

    Attributes
    ----------
    fitted : tuple of FittedEstimator
        At least one.
    left_out : dict of str to str
        Surrogates whose system the estimator did not solve, and what it said.
    """

    fitted: tuple[FittedEstimator, ...]
    left_out: dict[str, str]


def fit_estimators(
    view: AttackerView,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    reward: Reward,
    skip_nondifferentiable: bool,
    following: NextItems | None = None,
    seed: int,
) -> FittedEstimators:
    """Fit one influence estimator on every surrogate that can be differentiated.

    A surrogate on which it does not solve its system is left out of the reward, as long as there is
    another one: wrong influences would be worse than none.

    Parameters
    ----------
    view : AttackerView
    users, items : int32 arrays of shape (n,)
        Target samples.
    reward : Reward
    skip_nondifferentiable : bool
        Leave out a surrogate that can't be differentiated, instead of refusing.
    following : NextItems or None
        Then target users are imagined after each of their likeliest next items.
    seed : int

    Raises
    ------
    RejectedError
        No estimator or surrogate is provided, or a surrogate can't be differentiated.
    InvalidAnswerError
        An estimator fails on a surrogate, or solves its system on none of them.
    """
    if view.influence is None:
        raise RejectedError(
            "attacker 'loki' got no influence estimator; its spec must need 'influence'"
        )
    fitted: list[FittedEstimator] = []
    left_out: dict[str, str] = {}
    for surrogate in view.surrogates:
        model = surrogate.fit()
        if not isinstance(model, DifferentiableRecommender):
            if skip_nondifferentiable:
                continue
            raise RejectedError(
                f"attacker 'loki': surrogate '{surrogate.name}' ({type(model).__name__}) is not a "
                "DifferentiableRecommender, and influence needs gradients; take it out of the "
                "suite's surrogates, or set the parameter skip_nondifferentiable"
            )
        objective = objective_of(model, view.history, users, items, reward=reward, seed=seed)
        if following is not None:
            objective = imagined_objective(objective, view.history, following)
        try:
            estimator = view.influence().fit(model, surrogate.train, objective, seed=seed)
        except UnsolvedError as error:
            left_out[surrogate.name] = str(error)
            continue
        except InvalidAnswerError as error:
            raise InvalidAnswerError(
                f"attacker 'loki', surrogate '{surrogate.name}': {error}"
            ) from error
        fitted.append(
            FittedEstimator(
                name=surrogate.name,
                weight=surrogate.weight,
                uses_order=uses_order(model, view),
                estimator=estimator,
            )
        )
    if not fitted and left_out:
        name, why = next(iter(left_out.items()))
        raise InvalidAnswerError(f"attacker 'loki', surrogate '{name}': {why}")
    if not fitted:
        raise RejectedError(
            f"attacker 'loki': none of the {len(view.surrogates)} surrogates can be "
            "differentiated; name a recommender like bprmf or fpmc in the suite's surrogates"
        )
    return FittedEstimators(tuple(fitted), left_out)


class OutcomeEstimator:
    """The reward of every step: weighted mean of the surrogates' standardised influences.

    A surrogate that gives every step the same influence says nothing and is left out. Where no
    weight is left, as where only surrogates without a vote can be differentiated, all count alike.

    Parameters
    ----------
    estimators : sequence of FittedEstimator
        At least one.
    reference : int32 array of shape (n, horizon)
        Item sequences of random groups; each surrogate's scale is the standard deviation of its
        rewards over all their steps.

    Attributes
    ----------
    scales : dict of str to float
        By surrogate that counts.
    left_out : dict of str to str
        The other surrogates, and why.

    Raises
    ------
    InvalidAnswerError
        An estimator answers with the wrong shape, NaN or infinity, or no surrogate is left.
    """

    def __init__(self, estimators: Sequence[FittedEstimator], reference: NDArray[np.int32]) -> None:
        scales = {fitted.name: _scale(_influences(fitted, reference)) for fitted in estimators}
        self.scales = {name: scale for name, scale in scales.items() if scale > 0}
        self.left_out = {
            name: f"every step of {len(reference)} random sequences has the same influence"
            for name in scales
            if name not in self.scales
        }
        if not self.scales:
            raise InvalidAnswerError(
                f"attacker 'loki': on each of its surrogates ({', '.join(scales)}) every step of "
                f"{len(reference)} random sequences has the same influence, so nothing can be "
                "learnt; train the surrogates longer, or name others in the suite's surrogates"
            )
        self._estimators = tuple(fitted for fitted in estimators if fitted.name in self.scales)
        self._weights = [fitted.weight for fitted in self._estimators]
        if sum(self._weights) <= 0:
            self._weights = [1.0] * len(self._weights)
        self._total_weight = sum(self._weights)

    def step_rewards(self, sequences: NDArray[np.int32]) -> NDArray[np.float64]:
        """The reward of each step of n sequences: (n, horizon) items, (n, horizon) rewards."""
        total = np.zeros(sequences.shape)
        for fitted, weight in zip(self._estimators, self._weights, strict=True):
            share = weight / (self._total_weight * self.scales[fitted.name])
            total += share * _influences(fitted, sequences)
        return total


def _influences(fitted: FittedEstimator, sequences: NDArray[np.int32]) -> NDArray[np.float64]:
    """The influence of every step on one surrogate's objective, shaped like ``sequences``."""
    answer = fitted.estimator.sequence_rewards(equal_length_sequences(sequences))
    if answer.shape != (sequences.size,) or not np.isfinite(answer).all():
        got = answer.shape if answer.shape != (sequences.size,) else "NaN or infinity"
        raise InvalidAnswerError(
            f"attacker 'loki': the influence estimator ({type(fitted.estimator).__name__}) "
            f"answered {got} for {sequences.size} steps on surrogate '{fitted.name}'; it diverged "
            "or breaks its contract: raise its damping or choose another"
        )
    return answer.reshape(sequences.shape)


def _scale(rewards: NDArray[np.float64]) -> float:
    """The standard deviation, 0 where all are equal: rounding gives equal ones another mean."""
    return float(rewards.std()) if np.ptp(rewards) > 0 else 0.0
