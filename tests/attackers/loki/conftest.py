"""Doubles for LOKI's tests: groups of three items, planted rewards, surrogates, an estimator."""

import dataclasses

import numpy as np
import pytest
import torch

from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.contracts import DifferentiableRecommender, InfluenceEstimator, Recommender
from loki_bench.interactions import Interactions, Sequences

GROUP_SIZE = 3


class AlternationReward:
    """1 for a click of group 1 right after one of group 0, else 0."""

    def step_rewards(self, sequences):
        groups = sequences // GROUP_SIZE
        rewards = np.zeros(sequences.shape)
        rewards[:, 1:] = (groups[:, 1:] == 1) & (groups[:, :-1] == 0)
        return rewards


class DelayedReward:
    """A click of group 1 costs 0.3; a click of group 0 pays 0.2 for each of those before it."""

    def step_rewards(self, sequences):
        groups = sequences // GROUP_SIZE
        before = np.cumsum(groups == 1, axis=1) - (groups == 1)
        return np.where(groups == 1, -0.3, np.where(groups == 0, 0.2 * before, 0.0))


class PlainRecommender(Recommender):
    """Scores item i as i for everyone."""

    def __init__(self, n_items):
        self.n_items = n_items

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return np.tile(np.arange(self.n_items, dtype=np.float32), (len(users), 1))


class OpenRecommender(PlainRecommender, DifferentiableRecommender):
    """The same, as a recommender that an estimator may look into."""

    def parameters(self):
        return [torch.zeros(1, requires_grad=True)]

    def training_samples(self, train, *, seed):
        raise NotImplementedError

    def sample_loss(self, samples):
        raise NotImplementedError

    def l2_coefficients(self, samples):
        raise NotImplementedError

    def target_score(self, users, histories, items):
        raise NotImplementedError


class PlantedInfluence(InfluenceEstimator):
    """A click on an objective's item is worth 1 for each other item of the target users
    directly before it in the sequence; anything else is worth nothing."""

    def fit(self, model, train, objective, *, seed):
        self.targets = np.unique(objective.items)
        promoted = objective.histories.take(np.flatnonzero(objective.weights > 0))
        self.fillers = np.setdiff1d(promoted.items, self.targets)
        self.train = train
        return self

    def influence(self, candidates):
        return np.array([self._steps(row).sum() for row in candidates])

    def marginal_influence(self, prefixes, next_items):
        return np.array(
            [
                self._steps(np.append(row, item))[-1]
                for row, item in zip(prefixes, next_items, strict=True)
            ]
        )

    def _steps(self, row):
        worth = np.zeros(len(row))
        worth[1:] = np.isin(row[1:], self.targets) & np.isin(row[:-1], self.fillers)
        return worth

    @property
    def report(self):
        return {"iterations": 3.0}


@dataclasses.dataclass
class ProvidedSurrogate:
    name: str
    model: Recommender
    train: Interactions
    weight: float = 1.0

    def fit(self):
        return self.model


@pytest.fixture
def groups_of():
    """``groups_of(n)``: n groups of three items each, 0-2, 3-5 ..."""

    def build(n):
        return ItemGroups.uniform(
            {
                f"group {g}": np.arange(g * GROUP_SIZE, (g + 1) * GROUP_SIZE, dtype=np.int32)
                for g in range(n)
            }
        )

    return build


@pytest.fixture
def alternation():
    return AlternationReward()


@pytest.fixture
def delayed():
    return DelayedReward()


@pytest.fixture
def planted_influence():
    return PlantedInfluence


@pytest.fixture
def surrogate():
    """``surrogate(history, name=..., weight=..., opaque=...)``."""

    def build(history, *, name="mf", weight=1.0, opaque=False):
        kind = PlainRecommender if opaque else OpenRecommender
        return ProvidedSurrogate(name, kind(history.n_items), history, weight)

    return build


@pytest.fixture
def loki_view(view_of, surrogate):
    """40 users of 5 random items among 60; targets 0-3; target users 0-2; one surrogate."""

    def build(*, influence=PlantedInfluence, surrogates=None, **changes):
        rng = np.random.default_rng(3)
        rows = [rng.choice(np.arange(4, 60), size=5, replace=False).tolist() for _ in range(40)]
        view = view_of(
            rows,
            n_items=60,
            targets=range(4),
            users=range(3),
            n_fake_users=changes.pop("n_fake_users", 6),
            n_actions=changes.pop("n_actions", 6),
            **changes,
        )
        lent = (surrogate(view.history),) if surrogates is None else surrogates(view.history)
        return dataclasses.replace(view, surrogates=lent, influence=influence)

    return build


@pytest.fixture
def empty_history():
    """Three users without any event over ten items."""
    sequences = Sequences.of([[], [], []])
    return Interactions(sequences.offsets, sequences.items, n_items=10)
