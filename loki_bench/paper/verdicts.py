"""What a claim of the paper is answered with, and the paired comparisons that decide it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Literal, TypeAlias

from loki_bench.leaderboard.intervals import Bounds, Interval, interval_of, shown
from loki_bench.leaderboard.statistics import LEVEL, holm, paired_p_value, shown_p
from loki_bench.paper.claims import Claim
from loki_bench.paper.evidence import ATTACK, BySeed, NoAnswer, Where

__all__ = [
    "RATE",
    "Answer",
    "Comparison",
    "Judgement",
    "Verdict",
    "all_above",
    "at_place",
    "highest",
    "interval",
    "mean_shown",
    "of_differences",
    "of_sign",
]

Verdict: TypeAlias = Literal["holds", "does not hold", "not decided", "not reproduced"]

RATE: Bounds = (0.0, 1.0)
"""The range of a display rate."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One difference that a verdict may rest on.

    Attributes
    ----------
    what : str
        What is compared, ``loki - covisit on fpmc, 3 % x 15``.
    difference : Interval
        Over seeds, paired.
    p_value : float or None
        Of no difference; None for one seed.
    """

    what: str
    difference: Interval
    p_value: float | None

    @property
    def clear(self) -> bool:
        """Whether the seeds decide on which side of zero the difference lies."""
        return self.p_value is not None and self.p_value < LEVEL

    def __str__(self) -> str:
        p_value = "" if self.p_value is None else f", p {shown_p(self.p_value)}"
        return f"{self.what}: {shown(self.difference, signed=True)}{p_value}"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict and the comparison that it rests on; no comparison where nothing is compared."""

    verdict: Verdict
    decided_by: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the records say about one claim.

    Attributes
    ----------
    ours : str
        Our figure with its interval.
    baselines : Judgement
        Of the claim as the paper makes it: against its own baselines.
    everything : Judgement or None
        Against every attack that is here; None for a claim that compares no attacks.
    why : str
        One or more sentences.
    """

    claim: Claim
    ours: str
    baselines: Judgement
    everything: Judgement | None
    why: str


def at_place(
    rates: Mapping[str, BySeed], rival: str, where: Where, own: str = ATTACK
) -> Comparison:
    """One attack less a rival, as a table has it: corrected by Holm over all pairs of the place.

    Each pair is tested on the seeds that both have: a pair of a row that lacks seeds still counts
    as one of those that are looked at.
    """
    raw = {
        (one, other): paired_p_value(_paired(rates, one, other))
        for one, other in combinations(sorted(rates), 2)
    }
    tested = {pair: p_value for pair, p_value in raw.items() if p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return Comparison(
        what=f"{own} - {rival} on {where}",
        difference=interval(_paired(rates, own, rival), (-1.0, 1.0)),
        p_value=corrected.get((min(own, rival), max(own, rival))),
    )


def _paired(rates: Mapping[str, BySeed], one: str, other: str) -> list[float]:
    """Differences at the seeds that both rows have."""
    own, rival = rates[one], rates[other]
    return [own[seed] - rival[seed] for seed in sorted(own) if seed in rival]


def of_differences(what: str, differences: Sequence[float], bounds: Bounds) -> Comparison:
    """A comparison that stands for itself: no correction."""
    return Comparison(
        what=what, difference=interval(differences, bounds), p_value=paired_p_value(differences)
    )


def all_above(comparisons: Sequence[Comparison]) -> Judgement:
    """Holds where all are clearly above zero; does not where one is clearly below.

    One of many differences falls below zero by chance: those are corrected by Holm once more. It
    was decided by the smallest difference, or by the one that is most clearly below.
    """
    smallest = min(comparisons, key=lambda one: one.difference.mean)
    if all(one.clear and one.difference.mean > 0 for one in comparisons):
        return Judgement(verdict="holds", decided_by=str(smallest))
    below = [one for one in comparisons if one.difference.mean < 0 and one.p_value is not None]
    if below:
        # all places were looked at: those above zero count as places, too
        p_values = [one.p_value or 0.0 for one in below]
        corrected = holm([*p_values, *[1.0] * (len(comparisons) - len(below))])
        first = min(range(len(below)), key=lambda place: corrected[place])
        if corrected[first] < LEVEL:
            return Judgement(verdict="does not hold", decided_by=str(below[first]))
    return Judgement(verdict="not decided", decided_by=str(smallest))


def of_sign(comparison: Comparison) -> Judgement:
    """Of one difference that the claim says to be above zero."""
    verdict: Verdict = "not decided"
    if comparison.clear:
        verdict = "holds" if comparison.difference.mean > 0 else "does not hold"
    return Judgement(verdict=verdict, decided_by=str(comparison))


def highest(rates: Mapping[str, BySeed], among: Iterable[str]) -> str:
    """The attack with the highest mean; of equal ones the first by name."""
    return max(sorted(among), key=lambda attack: fmean(rates[attack].values()))


def interval(values: Sequence[float], bounds: Bounds) -> Interval:
    """Raises ``NoAnswer`` where there is no value."""
    found = interval_of(values, bounds)
    if found is None:
        raise NoAnswer("there is no seed")
    return found


def mean_shown(by: BySeed) -> str:
    """A display rate with its interval over seeds, as tables show it."""
    return shown(interval([by[seed] for seed in sorted(by)], RATE))
