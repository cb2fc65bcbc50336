"""What a defense promises that weighs events, or that trains the victim."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import (
    AdversarialNoise,
    FittedVictim,
    RobustTraining,
    VictimTrainer,
    WeightingDefense,
)
from loki_bench.interactions import Interactions, Sequences
from loki_bench.testing.planted import crowd, share_of_pairs_right, two_groups
from loki_bench.testing.ridge import RidgeRecommender
from loki_bench.testing.subject import Subject, described, promise
from loki_bench.testing.surroundings import contained, different_generators, watched_process

__all__ = [
    "check_robust_training_answers_for_the_victim",
    "check_robust_training_keeps_what_clean_data_teach",
    "check_robust_training_leaves_the_process_alone",
    "check_robust_training_seed_fixes_everything",
    "check_weighting_defense_gives_each_user_or_event_a_weight",
    "check_weighting_defense_leaves_clean_users_their_weight",
]

SEED = 20


@contained
def check_weighting_defense_gives_each_user_or_event_a_weight(subject: Subject) -> None:
    """Weights are float64 of shape (n_users,) or (n_events,), from 0 to 1."""
    for train in (crowd(), crowd().with_sequences(crowd().take(range(7)))):
        found = _weights(subject, train)
        users, events = (train.n_users,), (train.n_events,)
        promise(
            isinstance(found, np.ndarray)
            and found.dtype == np.float64
            and found.shape in (users, events),
            subject,
            f"weighed with {described(found)}; expected float64 of shape {users} or {events}",
        )
        in_range = bool(((found >= 0) & (found <= 1)).all())
        promise(in_range, subject, "gave a weight outside 0 to 1")


@contained
def check_weighting_defense_leaves_clean_users_their_weight(subject: Subject) -> None:
    """Of 150 genuine users without a fake one among them the mean weight is at least a half."""
    mean = float(_weights(subject, crowd()).mean())
    promise(
        mean >= 0.5,
        subject,
        f"left users of clean data a mean weight of {mean:.2f}; expected at least 0.5",
    )


@contained
def check_robust_training_answers_for_the_victim(subject: Subject) -> None:
    """After ``fit`` 0, 1 and 7 users get finite float32 scores of shape (batch, n_items)."""
    split = two_groups()
    training = _trained(subject)
    for n in (0, 1, 7):
        users = np.arange(n, dtype=np.int32)
        scores = training.score_next(users, split.train.take(users))
        promise(
            isinstance(scores, np.ndarray)
            and scores.dtype == np.float32
            and scores.shape == (n, split.train.n_items)
            and bool(np.isfinite(scores).all()),
            subject,
            f"answered {n} users with {described(scores)}; expected finite float32 of shape "
            f"({n}, {split.train.n_items})",
        )


@contained
def check_robust_training_seed_fixes_everything(subject: Subject) -> None:
    """The same data and seed give the same bits, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _scores(subject))
    promise(
        first.tobytes() == second.tobytes(),
        subject,
        "gave two answers for one seed: take all randomness from the seed given to fit",
    )


@contained
def check_robust_training_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _scores(subject), subject)


@contained
def check_robust_training_keeps_what_clean_data_teach(subject: Subject) -> None:
    """Of two groups of users and items, each user's unseen items of its group rank first."""
    right = share_of_pairs_right(_scores(subject))
    promise(
        right > 0.6,
        subject,
        f"ranked {right:.0%} of pairs rightly, where even users see even items and odd "
        "users odd ones (chance is 50 %, expected more than 60 %)",
    )


def _weights(subject: Subject, train: Interactions) -> NDArray[np.float64]:
    defense: WeightingDefense = subject.build()
    return defense.weigh(train, seed=SEED)


def _trained(subject: Subject) -> RobustTraining:
    train = two_groups().train
    training: RobustTraining = subject.build()
    training.fit(_RidgeTrainer(train), train, seed=SEED)
    return training


def _scores(subject: Subject) -> NDArray[np.float32]:
    train = two_groups().train
    return _trained(subject).score_next(np.arange(train.n_users, dtype=np.int32), train)


class _RidgeTrainer(VictimTrainer):
    """Trains ridge regressions, without any vectors that noise could move; an event whose weight
    is below one half is left out."""

    def __init__(self, train: Interactions) -> None:
        self._train = train

    def fit(
        self,
        *,
        kept: NDArray[np.bool_] | None = None,
        weights: NDArray[np.float64] | None = None,
        noise: AdversarialNoise | None = None,
    ) -> FittedVictim:
        train = self._train
        left = np.ones(train.n_events) if weights is None else weights
        if kept is not None:
            left = left * kept[train.rows]
        rows = [row[left[train.rows == user] >= 0.5] for user, row in enumerate(train)]
        model = RidgeRecommender(l2=0.1)
        model.fit(train.with_sequences(Sequences.of(rows)), validation=None, seed=0)
        return _FittedRidge(model)


class _FittedRidge(FittedVictim):
    def __init__(self, model: RidgeRecommender) -> None:
        self._model = model

    def scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        return self._model.score_next(users, histories)

    def top_k(self, users: NDArray[np.int32], histories: Sequences, k: int) -> NDArray[np.int32]:
        scores = self.scores(users, histories).copy()
        scores[histories.rows, histories.items] = -np.inf
        best: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return best.astype(np.int32)
