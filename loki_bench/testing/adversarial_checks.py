"""What every recommender that takes noise promises (``contracts.AdversarialRecommender``)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AdversarialNoise, AdversarialRecommender
from loki_bench.testing.planted import share_of_pairs_right, two_groups
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import contained

__all__ = [
    "check_adversarial_recommender_fits_as_usual_where_noise_has_no_weight",
    "check_adversarial_recommender_learns_under_noise_and_hears_it",
    "check_adversarial_recommender_moves_nobody_whose_radius_is_zero",
]

SEED = 20


@contained
def check_adversarial_recommender_fits_as_usual_where_noise_has_no_weight(
    subject: Subject,
) -> None:
    """With noise of weight 0 ``fit_adversarial`` gives the bits that ``fit`` gives."""
    promise(
        _scores(subject, AdversarialNoise(radius=0.5, weight=0.0)).tobytes()
        == _plain(subject).tobytes(),
        subject,
        "scores otherwise after fit_adversarial with noise of weight 0 than after fit",
    )


@contained
def check_adversarial_recommender_moves_nobody_whose_radius_is_zero(subject: Subject) -> None:
    """A radius of 0 for each user is a radius of 0."""
    n_users = two_groups().train.n_users
    nobody = AdversarialNoise(radius=0.5, weight=1.0, of_users=np.zeros(n_users))
    promise(
        _scores(subject, nobody).tobytes()
        == _scores(subject, AdversarialNoise(radius=0.0, weight=1.0)).tobytes(),
        subject,
        "scores otherwise where of_users makes each user's radius 0 than where the radius is 0",
    )


@contained
def check_adversarial_recommender_learns_under_noise_and_hears_it(subject: Subject) -> None:
    """Noise changes the scores, and users of two groups still get their own group's items first."""
    scores = _scores(subject, AdversarialNoise(radius=0.2, weight=1.0))
    promise(
        bool(np.isfinite(scores).all()) and not np.array_equal(scores, _plain(subject)),
        subject,
        "scores as without any noise, or without being finite, after fit_adversarial",
    )
    right = share_of_pairs_right(scores)
    promise(
        right > 0.6,
        subject,
        f"ranked {right:.0%} of pairs rightly under noise, where even users see even items and odd "
        "users odd ones (chance is 50 %, expected more than 60 %)",
    )


def _plain(subject: Subject) -> NDArray[np.float32]:
    split = two_groups()
    model: AdversarialRecommender = subject.build()
    model.fit(split.train, validation=split.validation, seed=SEED)
    return _scored(model)


def _scores(subject: Subject, noise: AdversarialNoise) -> NDArray[np.float32]:
    split = two_groups()
    model: AdversarialRecommender = subject.build()
    model.fit_adversarial(split.train, validation=split.validation, seed=SEED, noise=noise)
    return _scored(model)


def _scored(model: AdversarialRecommender) -> NDArray[np.float32]:
    train = two_groups().train
    return model.score_next(np.arange(train.n_users, dtype=np.int32), train)
