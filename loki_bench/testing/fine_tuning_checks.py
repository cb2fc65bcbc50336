"""What a recommender that can be fine-tuned promises (``contracts.FineTunableRecommender``)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import FineTunableRecommender
from loki_bench.interactions import Interactions, Sequences
from loki_bench.testing.planted import two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

__all__ = [
    "check_fine_tunable_recommender_gives_one_answer",
    "check_fine_tunable_recommender_goes_on_from_its_fit",
    "check_fine_tunable_recommender_learns_from_what_it_goes_on_with",
    "check_fine_tunable_recommender_learns_of_further_users",
]

SEED = 20
FURTHER = ((0, 2, 4, 6), (1, 3, 5, 7))
OTHERS = ((8, 9, 10, 11), (12, 13, 14, 15))


@contained
def check_fine_tunable_recommender_gives_one_answer(subject: Subject) -> None:
    """The same fit, data, seed and epochs give the same bits."""
    first, again = (_scores(_tuned(subject, fitted_on=two_groups().train)) for _ in range(2))
    promise(
        first.tobytes() == again.tobytes(),
        subject,
        "scores otherwise when the same fit is fine-tuned again with the same arguments",
    )


@contained
def check_fine_tunable_recommender_goes_on_from_its_fit(subject: Subject) -> None:
    """What it was fitted on is not forgotten: after one epoch it still shows in the scores."""
    train = two_groups().train
    other = train.with_sequences(Sequences.of([(row + 1) % train.n_items for row in train]))
    own, others = (_scores(_tuned(subject, fitted_on=data)) for data in (train, other))
    promise(
        own.tobytes() != others.tobytes(),
        subject,
        "scores alike after one epoch of fine-tuning, whatever data it was fitted on before: it "
        "seems to train from scratch",
    )


@contained
def check_fine_tunable_recommender_learns_from_what_it_goes_on_with(subject: Subject) -> None:
    """Fine-tuning changes the scores of users of the fit, and further users' items show in them."""
    train = two_groups().train
    before = _scores(_fitted(subject, train))
    after = _scores(_tuned(subject, fitted_on=train))
    promise(
        after.tobytes() != before.tobytes(),
        subject,
        "scores a user of its fit after an epoch of fine-tuning as it did before: it seems to "
        "train on nothing",
    )
    promise(
        after.tobytes() != _scores(_tuned(subject, fitted_on=train, further=OTHERS)).tobytes(),
        subject,
        "scores a user of its fit alike whichever items the further users hold with whom it is "
        "fine-tuned: it seems to leave them out",
    )


@contained
def check_fine_tunable_recommender_learns_of_further_users(subject: Subject) -> None:
    """Users who came after the fit are scored, and their samples are counted."""
    train = two_groups().train
    model = _tuned(subject, fitted_on=train)
    scores = model.score_next(
        np.array([train.n_users], dtype=np.int32), _with_further(train).take([train.n_users])
    )
    promise(
        scores.shape == (1, train.n_items) and bool(np.isfinite(scores).all()),
        subject,
        "gives a user who came with the fine-tuning no finite score for each item",
    )
    before = _fitted(subject, train).n_training_samples
    after = model.n_training_samples
    promise(
        before is None or (after is not None and after > before),
        subject,
        f"counts {after} training samples after fine-tuning with further users, and {before} "
        "after the fit without them",
    )


def _fitted(subject: Subject, train: Interactions) -> FineTunableRecommender:
    model: FineTunableRecommender = subject.build()
    model.fit(train, validation=None, seed=SEED)
    return model


def _tuned(
    subject: Subject,
    *,
    fitted_on: Interactions,
    further: tuple[tuple[int, ...], ...] = FURTHER,
) -> FineTunableRecommender:
    """Fitted on some data, then fine-tuned for one epoch on the planted data with further users."""
    model = _fitted(subject, fitted_on)
    train = _with_further(two_groups().train, further)
    return model.fine_tune(train, seed=SEED + 1, epochs=1)


def _with_further(
    train: Interactions, further: tuple[tuple[int, ...], ...] = FURTHER
) -> Interactions:
    return train.with_users(Sequences.of(further))


def _scores(model: FineTunableRecommender) -> NDArray[np.float32]:
    users = np.arange(7, dtype=np.int32)
    return model.score_next(users, two_groups().train.take(users))
