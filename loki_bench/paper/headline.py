"""The first two sentences of the claims page: does LOKI beat its baselines, and what beats LOKI?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from loki_bench.leaderboard.formatting import escape_markdown
from loki_bench.leaderboard.statistics import holm
from loki_bench.paper.claims import BASELINES
from loki_bench.paper.evidence import ACTIONS, ATTACK, SHARE, VICTIMS, Evidence, NoAnswer, Where
from loki_bench.paper.verdicts import Comparison, at_place, highest, of_differences

__all__ = ["headline"]


def headline(evidence: Evidence) -> str:
    """Two sentences, about every place of the paper's figures that has all of the paper's rows."""
    places = _places(evidence)
    if not places:
        return "The records do not say whether LOKI beats the paper's baselines, nor what beats it."
    best = [
        at_place(rates, highest(rates, BASELINES), where)
        for where in places
        for rates in [evidence.rates(where)]
    ]
    return f"{_first(best)} {_second(evidence, places)}"


class _Rival(NamedTuple):
    """Another attack less LOKI: at each place, and the mean of the places in each seed.

    No mean where no seed is at all places.
    """

    name: str
    at_places: list[Comparison]
    over: Comparison | None

    @property
    def beats(self) -> bool:
        return self.over is not None and self.over.clear and self.over.difference.mean > 0

    @property
    def n_higher(self) -> int:
        return sum(one.difference.mean > 0 for one in self.at_places)

    def __str__(self) -> str:
        clear = sum(one.clear and one.difference.mean > 0 for one in self.at_places)
        n = len(self.at_places)
        over = "" if self.over is None else f" ({escape_markdown(str(self.over))})"
        return (
            f"{escape_markdown(self.name)}, whose display rate is higher at {self.n_higher} of {n} "
            f"places, clearly at {clear} of them taken alone{over}"
        )


def _first(best: Sequence[Comparison]) -> str:
    above = sum(one.clear and one.difference.mean > 0 for one in best)
    named = "the best of the paper's baselines (none, random, popular)"
    at = f"{above} of {len(best)} places, each a victim and a budget of the paper's figures"
    smallest = min(best, key=lambda one: one.difference.mean)
    most = 2 * above > len(best)
    start = f"LOKI {'beats' if most else 'does not beat'} the paper's baselines"
    return (
        f"{start}: it is clearly above {named} at {at} (the smallest difference: "
        f"{escape_markdown(str(smallest))})."
    )


def _second(evidence: Evidence, places: Sequence[Where]) -> str:
    rivals = _rivals(evidence, places)
    beating = [rival for rival in rivals if rival.beats]
    higher = [rival for rival in rivals if rival.n_higher]
    if beating:
        return f"What beats LOKI is {'; and '.join(map(str, beating))}."
    if higher:
        return f"Nothing here clearly beats LOKI; nearest is {'; and '.join(map(str, higher))}."
    return "Nothing here has a higher display rate than LOKI at any of these places."


def _rivals(evidence: Evidence, places: Sequence[Where]) -> list[_Rival]:
    """Attacks that the paper does not have; p over places is corrected by Holm over them.

    Places that lack seeds of a rival would weigh less in the others' seeds: a mean is of those
    seeds alone that all places of the rival have.
    """
    at_places: dict[str, list[Comparison]] = defaultdict(list)
    gaps: dict[str, list[dict[int, float]]] = defaultdict(list)
    for where in places:
        rates = evidence.rates(where)
        for rival in sorted(set(rates) - {ATTACK, *BASELINES}):
            own = rates[rival]
            gap = {
                seed: own[seed] - of_loki for seed, of_loki in rates[ATTACK].items() if seed in own
            }
            if gap:
                at_places[rival].append(at_place(rates, ATTACK, where, own=rival))
                gaps[rival].append(gap)
    over = {}
    for rival, of_rival in gaps.items():
        if seeds := sorted(set.intersection(*map(set, of_rival))):
            over[rival] = of_differences(
                f"the mean of {rival} - {ATTACK} over the places",
                [fmean(gap[seed] for gap in of_rival) for seed in seeds],
                (-1.0, 1.0),
            )
    tested = {rival: one.p_value for rival, one in over.items() if one.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    over = {rival: replace(one, p_value=corrected.get(rival)) for rival, one in over.items()}
    return [_Rival(rival, found, over.get(rival)) for rival, found in at_places.items()]


def _places(evidence: Evidence) -> list[Where]:
    """The paper's budgets on its victims, where none of its rows and none of their seeds lacks."""
    wanted: dict[Where, None] = {}
    for victim in VICTIMS:
        wanted[Where(victim, SHARE, ACTIONS)] = None
        for over in ("fake_users", "actions"):
            wanted |= dict.fromkeys(_series(evidence, victim, over))
    return [where for where in sorted(wanted) if _is_whole(evidence, where)]


def _series(evidence: Evidence, victim: str, over: str) -> list[Where]:
    try:
        return evidence.series(victim, over=over)
    except NoAnswer:
        return []


def _is_whole(evidence: Evidence, where: Where) -> bool:
    try:
        evidence.rates(where)
    except NoAnswer:
        return False
    return True
