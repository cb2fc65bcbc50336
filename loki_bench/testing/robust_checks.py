"""What a defense promises that weighs events, or that trains the victim."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_weights, lists_given_by
from loki_bench.contracts import (
    AdversarialNoise,
    FittedVictim,
    RobustTraining,
    VictimTrainer,
    WeightingDefense,
)
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import DefenseSpec
from loki_bench.testing.planted import attacked_crowd, crowd, share_of_pairs_right, two_groups
from loki_bench.testing.ridge import RidgeRecommender
from loki_bench.testing.subject import Subject, as_broken_promise, checks_report, described, promise
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
)
from loki_bench.training_checks import check_fit, check_question

__all__ = [
    "check_robust_training_answers_for_the_victim",
    "check_robust_training_keeps_what_clean_data_teach",
    "check_robust_training_leaves_generators_alone",
    "check_robust_training_leaves_the_process_alone",
    "check_robust_training_reports_plain_data",
    "check_robust_training_seed_fixes_everything",
    "check_weighting_defense_forgets_the_last_weights",
    "check_weighting_defense_gives_each_user_or_event_a_weight",
    "check_weighting_defense_leaves_clean_users_their_weight",
    "check_weighting_defense_seed_fixes_every_weight",
    "check_weighting_defense_weighs_users_wherever_they_stand",
]

SEED = 20


@contained
def check_weighting_defense_gives_each_user_or_event_a_weight(subject: Subject) -> None:
    """Weights are float64 of shape (n_users,) or (n_events,), from 0 to 1, and not all 0."""
    for train in (crowd(), crowd().with_sequences(crowd().take(range(7)))):
        with as_broken_promise():
            checked_weights(_weights(subject, train), who=str(subject), train=train)


@contained
def check_weighting_defense_seed_fixes_every_weight(subject: Subject) -> None:
    """The same data and seed give the same weights, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _weights(subject, attacked_crowd()))
    promise(
        np.array_equal(first, second),
        subject,
        "gave other weights for the same seed: take all randomness from the seed given to weigh",
    )


@contained
def check_weighting_defense_forgets_the_last_weights(subject: Subject) -> None:
    """One object asked twice weighs the second time as a new one does."""
    used = subject.build()
    _weights(subject, crowd().with_sequences(crowd().take(range(40, 80))), used)
    promise(
        np.array_equal(
            _weights(subject, attacked_crowd(), used), _weights(subject, attacked_crowd())
        ),
        subject,
        "weighs otherwise after earlier data: keep nothing between two calls that changes the "
        "second answer",
    )


@contained
def check_weighting_defense_weighs_users_wherever_they_stand(subject: Subject) -> None:
    """The same users in reverse order weigh the same: a place in the data says nothing."""
    train = attacked_crowd()
    turned = train.with_sequences(train.take(np.arange(train.n_users)[::-1]))
    before = _by_user(_weights(subject, train), train)
    after = _by_user(_weights(subject, turned), turned)[::-1]
    alike = float(
        np.mean([np.allclose(*both, atol=1e-6) for both in zip(before, after, strict=True)])
    )
    promise(
        alike >= 0.98,
        subject,
        f"weighs {1 - alike:.0%} of the users otherwise when their order is reversed",
    )


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
def check_robust_training_reports_plain_data(subject: Subject) -> None:
    """``report`` after ``fit`` is a mapping of names to finite numbers and other plain data."""
    checks_report(subject, _trained(subject).report)


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
def check_robust_training_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _scores(subject), subject)


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


def _weights(
    subject: Subject, train: Interactions, defense: WeightingDefense | None = None
) -> NDArray[np.float64]:
    used: WeightingDefense = subject.build() if defense is None else defense
    return used.weigh(train, seed=SEED)


def _by_user(weights: NDArray[np.float64], train: Interactions) -> list[NDArray[np.float64]]:
    """The weights of each user's events."""
    of_events = np.repeat(weights, train.lengths) if len(weights) == train.n_users else weights
    return np.split(of_events, train.offsets[1:-1])


def _trained(subject: Subject) -> RobustTraining:
    train = two_groups().train
    training: RobustTraining = subject.build()
    training.fit(_RidgeTrainer(subject, train), train, seed=SEED)
    return training


def _scores(subject: Subject) -> NDArray[np.float32]:
    train = two_groups().train
    return _trained(subject).score_next(np.arange(train.n_users, dtype=np.int32), train)


class _RidgeTrainer(VictimTrainer):
    """Trains ridge regressions, without any vectors that noise could move; an event whose weight
    is below one half is left out. What the host refuses is refused."""

    def __init__(self, subject: Subject, train: Interactions) -> None:
        self._subject, self._train = subject, train

    def fit(
        self,
        *,
        kept: NDArray[np.bool_] | None = None,
        weights: NDArray[np.float64] | None = None,
        noise: AdversarialNoise | None = None,
    ) -> FittedVictim:
        train, spec = self._train, self._subject.spec
        check_fit(who=str(self._subject), train=train, kept=kept, weights=weights, noise=noise)
        assert isinstance(spec, DefenseSpec)  # noqa: S101  # checks are chosen by kind
        for given, declared, what in (
            (weights, spec.needs_weights, "weights"),
            (noise, spec.needs_noise, "noise"),
        ):
            promise(
                given is None or declared,
                self._subject,
                f"gives {what}, and its spec does not say needs_{what}: victims that take none "
                "would be found out only in a run",
            )
        left = np.ones(train.n_events) if weights is None else weights
        if kept is not None:
            left = left * kept[train.rows]
        rows = [row[left[train.rows == user] >= 0.5] for user, row in enumerate(train)]
        model = RidgeRecommender(l2=0.1)
        model.fit(train.with_sequences(Sequences.of(rows)), validation=None, seed=0)
        return _FittedRidge(self._subject, model, train)


class _FittedRidge(FittedVictim):
    def __init__(self, subject: Subject, model: RidgeRecommender, train: Interactions) -> None:
        self._who, self._model, self._train = str(subject), model, train

    def scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        self._check(users, histories)
        return self._model.score_next(users, histories)

    def top_k(self, users: NDArray[np.int32], histories: Sequences, k: int) -> NDArray[np.int32]:
        self._check(users, histories, k)
        return lists_given_by(
            self._model,
            name="ridge",
            users=users,
            histories=histories,
            k=k,
            n_items=self._train.n_items,
        )

    def _check(self, users: NDArray[np.int32], histories: Sequences, k: int | None = None) -> None:
        check_question(
            who=self._who,
            users=users,
            histories=histories,
            n_users=self._train.n_users,
            n_items=self._train.n_items,
            k=k,
        )
