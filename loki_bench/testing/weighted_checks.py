"""What every recommender that takes weights promises (``contracts.WeightedRecommender``)."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import WeightedRecommender
from loki_bench.interactions import Sequences
from loki_bench.testing.planted import two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

__all__ = [
    "check_weighted_recommender_counts_events_as_often_as_they_weigh",
    "check_weighted_recommender_fits_as_usual_where_all_weights_are_one",
    "check_weighted_recommender_learns_nothing_from_events_without_weight",
]

SEED = 20
WEIGHTS = (0.0, 0.1, 1.0, 3.0)


@contained
def check_weighted_recommender_fits_as_usual_where_all_weights_are_one(subject: Subject) -> None:
    """With weight 1 for every event ``fit_weighted`` gives the bits that ``fit`` gives."""
    split = two_groups()
    plain = subject.build()
    plain.fit(split.train, validation=split.validation, seed=SEED)
    weighted: WeightedRecommender = subject.build()
    weighted.fit_weighted(
        split.train,
        validation=split.validation,
        seed=SEED,
        weights=np.ones(split.train.n_events),
    )
    users = np.arange(7, dtype=np.int32)
    histories = split.train.take(users)
    promise(
        plain.score_next(users, histories).tobytes()
        == weighted.score_next(users, histories).tobytes(),
        subject,
        "scores otherwise after fit_weighted with weight 1 for all than after fit",
    )


@contained
def check_weighted_recommender_learns_nothing_from_events_without_weight(subject: Subject) -> None:
    """Others' scores do not depend on which items users without weight have."""
    generator = np.random.default_rng(SEED)
    items = [generator.permutation(16)[:4] for _ in range(20)]
    others = [(row + 1) % 16 for row in items]
    promise(
        _are_alike(_scores_beside(subject, items), _scores_beside(subject, others)),
        subject,
        "scores a user otherwise when users whose events all have weight 0 hold other items",
    )


@contained
def check_weighted_recommender_counts_events_as_often_as_they_weigh(subject: Subject) -> None:
    """Others' scores are one thing beside users of weight 0, another beside 0.1, 1 and 3."""
    generator = np.random.default_rng(SEED)
    items = [generator.permutation(16)[:4] for _ in range(20)]
    scores = {weight: _scores_beside(subject, items, weight=weight) for weight in WEIGHTS}
    for less, more in pairwise(WEIGHTS):
        promise(
            not _are_alike(scores[less], scores[more]),
            subject,
            f"scores a user alike beside others whose events weigh {less:g} and beside the same "
            f"others with {more:g}: multiply the loss of each event with its weight",
        )


def _are_alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    scale = float(np.abs(one).max(initial=0.0))
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-5 * max(scale, 1e-30)))


def _scores_beside(
    subject: Subject, rows: list[NDArray[np.int64]], *, weight: float = 0.0
) -> NDArray[np.float32]:
    """Scores of 7 users of two groups, trained beside users of this weight with these items."""
    split = two_groups()
    train = split.train.with_users(Sequences.of(rows))
    weights = np.where(train.rows < split.train.n_users, 1.0, weight)
    model: WeightedRecommender = subject.build()
    model.fit_weighted(train, validation=split.validation, seed=SEED, weights=weights)
    users = np.arange(7, dtype=np.int32)
    return model.score_next(users, split.train.take(users))
