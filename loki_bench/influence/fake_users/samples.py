"""What a fake user's samples are: how it gets its row, how many it makes, which negatives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import DifferentiableRecommender
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.interactions import Interactions, Sequences

__all__ = [
    "FakeRow",
    "FakeUserOptions",
    "Marginal",
    "Negatives",
    "SamplesPerEvent",
    "check_items",
    "check_next_items",
    "differences_of_prefixes",
    "differences_within",
    "finite",
    "first_rows",
    "frozen_negatives",
]

FakeRow = Literal["fold-in", "mean", "random", "transition-only"]
Marginal = Literal["refold", "augmented"]
Negatives = Literal["shared", "by-prefix"]


@dataclass(frozen=True, kw_only=True)
class FakeUserOptions:
    """How a fake user, who is no row of the clean model, is given one.

    Attributes
    ----------
    fake_user : "fold-in", "mean", "random" or "transition-only"
        ``fold-in``: the row that minimises the fake user's own loss. ``mean``: the mean row of
        the genuine users. ``random``: a draw of their spread, another one for each first item, so
        that a user keeps its own while its sequence grows. ``transition-only``: zero, which leaves
        the last-item terms alone. The last three are controls: they rank far worse.
    fold_in_l2 : float or None
        L2 coefficient of the folded-in row; None takes the model's own.
    n_negatives : int
        Frozen negatives averaged over for each sample.
    negatives : "shared" or "by-prefix"
        Which frozen negatives. ``shared``: the n-th event of every fake user has the same ones,
        so that two fake users differ by what they did alone. ``by-prefix``: each prefix of items
        has its own, so that a mean over many fake users also is one over many negatives, as
        training is.
    marginal : "refold" or "augmented"
        How a next item is valued: the difference of two fold-ins, or the derivative at the
        prefix's fold-in, which is 0 after an empty prefix and cheaper for many candidates of one
        prefix.
    """

    fake_user: FakeRow = "fold-in"
    fold_in_l2: float | None = None
    n_negatives: int = 1
    negatives: Negatives = "shared"
    marginal: Marginal = "refold"

    def __post_init__(self) -> None:
        if self.fake_user not in get_args(FakeRow):
            raise ParameterError(
                f"fake_user = {self.fake_user!r} is not known: give one of "
                + ", ".join(get_args(FakeRow))
            )
        if self.marginal not in get_args(Marginal):
            raise ParameterError(
                f"marginal = {self.marginal!r} is not known: give one of "
                + ", ".join(get_args(Marginal))
            )
        if self.negatives not in get_args(Negatives):
            raise ParameterError(
                f"negatives = {self.negatives!r} is not known: give one of "
                + ", ".join(get_args(Negatives))
            )
        if self.fold_in_l2 is not None and not self.fold_in_l2 > 0:
            raise ParameterError(f"fold_in_l2 = {self.fold_in_l2} must be above 0")
        if self.n_negatives < 1:
            raise ParameterError(f"n_negatives = {self.n_negatives} must be 1 or more")


@dataclass(frozen=True, kw_only=True)
class SamplesPerEvent:
    """How many training samples a recommender forms of a user's events.

    Attributes
    ----------
    first, later : float
        Samples of the first event (0 where a last item is needed) and of each later one.
    """

    first: float
    later: float

    @classmethod
    def of(
        cls, model: DifferentiableRecommender, train: Interactions, *, seed: int
    ) -> "SamplesPerEvent":
        """Ask the recommender, with two of its own training sequences cut to one and two events."""
        long_enough = np.flatnonzero(train.lengths >= 2)
        if not len(long_enough):
            return cls(first=1.0, later=1.0)
        user = int(long_enough[0])
        counts = []
        for n in (1, 2):
            rows = [[] if u != user else list(train[u][:n]) for u in range(user + 1)]
            probe = train.with_sequences(Sequences.of(rows))
            counts.append(len(model.training_samples(probe, seed=seed)))
        return cls(first=float(counts[0]), later=float(counts[1] - counts[0]))


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


def differences_within(sequences: Sequences, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each event's value less the one before it in its row; the first event's value as it is."""
    out = np.diff(values, prepend=0.0)
    starts = sequences.offsets[:-1][sequences.lengths > 0]
    out[starts] = values[starts]
    return out


def check_items(items: NDArray[np.int32], n_items: int) -> None:
    """Refuse ids outside the catalogue: the compiled loops would read other memory."""
    if len(items) and (int(items.min()) < 0 or int(items.max()) >= n_items):
        raise ParameterError(
            f"an influence estimator was given item {int(items.min())} to {int(items.max())}: "
            f"items must lie between 0 and {n_items - 1}, the catalogue that it was fitted on"
        )


def check_next_items(prefixes: Sequences, next_items: NDArray[np.int32]) -> NDArray[np.int32]:
    """The next items as int32, one for each prefix; raises ``ParameterError`` otherwise."""
    following = np.asarray(next_items, dtype=np.int32)
    if following.shape != (len(prefixes),):
        raise ParameterError(
            f"{len(prefixes)} prefixes and next items of shape {following.shape}: give one item a "
            "prefix"
        )
    return following


def differences_of_prefixes(
    influence: Callable[[Sequences], NDArray[np.float64]],
    prefixes: Sequences,
    next_items: NDArray[np.int32],
) -> NDArray[np.float64]:
    """``influence(prefix + item) - influence(prefix)``, each different sequence valued once."""
    keys = [(*row.tolist(), int(item)) for row, item in zip(prefixes, next_items, strict=True)]
    different = list(dict.fromkeys([key for full in keys for key in (full[:-1], full)]))
    values = dict(zip(different, influence(Sequences.of(different)).tolist(), strict=True))
    return np.array([values[full] - values[full[:-1]] for full in keys], dtype=np.float64)


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, or ``InvalidAnswerError`` where one is not finite."""
    if not np.isfinite(values).all():
        raise InvalidAnswerError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} influences are not finite: "
            "raise fold_in_l2 or the damping"
        )
    return values
