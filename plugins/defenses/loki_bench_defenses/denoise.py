"""Training without the events that the victim itself finds least plausible."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import FittedVictim, RobustTraining, VictimTrainer
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_count, require_number

__all__ = ["TruncatedLoss", "event_losses"]

_WHO = "defense 'denoise'"

N_NEGATIVES = 50
BLOCK_SCORES = 4_000_000


class TruncatedLoss(RobustTraining):
    """The victim is trained, then anew without the share of events that it has the largest loss on.

    After the truncated loss of Wang et al. (Denoising Implicit Feedback for Recommendation, WSDM
    2021), which drops the largest losses of each batch, at a rate that grows while training. Here
    the host trains, so events are dropped between fits, at a rate that grows with them; a fit
    forgets the one before. An event's loss is that of a pair: the mean of
    ``log(1 + exp(s_j - s_i))`` over 50 items ``j`` drawn at random, after the events before it.

    It is made for clicks by mistake, not for fake users, and rates no user.

    Parameters
    ----------
    drop_rate : float above 0 and below 1
        Share of all events that the last fit does without.
    n_rounds : int
        Fits after the first one.
    """

    def __init__(self, drop_rate: float = 0.1, n_rounds: int = 1) -> None:
        self.drop_rate = require_number(_WHO, "drop_rate", drop_rate, above=0, below=1)
        self.n_rounds = require_count(_WHO, "n_rounds", n_rounds)
        self._victim: FittedVictim | None = None
        self._n_dropped = 0

    def fit(self, victim: VictimTrainer, train: Interactions, *, seed: int) -> None:
        """Train ``n_rounds + 1`` times."""
        random = np.random.default_rng(seed)
        self._victim = victim.fit()
        for number in range(1, self.n_rounds + 1):
            losses = event_losses(self._victim, train, random)
            self._n_dropped = int(self.drop_rate * number / self.n_rounds * train.n_events)
            weights = np.ones(train.n_events)
            weights[np.argsort(losses, kind="stable")[train.n_events - self._n_dropped :]] = 0.0
            self._victim = victim.fit(weights=weights)

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """The scores of the last victim."""
        if self._victim is None:
            raise RuntimeError("denoise: nothing is trained yet; call fit first")
        return self._victim.scores(users, histories)

    @property
    def report(self) -> dict[str, float]:
        """How many events the last fit went without."""
        return {"dropped_events": float(self._n_dropped)}


def event_losses(
    victim: FittedVictim, train: Interactions, random: np.random.Generator
) -> NDArray[np.float64]:
    """The pairwise loss of each training event after those before it, shape (n_events,)."""
    histories = train.prefixes()
    negatives = random.integers(0, train.n_items, N_NEGATIVES)
    losses = np.empty(train.n_events)
    block = max(1, BLOCK_SCORES // max(train.n_items, 1))
    for start in range(0, train.n_events, block):
        events = np.arange(start, min(start + block, train.n_events))
        scores = victim.scores(train.rows[events], histories.take(events)).astype(np.float64)
        own = scores[np.arange(len(events)), train.items[events]]
        losses[events] = np.logaddexp(0, scores[:, negatives] - own[:, None]).mean(axis=1)
    return losses
