"""Training against noise on the victim's vectors: one radius for all, or one by vulnerability."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AdversarialNoise, FittedVictim, RobustTraining, VictimTrainer
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_number
from loki_bench_defenses.denoise import event_losses

__all__ = ["AdversarialTraining", "VulnerabilityAwareTraining", "vulnerability"]


class AdversarialTraining(RobustTraining):
    """One fit in which a sample's loss has to stand the worst small move of its vectors.

    After adversarial personalised ranking (He et al., SIGIR 2018): the loss is
    ``L(v) + weight * L(v + e)``, ``e`` of one radius for all samples. In the paper the victim is
    trained without noise first; here noise is there from the first epoch, and small while vectors
    are, since the radius is in their lengths. It rates no user.

    Parameters
    ----------
    radius : float above 0
        See :class:`~loki_bench.contracts.AdversarialNoise`.
    weight : float above 0
    """

    name: ClassVar[str] = "apr"

    def __init__(self, radius: float = 0.3, weight: float = 1.0) -> None:
        who = f"defense '{self.name}'"
        self.radius = require_number(who, "radius", radius, above=0)
        self.weight = require_number(who, "weight", weight, above=0)
        self._victim: FittedVictim | None = None

    def fit(self, victim: VictimTrainer, train: Interactions, *, seed: int) -> None:
        """Train once."""
        self._victim = victim.fit(noise=AdversarialNoise(radius=self.radius, weight=self.weight))

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """The scores of the last victim."""
        if self._victim is None:
            raise RuntimeError("nothing is trained yet; call fit first")
        return self._victim.scores(users, histories)


class VulnerabilityAwareTraining(AdversarialTraining):
    """Two fits: one that tells whom the victim fits well, and one with more noise for these.

    After VAT (Zhang et al., RecSys 2024), whose finding is that attacks reach the users that a
    victim fits best: the radius of a user's samples is ``radius * sigma((m - L_u) / m)``, ``L_u``
    the user's mean loss and ``m`` the mean over users (:func:`vulnerability`). The paper takes the
    losses of the epoch at hand; here the host trains, so they are those of a first fit without
    noise, and of pairs with 50 items drawn at random (:func:`.denoise.event_losses`).
    """

    name = "vat"

    def __init__(self, radius: float = 0.5, weight: float = 1.0) -> None:
        super().__init__(radius, weight)
        self._spread: tuple[float, float] | None = None

    def fit(self, victim: VictimTrainer, train: Interactions, *, seed: int) -> None:
        """Train twice."""
        losses = event_losses(victim.fit(), train, np.random.default_rng(seed))
        of_users = vulnerability(losses, train)
        self._spread = (float(of_users.min(initial=1.0)), float(of_users.max(initial=0.0)))
        self._victim = victim.fit(
            noise=AdversarialNoise(radius=self.radius, weight=self.weight, of_users=of_users)
        )

    @property
    def report(self) -> dict[str, float]:
        """The least and the greatest share of the radius that a user has."""
        if self._spread is None:
            return {}
        return {"least_share": self._spread[0], "greatest_share": self._spread[1]}


def vulnerability(losses: NDArray[np.float64], train: Interactions) -> NDArray[np.float64]:
    """``1 / (1 + exp(-(m - L_u) / m))``, from the loss of each event; shape (n_users,).

    A user without events has the mean loss.
    """
    counts = train.lengths
    sums = np.bincount(train.rows, losses, minlength=train.n_users)
    has_events = counts > 0
    of_users = sums / np.maximum(counts, 1)
    mean = float(of_users[has_events].mean()) if has_events.any() else 0.0
    of_users[~has_events] = mean
    away = (mean - of_users) / max(mean, np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):  # of a user whose loss is hundreds of times the mean: 0
        found: NDArray[np.float64] = 1 / (1 + np.exp(-away))
    return found
