"""Answers each of the paper's claims from records: a figure with its interval, a verdict, and why.

Every interval is the 95 % percentile bootstrap over seeds of
:mod:`loki_bench.leaderboard.statistics`, paired: what is compared is compared seed by seed. A claim
is not answered where a row or a seed is missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

import numpy as np

from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.leaderboard.statistics import Interval, interval_of, ratio_interval
from loki_bench.paper.claims import BASELINES, Claim, Question
from loki_bench.paper.evidence import (
    ACTIONS,
    ATTACK,
    SHARE,
    VICTIMS,
    BySeed,
    Evidence,
    NoAnswer,
    Where,
)
from loki_bench.paper.lengths import lengths_stay_similar

__all__ = ["Answer", "Verdict", "answer"]

Verdict: TypeAlias = Literal["holds", "partly", "does not hold", "not answered"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the records say about one claim.

    Attributes
    ----------
    ours : str
        Our figure with its interval.
    why : str
        One or more sentences: what the verdict rests on.
    """

    claim: Claim
    ours: str
    verdict: Verdict
    why: str


def answer(claim: Claim, evidence: Evidence) -> Answer:
    """Judge one claim."""
    try:
        ours, verdict, why = JUDGES[claim.question](claim, evidence)
    except NoAnswer as lacking:
        return Answer(claim=claim, ours="-", verdict="not answered", why=f"{lacking}.")
    return Answer(claim=claim, ours=ours, verdict=verdict, why=why)


EstimatorRef: TypeAlias = tuple[str, Verdict, str]


def _best(claim: Claim, evidence: Evidence) -> EstimatorRef:
    return _best_at([Where(victim, SHARE, ACTIONS) for victim in VICTIMS], evidence)


def _best_at_every(over: str) -> Callable[[Claim, Evidence], EstimatorRef]:
    def judge(claim: Claim, evidence: Evidence) -> EstimatorRef:
        places = [where for victim in VICTIMS for where in evidence.series(victim, over=over)]
        return _best_at(places, evidence)

    return judge


def _best_at(places: Sequence[Where], evidence: Evidence) -> EstimatorRef:
    """Holds where LOKI is above every other attack everywhere, partly where above the paper's."""
    above_the_papers, beaten_by, level_with, gaps = [], [], [], []
    for where in places:
        rates = evidence.rates(where)
        baseline = _highest(rates, BASELINES)
        gap = _difference(rates[ATTACK], rates[baseline])
        gaps.append(gap)
        if gap.bootstrap_low > 0:
            above_the_papers.append(where)
        for other in sorted(set(rates) - {ATTACK, *BASELINES}):
            lead = _difference(rates[ATTACK], rates[other])
            if lead.bootstrap_high < 0:
                beaten_by.append(f"{escape_markdown(other)} on {where} by {_shown(lead, sign=-1)}")
            elif lead.bootstrap_low <= 0:
                level_with.append(
                    f"{escape_markdown(other)} on {where} ({_shown(lead, signed=True)})"
                )
    n, total = len(above_the_papers), len(places)
    ours = _listed(
        f"{_shown(interval_of(list(evidence.rates(w)[ATTACK].values())))} on {w}" for w in places
    )
    why = (
        f"LOKI is above the best of the paper's baselines (the interval of the paired difference "
        f"lies above 0) at {n} of {total} places; the smallest gap is "
        f"{_shown(min(gaps, key=lambda gap: gap.mean), signed=True)}."
    )
    if beaten_by:
        why += f" Attacks that the paper does not have beat it: {_listed(beaten_by)}."
    if level_with:
        why += f" It can't be told from: {_listed(level_with)}."
    if n == total:
        return ours, "partly" if beaten_by or level_with else "holds", why
    return ours, "partly" if n else "does not hold", why


