"""Toys that weigh events, take weights, or train the victim. A jump is no step to the next item."""

import numpy as np

from loki_bench.contracts import (
    AdversarialNoise,
    AdversarialRecommender,
    RobustTraining,
    WeightedRecommender,
    WeightingDefense,
)
from toy_plugin.components import Follows


def jumps(train):
    """Which events do not follow from the one before: bool of shape (n_events,)."""
    found = np.zeros(train.n_events, dtype=bool)
    found[1:] = np.diff(train.items) % train.n_items != 1
    found[train.offsets[:-1][train.lengths > 0]] = False
    return found


class FollowsWeighted(Follows, WeightedRecommender):
    """Counts what followed as often as it weighs; reports the mean weight of jumps and of steps."""

    report = None

    def fit_weighted(self, train, *, validation, seed, weights):
        self.fit(train, validation=validation, seed=seed)
        self.follows[:] = 0
        self.counts = np.bincount(train.items, weights, train.n_items).astype(np.float32)
        for row, own in zip(train, np.split(weights, train.offsets[1:-1]), strict=True):
            np.add.at(self.follows, (row[:-1], row[1:]), own[1:])
        is_jump = jumps(train)
        self.report = {"jumps": weights[is_jump].mean(), "steps": weights[~is_jump].mean()}
        return self

    @property
    def fit_report(self):
        return self.report or {}


class FollowsTheQuiet(Follows, AdversarialRecommender):
    """Leaves out who has noise."""

    def fit_adversarial(self, train, *, validation, seed, noise):
        quiet = noise.weight * noise.radius * noise.of_users == 0
        left = train.with_sequences(train.first(np.where(quiet, train.lengths, 0)))
        return self.fit(left, validation=validation, seed=seed)


class WeighsJumps(WeightingDefense):
    """Gives jumps another weight than steps, and other weights to nobody else."""

    def __init__(self, jump: float = 0.25) -> None:
        self.jump = jump

    def weigh(self, train, *, seed):
        return np.where(jumps(train), self.jump, 1.0)


class WeighsJumpers(WeightingDefense):
    """Gives one weight to users who jump, by user."""

    def __init__(self, jumper: float = 0.0) -> None:
        self.jumper = jumper

    def weigh(self, train, *, seed):
        n_jumps = np.bincount(train.rows, jumps(train), minlength=train.n_users)
        return np.where(n_jumps > 0, self.jumper, 1.0)


class Trains(RobustTraining):
    """Trains once: on everything, without users who jump, or with jumps of less weight."""

    def __init__(self, how: str = "plainly") -> None:
        self.how = how

    def fit(self, victim, train, *, seed):
        n_jumps = np.bincount(train.rows, jumps(train), minlength=train.n_users)
        if self.how == "without jumpers":
            self.victim = victim.fit(kept=n_jumps == 0)
        elif self.how == "with weights":
            self.victim = victim.fit(weights=np.where(jumps(train), 0.25, 1.0))
        elif self.how == "against jumpers":
            of_users = np.where(n_jumps > 0, 0.5, 0.0)
            self.victim = victim.fit(noise=AdversarialNoise(radius=1, weight=2, of_users=of_users))
        elif self.how == "against too few":
            noise = AdversarialNoise(radius=1, weight=2, of_users=np.ones(1))
            self.victim = victim.fit(noise=noise)
        elif self.how == "in both ways":
            noise = AdversarialNoise(radius=1.0, weight=1.0)
            self.victim = victim.fit(weights=np.ones(train.n_events), noise=noise)
        elif self.how == "for ever":
            while True:
                victim.fit()
        else:
            self.victim = victim.fit()
        self.n_tokens = len(train.user_tokens)

    def score_next(self, users, histories):
        if self.how == "by lists":
            scores = np.zeros((len(histories), 30), dtype=np.float32)
            for row, best in enumerate(self.victim.top_k(users, histories, 5)):
                scores[row, best[best >= 0]] = np.arange(5, 0, -1)[best >= 0]
            return scores
        return self.victim.scores(users, histories)

    @property
    def report(self):
        return {"user_tokens": float(self.n_tokens)}
