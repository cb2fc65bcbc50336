"""What a scorer of fake users answers, and the checks and sums that all scorers share."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.interactions import Sequences

__all__ = [
    "FakeUserScorer",
    "check_items",
    "check_next_items",
    "differences_of_prefixes",
    "differences_within",
    "finite",
]


class FakeUserScorer(Protocol):
    """Scores fake users from a solved vector."""

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.influence``."""
        ...

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.marginal_influence``."""
        ...

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.sequence_rewards``."""
        ...


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