def _times_the_best_baseline(claim: Claim, evidence: Evidence) -> EstimatorRef:
    threshold = _threshold(claim)
    pairs, said = [], []
    for victim in VICTIMS:
        rates = evidence.rates(Where(victim, SHARE, ACTIONS))
        baseline = _highest(rates, BASELINES)
        pairs.append(_paired(rates[ATTACK], rates[baseline]))
        ratio = ratio_interval(pairs[-1:])
        said.append(f"{_shown(ratio, digits=1)} times {baseline} on {victim}")
    mean = ratio_interval(pairs)
    verdict: Verdict = "holds"
    if mean.mean <= threshold:
        verdict = "does not hold"
    elif mean.bootstrap_low <= threshold:
        verdict = "partly"
    why = f"LOKI's mean display rate is {_listed(said)}. "
    why += {
        "holds": f"The interval of the mean of the two lies above {threshold:g}.",
        "partly": f"The mean of the two is above {threshold:g}, and its interval reaches below it.",
        "does not hold": f"The mean of the two is not above {threshold:g}.",
    }[verdict]
    return f"{_shown(mean, digits=1)} times", verdict, why


def _gap_on_fpmc(claim: Claim, evidence: Evidence) -> EstimatorRef:
    gaps: dict[str, dict[int, float]] = {}
    for victim in VICTIMS:
        rates = evidence.rates(Where(victim, SHARE, ACTIONS))
        rival = rates[_highest(rates, BASELINES)]
        gaps[victim] = {seed: value - rival[seed] for seed, value in rates[ATTACK].items()}
    if set(gaps["bprmf"]) != set(gaps["fpmc"]):
        raise NoAnswer("the two victims have results for other seeds")
    more = _difference(gaps["fpmc"], gaps["bprmf"])
    each = {victim: _shown(interval_of(list(by.values()))) for victim, by in gaps.items()}
    why = (
        f"The gap is {each['fpmc']} on FPMC and {each['bprmf']} on BPRMF; the difference, "
        f"paired by seed, is {_shown(more, signed=True)}"
    )
    ours = f"{_shown(more, signed=True)} more on FPMC"
    if more.mean <= 0:
        return ours, "does not hold", f"{why}: it is not larger on FPMC."
    if more.bootstrap_low <= 0:
        return ours, "partly", f"{why}: larger, and the interval reaches 0."
    return ours, "holds", f"{why}: its interval lies above 0."


def _random_is_worst(claim: Claim, evidence: Evidence) -> EstimatorRef:
    """Among attacks: the null attack is none."""
    lowest, clearly, said, ours = 0, 0, [], []
    for victim in VICTIMS:
        rates = dict(evidence.rates(Where(victim, SHARE, ACTIONS)))
        del rates["none"]
        others = {attack: by for attack, by in rates.items() if attack != "random"}
        rival = min(sorted(others), key=lambda attack: fmean(others[attack].values()))
        lead = _difference(rates["random"], rates[rival])
        lowest += lead.mean <= 0
        clearly += lead.bootstrap_high < 0
        ours.append(f"{_shown(interval_of(list(rates['random'].values())))} on {victim}")
        said.append(
            f"on {victim} the lowest other attack is {rival}, and random is "
            f"{_shown(lead, signed=True)} from it"
        )
    why = f"{_capital(_listed(said))}."
    if clearly == len(VICTIMS):
        return _listed(ours), "holds", why
    if lowest:
        return _listed(ours), "partly", f"{why} It is not clearly the worst on every victim."
    return _listed(ours), "does not hold", f"{why} Another attack is worse on every victim."


