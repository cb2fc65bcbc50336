"""What a fake user's training samples are: how many it makes, and the pool of its negatives."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import DifferentiableRecommender, TrainingSamples
from loki_bench.influence.fake_users.options import FakeRow, FakeUserOptions
from loki_bench.influence.kernels.negatives import SampleRules
from loki_bench.interactions import Interactions, Sequences

__all__ = ["first_rows", "frozen_negatives", "sample_rules"]


def sample_rules(
    model: DifferentiableRecommender,
    train: Interactions,
    samples: TrainingSamples,
    targets: NDArray[np.int32],
    options: FakeUserOptions,
    *,
    seed: int,
) -> SampleRules:
    """Which training samples fake users make: as many as training does, with frozen negatives.

    Parameters
    ----------
    model : DifferentiableRecommender
    train : Interactions
        What the model was trained on.
    samples : TrainingSamples
        The model's own, of ``train``: their negatives are the pool.
    targets : int32 array
        The objective's items.
    options : FakeUserOptions
    seed : int
    """
    first, later = _samples_per_event(model, train, seed=seed)
    return SampleRules(
        negatives=frozen_negatives(samples.negatives, targets, n_items=train.n_items, seed=seed),
        n_negatives=options.n_negatives,
        negatives_per_prefix=options.negatives == "per-prefix",
        first_weight=first,
        later_weight=later,
    )


def _samples_per_event(
    model: DifferentiableRecommender, train: Interactions, *, seed: int
) -> tuple[float, float]:
    """Samples of a user's first event (0 where a last item is needed) and of each later one.

    Found by asking the recommender, with one of its training sequences cut to one and two events.
    """
    long_enough = np.flatnonzero(train.lengths >= 2)
    if not len(long_enough):
        return 1.0, 1.0
    user = int(long_enough[0])
    counts = []
    for n in (1, 2):
        rows = [[] if u != user else list(train[u][:n]) for u in range(user + 1)]
        probe = train.with_sequences(Sequences.of(rows))
        counts.append(len(model.training_samples(probe, seed=seed)))
    return float(counts[0]), float(counts[1] - counts[0])


def first_rows(
    genuine: NDArray[np.float64], kind: FakeRow, *, n_items: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where fake users' rows start: shape (1, d), or (n_items, d), one for each first item.

    Parameters
    ----------
    genuine : float64 array of shape (n_users, d)
        Rows of genuine users with events.
    """
    d = genuine.shape[1]
    if kind == "random":
        scale = float(genuine.std()) if len(genuine) else 0.0
        return rng.normal(scale=scale, size=(n_items, d))
    if kind == "mean" and len(genuine):
        mean: NDArray[np.float64] = genuine.mean(axis=0, keepdims=True)
        return mean
    return np.zeros((1, d))


def frozen_negatives(
    pool: NDArray[np.int32], targets: NDArray[np.int32], *, n_items: int, seed: int
) -> NDArray[np.int32]:
    """The pool that fake users' negatives come from: the trainer's own, shuffled once.

    The objective's target items are left out, unless nothing else is left: in the pool's frozen
    order one of them would be a negative of every candidate, where training draws it rarely.
    """
    kept = pool[~np.isin(pool, targets)]
    if not len(kept):
        everything = np.arange(n_items, dtype=np.int32)
        kept = everything[~np.isin(everything, targets)]
        kept = kept if len(kept) else everything
    shuffled = np.random.default_rng(seed).permutation(kept)
    present = np.unique(shuffled)
    # Read in full only by a user who has nearly every item: then each of them must be in it.
    return np.concatenate([shuffled[: 64 * 1024], present]).astype(np.int32)
