"""The truths: what training with added fake users really does to an objective.

``warm``: the clean minimum on frozen samples, trained on to the new minimum with the fake users'
samples; no noise, and what an influence function means. ``cold``: trained from scratch with the
seed of the surrogate itself and of the control (common random numbers, so far as the recommender's
draws survive added users). ``reshuffled``: trained from scratch with other seeds than the
surrogate's. ``transfer``: as reshuffled, of another recommender. From each a control, trained the
same way without fake users, is subtracted.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import (
    DifferentiableRecommender,
    InfluenceObjective,
    Recommender,
    TrainingSamples,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.fidelity.converged_factors import ConvergedFactors
from loki_bench.fidelity.fake_user_designs import Experiment, Outcome
from loki_bench.influence.estimators.retrain import objective_value
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import sample_rules
from loki_bench.influence.kernels.negatives import choose_negatives
from loki_bench.interactions import Interactions, Sequences

__all__ = ["ColdTruth", "Truth", "WarmTruth", "changes"]


class Truth(Protocol):
    """Real changes of an objective."""

    def change(self, fake_users: Sequences, outcome: Outcome | None = None) -> float:
        """The change of an outcome when all of the fake users are added together.

        None is the objective.
        """
        ...


class WarmTruth:
    """Trains on from a converged model, with the negatives that the estimators assume.

    Parameters
    ----------
    model : ConvergedFactors
    train : Interactions
    objective : InfluenceObjective
    seed : int
        The estimators' seed.
    """

    def __init__(
        self,
        model: ConvergedFactors,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> None:
        self._model = model
        self._n_users = train.n_users
        self._rules = sample_rules(
            model, train, model.samples, objective.items, FakeUserOptions(), seed=seed
        )
        self._score = partial(objective_value, objective=objective)
        self.largest_gradient = model.gradient_left

    def change(self, fake_users: Sequences, outcome: Outcome | None = None) -> float:
        """As ``Truth.change``; 0 without samples."""
        samples = self._samples(fake_users)
        if not len(samples):
            return 0.0
        after = self._model.with_user(samples)
        self.largest_gradient = max(self.largest_gradient, after.gradient_left)
        value = outcome or self._score
        return value(after) - value(self._model)

    def _samples(self, fake_users: Sequences) -> TrainingSamples:
        users, lasts, positives, negatives = [], [], [], []
        chosen = np.empty(self._rules.n_negatives, dtype=np.int32)
        for f, row in enumerate(fake_users):
            for event, item in enumerate(row.tolist()):
                if not choose_negatives(self._rules, row, event, len(row), chosen):
                    continue
                weight = self._rules.first_weight if event == 0 else self._rules.later_weight
                for _ in range(round(weight)):
                    users.append(self._n_users + f)
                    lasts.append(int(row[event - 1]) if event else -1)
                    positives.append(item)
                    negatives.append(int(chosen[0]))
        columns = [np.array(c, dtype=np.int32) for c in (users, lasts, positives, negatives)]
        return TrainingSamples(
            users=columns[0], last_items=columns[1], positives=columns[2], negatives=columns[3]
        )


class ColdTruth:
    """Trains fresh recommenders from scratch, with and without the fake users.

    Parameters
    ----------
    make : callable
        Makes an unfitted recommender.
    train : Interactions
    objective : InfluenceObjective
    seeds : sequence of int
        A run for each: the change is their mean, each against a control of its own seed.
    """

    def __init__(
        self,
        make: Callable[[], Recommender],
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seeds: Sequence[int],
    ) -> None:
        self._make = make
        self._train = train
        self._score = partial(objective_value, objective=objective)
        self._seeds = tuple(seeds)
        self._controls = [self._trained(Sequences.empty(), seed) for seed in self._seeds]

    def change(self, fake_users: Sequences, outcome: Outcome | None = None) -> float:
        """As ``Truth.change``."""
        value = outcome or self._score
        pairs = zip(self._seeds, self._controls, strict=True)
        changed = [value(self._trained(fake_users, s)) - value(control) for s, control in pairs]
        return float(np.mean(changed))

    def _trained(self, fake_users: Sequences, seed: int) -> DifferentiableRecommender:
        model = self._make().fit(self._train.with_users(fake_users), validation=None, seed=seed)
        if not isinstance(model, DifferentiableRecommender):
            raise InvalidAnswerError(
                f"{type(model).__name__} is not a DifferentiableRecommender: it has no target "
                "score to compare; choose another recommender"
            )
        return model


def changes(truth: Truth, experiment: Experiment) -> NDArray[np.float64]:
    """The true effect of each thing of an experiment, shape (n,)."""
    outcome, before = experiment.outcome, experiment.beyond
    beyond = 0.0 if before is None else truth.change(before, outcome)
    return np.array(
        [truth.change(group, outcome) - beyond for group in experiment.added], dtype=np.float64
    )
