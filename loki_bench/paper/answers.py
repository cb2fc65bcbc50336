"""Answers each of the paper's claims from records: our figure, two verdicts, and what decided them.

"Against the paper's baselines" is the claim as the paper makes it; "against everything here" is the
same claim beside attacks that the paper does not have. Intervals and tests are those of the
leaderboards, paired seed by seed. A claim is not decided where a row that it names, or a seed of
one, is missing; where another row lacks seeds, its second verdict alone is not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeAlias

from loki_bench.paper.claims import BASELINES, Claim, Question
from loki_bench.paper.data_set import same_data
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
from loki_bench.paper.growth import grows
from loki_bench.paper.lengths import lengths_stay_similar
from loki_bench.paper.verdicts import (
    RATE,
    Answer,
    Comparison,
    Judgement,
    all_above,
    at_place,
    highest,
    interval,
    mean_shown,
    of_differences,
    of_sign,
)

__all__ = ["answer"]

Found: TypeAlias = tuple[str, Judgement, Judgement | None, str]
"""Our figure, the two judgements, and why."""

PLACES = tuple(Where(victim, SHARE, ACTIONS) for victim in VICTIMS)
"""Both victims at the budget of Figure 3."""

NEAR = 2.0
"""A figure of the paper holds where our whole interval lies within half and so many times of it."""

WITHOUT_HESSIAN = "loki(influence=gradient-dot"
"""How rows of LOKI without the inverse Hessian begin."""


def answer(claim: Claim, evidence: Evidence) -> Answer:
    """Judge one claim."""
    try:
        ours, baselines, everything, why = JUDGES[claim.question](claim, evidence)
    except NoAnswer as lacking:
        ours, baselines, everything = "-", _undecided(str(lacking)), None
        why = f"{_capital(str(lacking))}."
    return Answer(claim=claim, ours=ours, baselines=baselines, everything=everything, why=why)


def _best(claim: Claim, evidence: Evidence) -> Found:
    return _best_at(PLACES, evidence)


def _best_at_every(over: str) -> Callable[[Claim, Evidence], Found]:
    def judge(claim: Claim, evidence: Evidence) -> Found:
        places = [where for victim in VICTIMS for where in evidence.series(victim, over=over)]
        return _best_at(places, evidence)

    return judge


def _best_at(places: Sequence[Where], evidence: Evidence) -> Found:
    found = {where: evidence.rates(where) for where in places}
    against_baselines = [
        at_place(rates, highest(rates, BASELINES), where) for where, rates in found.items()
    ]
    rows = [rates[ATTACK] for rates in found.values()]
    if len(places) == len(VICTIMS):
        ours = _listed(
            f"{mean_shown(by)} on {where}" for by, where in zip(rows, places, strict=True)
        )
    else:
        means = [fmean(by.values()) for by in rows]
        ours = f"{min(means):.3f} to {max(means):.3f} at {len(places)} places"
    why = f"LOKI less the best of the paper's baselines: {_counted(against_baselines)}."
    if lacking := evidence.lacking(places):
        why += f" {_unknown('The best other attack', lacking)}"
        return ours, all_above(against_baselines), _undecided(lacking), why
    against_all = [
        at_place(rates, highest(rates, set(rates) - {ATTACK}), where)
        for where, rates in found.items()
    ]
    why += f" LOKI less the best other attack: {_counted(against_all)}."
    tied = [str(one) for one in against_all if not one.clear or one.difference.mean < 0]
    if tied:
        why += f" Not clearly below LOKI: {_listed(tied)}."
    return ours, all_above(against_baselines), all_above(against_all), why


def _times_the_best_baseline(claim: Claim, evidence: Evidence) -> Found:
    """LOKI less so many times the rival, the mean of the victims in each seed: above zero?"""
    times = _threshold(claim)
    rates = _at_the_papers_budget(evidence)
    lacking = evidence.lacking(PLACES)
    judged, ratios = [], []
    for among in (BASELINES,) if lacking else (BASELINES, None):
        rivals = {
            victim: highest(own, set(own) - {ATTACK} if among is None else among)
            for victim, own in rates.items()
        }
        loki, rival = (
            _mean_by_seed([rates[v][attack] for v, attack in pairs])
            for pairs in ([(v, ATTACK) for v in VICTIMS], list(rivals.items()))
        )
        below, above = fmean(rival), fmean(loki)
        ratios.append(f"{above / below:.1f} times" if below > 0 else "above a rate of zero")
        named = " and ".join(f"{rivals[v]} on {v}" for v in VICTIMS)
        judged.append(
            of_sign(
                of_differences(
                    f"loki - {times:g} x ({named})",
                    [a - times * b for a, b in zip(loki, rival, strict=True)],
                    (-times, 1.0),
                )
            )
        )
    said = "" if lacking else f" and {ratios[1]} that of the best other attack"
    why = (
        f"Over both victims LOKI's mean is {ratios[0]} that of the best baseline{said}. Judged is "
        f"LOKI less {times:g} times the rival, the mean of the victims in each seed: a ratio to a "
        "rate near zero has no useful interval."
    )
    if lacking:
        why += f" {_unknown('The best other attack', lacking)}"
        judged.append(_undecided(lacking))
    return ratios[0], judged[0], judged[1], why


def _gap_on_fpmc(claim: Claim, evidence: Evidence) -> Found:
    rates = _at_the_papers_budget(evidence)
    lacking = evidence.lacking(PLACES)
    judged, said = [], []
    for among in (BASELINES,) if lacking else (BASELINES, None):
        gaps: dict[str, dict[int, float]] = {}
        for victim, own in rates.items():
            rival = own[highest(own, set(own) - {ATTACK} if among is None else among)]
            gaps[victim] = {seed: value - rival[seed] for seed, value in own[ATTACK].items()}
        if set(gaps["bprmf"]) != set(gaps["fpmc"]):
            raise NoAnswer("the two victims have results for other seeds")
        more = of_differences(
            "gap on fpmc - gap on bprmf",
            [gaps["fpmc"][seed] - gaps["bprmf"][seed] for seed in sorted(gaps["fpmc"])],
            (-2.0, 2.0),
        )
        judged.append(of_sign(more))
        said.append(_listed(f"{fmean(by.values()):+.3f} on {v}" for v, by in gaps.items()))
    everything, told = _of_everything(
        "The best other attack", "To the best other attack", judged, said, lacking
    )
    why = f"To the best baseline: {said[0]}. {told}"
    return judged[0].decided_by.partition(": ")[2], judged[0], everything, why


def _random_is_worst(claim: Claim, evidence: Evidence) -> Found:
    """Among attacks: the null attack is none."""
    rates = _at_the_papers_budget(evidence)
    lacking = evidence.lacking(PLACES)
    judged, said = [], []
    papers = (ATTACK, "popular")
    for among in (papers,) if lacking else (papers, None):
        comparisons = []
        for victim, own in rates.items():
            others = set(own) - {"random", "none"} if among is None else among
            rival = min(sorted(others), key=lambda attack: fmean(own[attack].values()))
            where = Where(victim, SHARE, ACTIONS)
            comparisons.append(at_place(own, "random", where, rival))
        judged.append(all_above(comparisons))
        said.append(_listed(map(str, comparisons)))
    ours = _listed(f"{mean_shown(rates[v]['random'])} on {v}" for v in VICTIMS)
    everything, told = _of_everything(
        "The lowest of all", "The lowest of all", judged, said, lacking
    )
    why = f"The lowest of the paper's attacks: {said[0]}. {told}"
    return ours, judged[0], everything, why


def _reaches(claim: Claim, evidence: Evidence) -> Found:
    threshold = _threshold(claim)
    by = evidence.rates(Where("fpmc", SHARE, ACTIONS), (ATTACK,))[ATTACK]
    found, ours = interval([by[seed] for seed in sorted(by)], RATE), mean_shown(by)
    decided = f"{threshold:g} beside {ours}"
    least, most = threshold / NEAR, threshold * NEAR
    if found.n == 1:
        return ours, _undecided(decided), None, "One seed has no interval."
    if not found.low <= threshold <= found.high:
        why = f"Ours is {found.mean / threshold:.1f} times the paper's figure."
        return ours, Judgement(verdict="not reproduced", decided_by=decided), None, why
    if least <= found.low and found.high <= most:
        why = f"{threshold:g} lies in our interval, which lies within {least:g} to {most:g}."
        return ours, Judgement(verdict="holds", decided_by=decided), None, why
    why = f"{threshold:g} lies in our interval, which is too wide to say so: it reaches beyond "
    why += f"{least:g} to {most:g}, half of the paper's figure and twice as much."
    return ours, _undecided(decided), None, why


def _inverse_hessian(claim: Claim, evidence: Evidence) -> Found:
    """LOKI with the inverse Hessian less LOKI without, where both were run on the same pool."""
    comparisons = []
    for where in PLACES:
        own = evidence.rates(where, (ATTACK,))
        without = [attack for attack in own if attack.startswith(WITHOUT_HESSIAN)]
        if not without:
            raise NoAnswer(f"LOKI without the inverse Hessian on {where} has no record here")
        own = evidence.rates(where, (ATTACK, *without))
        comparisons.append(at_place(own, highest(own, without), where))
    found = all_above(comparisons)
    return _listed(map(str, comparisons)), found, found, "With less without the inverse Hessian."


JUDGES: Mapping[Question, Callable[[Claim, Evidence], Found]] = {
    "best": _best,
    "times_the_best_baseline": _times_the_best_baseline,
    "gap_on_fpmc": _gap_on_fpmc,
    "random_is_worst": _random_is_worst,
    "best_at_every_share": _best_at_every("fake_users"),
    "grows_with_the_share": lambda claim, evidence: grows(evidence, over="fake_users"),
    "reaches": _reaches,
    "best_at_every_number_of_actions": _best_at_every("actions"),
    "grows_with_the_actions": lambda claim, evidence: grows(evidence, over="actions"),
    "lengths_stay_similar": lambda claim, evidence: lengths_stay_similar(evidence),
    "same_data": same_data,
    "inverse_hessian": _inverse_hessian,
}


def _at_the_papers_budget(evidence: Evidence) -> dict[str, dict[str, BySeed]]:
    return {where.victim: evidence.rates(where) for where in PLACES}


def _of_everything(
    what: str, head: str, judged: Sequence[Judgement], said: Sequence[str], lacking: str
) -> tuple[Judgement, str]:
    """The second verdict and its sentence: not decided where another row lacks a seed."""
    if lacking:
        return _undecided(lacking), _unknown(what, lacking)
    return judged[1], f"{head}: {said[1]}."


def _undecided(why: str) -> Judgement:
    return Judgement(verdict="not decided", decided_by=why)


def _unknown(what: str, lacking: str) -> str:
    return f"{what} is not known: {lacking}."


def _threshold(claim: Claim) -> float:
    if claim.threshold is None:
        raise ValueError(f"claim '{claim.title}' has no threshold")
    return claim.threshold


def _mean_by_seed(rows: Sequence[BySeed]) -> list[float]:
    """The mean over victims in each seed; raises ``NoAnswer`` where they have other seeds."""
    seeds = sorted(rows[0])
    if any(sorted(row) != seeds for row in rows):
        raise NoAnswer("the two victims have results for other seeds")
    return [fmean(row[seed] for row in rows) for seed in seeds]


def _counted(comparisons: Sequence[Comparison]) -> str:
    above = sum(one.clear and one.difference.mean > 0 for one in comparisons)
    below = sum(one.clear and one.difference.mean < 0 for one in comparisons)
    return f"clearly above at {above} of {len(comparisons)} places, clearly below at {below}"


def _listed(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
