"""Judges whether sequence lengths stay similar: the paper's Figure 6, which it compares by eye.

One distance of the whole distributions says little. Fake users are at most a few in a hundred,
so the Kolmogorov-Smirnov distance can't exceed their share whatever they do. What an operator of
the platform would see is one length that many more users have than before: the claim is judged by
both.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.metrics.stealth import ks_distance
from loki_bench.paper.evidence import (
    ACTIONS,
    ATTACK,
    SHARE,
    VICTIMS,
    Evidence,
    Lengths,
    NoAnswer,
    Where,
)
from loki_bench.paper.verdicts import Judgement

__all__ = ["LARGEST_DISTANCE", "LARGEST_SPIKE", "lengths_stay_similar"]

LARGEST_DISTANCE = 0.05
"""Kolmogorov-Smirnov distance up to which two distributions pass for similar."""

LARGEST_SPIKE = 2.0
"""By how many times the users of any one length may grow in number."""


def lengths_stay_similar(evidence: Evidence) -> tuple[str, Judgement, None, str]:
    """Our figures, the verdict and why; the claim compares no attacks.

    Raises ``NoAnswer`` where the records hold no lengths, or none of fake users.
    """
    distances: dict[str, float] = {}
    spikes: list[_Spike] = []
    for victim in VICTIMS:
        where = Where(victim, SHARE, ACTIONS)
        if (where, ATTACK) not in evidence.lengths:
            raise NoAnswer(f"{ATTACK} on {where} has no record with sequence lengths")
        genuine, fake = evidence.lengths[where, ATTACK]
        if not fake:
            raise NoAnswer(f"{ATTACK} on {where} wrote no fake user: there is no length")
        before, injected = _lengths(genuine), _lengths(fake)
        after = np.concatenate([before, injected])
        distances[victim] = ks_distance(before, after)
        spikes += [_Spike(n, genuine.get(n, 0), added) for n, added in fake.items()]
        bound = len(injected) / len(after)
    spike = max(spikes, key=lambda spike: (spike.times, -spike.length))
    ours = "; ".join(f"distance {value:.3f} on {victim}" for victim, value in distances.items())
    why = (
        f"The Kolmogorov-Smirnov distance before and after is at most "
        f"{max(distances.values()):.3f}; with {100 * bound:.1f} % of all users fake it can't "
        f"exceed {bound:.3f}. {_capital(str(spike))}"
    )
    if (largest := max(distances.values())) > LARGEST_DISTANCE:
        decided = f"distance {largest:.3f}, above {LARGEST_DISTANCE:g}"
        return ours, Judgement(verdict="does not hold", decided_by=decided), None, f"{why}."
    if spike.times > LARGEST_SPIKE:
        judged = Judgement(verdict="does not hold", decided_by=str(spike))
        return ours, judged, None, f"{why}: similar as wholes, and one length stands out."
    judged = Judgement(verdict="holds", decided_by=str(spike))
    return ours, judged, None, f"{why}: no length stands out."


class _Spike(NamedTuple):
    """How many users have a length before the injection, and how many are added."""

    length: int
    before: int
    added: int

    @property
    def times(self) -> float:
        return (self.before + self.added) / self.before if self.before else math.inf

    def __str__(self) -> str:
        return (
            f"users with {self.length} events grow from {self.before} to "
            f"{self.before + self.added}, {self.times:.1f} times as many"
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lengths(counts: Lengths) -> NDArray[np.int64]:
    return np.repeat(
        np.array(list(counts), dtype=np.int64), np.array(list(counts.values()), dtype=np.int64)
    )