def _grows(over: Literal["fake_users", "actions"]) -> Callable[[Claim, Evidence], EstimatorRef]:
    def judge(claim: Claim, evidence: Evidence) -> EstimatorRef:
        rising, falls, said, ours = 0, [], [], []
        for victim in VICTIMS:
            places = evidence.series(victim, over=over)
            rows = [evidence.rates(where)[ATTACK] for where in places]
            seeds = sorted(rows[0])
            if any(sorted(row) != seeds for row in rows):
                raise NoAnswer(f"{ATTACK} on {victim} has other seeds at other budgets")
            x = [100 * p.fake_users if over == "fake_users" else p.actions for p in places]
            unit = "percent of controlled users" if over == "fake_users" else "action"
            slopes = [float(np.polyfit(x, [row[s] for row in rows], 1)[0]) for s in seeds]
            slope = _interval(slopes)
            rising += slope.bootstrap_low > 0
            for before, after, place in zip(rows, rows[1:], places[1:], strict=False):
                step = _difference(after, before)
                if step.bootstrap_high < 0:
                    falls.append(f"up to {place} by {_shown(step, sign=-1)}")
            means = " -> ".join(f"{fmean(row.values()):.3f}" for row in rows)
            said.append(f"on {victim} {means} at {_budgets(places, over)}")
            ours.append(f"{_shown(slope, signed=True)} per {unit} on {victim}")
        why = f"Means: {_listed(said)}. The slope's interval lies above 0 on {rising} of 2 victims."
        if falls:
            why += f" The mean clearly falls {_listed(falls)}."
        if rising == len(VICTIMS) and not falls:
            return _listed(ours), "holds", why
        return _listed(ours), "partly" if rising else "does not hold", why

    return judge


def _reaches(claim: Claim, evidence: Evidence) -> EstimatorRef:
    threshold = _threshold(claim)
    found = _interval(list(evidence.rates(Where("fpmc", SHARE, ACTIONS))[ATTACK].values()))
    ours = _shown(found)
    if found.bootstrap_low <= threshold <= found.bootstrap_high:
        return ours, "holds", f"{threshold:g} lies in our interval."
    if found.mean > threshold:
        times = found.mean / threshold
        why = f"Ours is higher, {times:.1f} times the paper's figure: at least that much is reached"
        return ours, "partly", f"{why}, and the number is another one."
    return ours, "does not hold", f"Ours is lower: {found.mean / threshold:.2f} of the figure."


JUDGES: Mapping[Question, Callable[[Claim, Evidence], EstimatorRef]] = {
    "best": _best,
    "times_the_best_baseline": _times_the_best_baseline,
    "gap_on_fpmc": _gap_on_fpmc,
    "random_is_worst": _random_is_worst,
    "best_at_every_share": _best_at_every("fake_users"),
    "grows_with_the_share": _grows("fake_users"),
    "reaches": _reaches,
    "best_at_every_number_of_actions": _best_at_every("actions"),
    "grows_with_the_actions": _grows("actions"),
    "lengths_stay_similar": lambda claim, evidence: lengths_stay_similar(evidence),
}


def _threshold(claim: Claim) -> float:
    if claim.threshold is None:
        raise ValueError(f"claim '{claim.title}' has no threshold")
    return claim.threshold


def _highest(rates: Mapping[str, BySeed], among: Sequence[str]) -> str:
    """The attack with the highest mean; of equal ones the first by name."""
    return max(sorted(among), key=lambda attack: fmean(rates[attack].values()))


def _paired(first: BySeed, second: BySeed) -> tuple[list[float], list[float]]:
    seeds = sorted(first)
    return [first[seed] for seed in seeds], [second[seed] for seed in seeds]


def _difference(first: BySeed, second: BySeed) -> Interval:
    a, b = _paired(first, second)
    return _interval([x - y for x, y in zip(a, b, strict=True)])


def _interval(values: Sequence[float]) -> Interval:
    found = interval_of(values)
    if found is None:
        raise NoAnswer("there is no seed")
    return found


def _shown(value: Interval | None, *, digits: int = 3, signed: bool = False, sign: int = 1) -> str:
    """``0.345 [0.191, 0.452]``: mean and bootstrap interval."""
    if value is None:
        raise NoAnswer("there is no seed")
    ends = sorted((sign * value.bootstrap_low, sign * value.bootstrap_high))
    low, high = (f"{end:.{digits}f}" for end in ends)
    return f"{sign * value.mean:{'+' if signed else ''}.{digits}f} [{low}, {high}]"


def _budgets(places: Sequence[Where], over: str) -> str:
    if over == "fake_users":
        return ", ".join(f"{100 * place.fake_users:g}" for place in places) + " %"
    return ", ".join(str(place.actions) for place in places) + " actions"


def _listed(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
