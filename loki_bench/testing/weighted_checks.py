"""What every recommender that takes weights promises (``contracts.WeightedRecommender``)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import WeightedRecommender
from loki_bench.interactions import Sequences
from loki_bench.testing.planted import two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

__all__ = [
    "check_weighted_recommender_fits_as_usual_where_all_weights_are_one",
    "check_weighted_recommender_learns_nothing_from_events_without_weight",
]

SEED = 20


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
    before, after = _scores_beside(subject, items), _scores_beside(subject, others)
    scale = float(np.abs(before).max(initial=0.0))
    promise(
        bool(np.allclose(before, after, rtol=1e-4, atol=1e-5 * max(scale, 1e-30))),
        subject,
        "scores a user otherwise when users whose events all have weight 0 hold other items",
    )


def _scores_beside(subject: Subject, rows: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Scores of 7 users of two groups, trained beside users without weight who have these items."""
    split = two_groups()
    train = split.train.with_users(Sequences.of(rows))
    weights = np.where(train.rows < split.train.n_users, 1.0, 0.0)
    model: WeightedRecommender = subject.build()
    model.fit_weighted(train, validation=split.validation, seed=SEED, weights=weights)
    users = np.arange(7, dtype=np.int32)
    return model.score_next(users, split.train.take(users))
