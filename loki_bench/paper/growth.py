"""Judges whether display rate grows along a budget: the paper's Figures 4 and 5."""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

import numpy as np

from loki_bench.leaderboard.intervals import Bounds, shown
from loki_bench.paper.evidence import ATTACK, VICTIMS, Evidence, NoAnswer, Where
from loki_bench.paper.verdicts import Comparison, Judgement, all_above, of_differences

__all__ = ["grows"]


def grows(
    evidence: Evidence, *, over: Literal["fake_users", "actions"]
) -> tuple[str, Judgement, None, str]:
    """Holds where the slope is clearly above zero on both victims and no step clearly falls.

    Slopes and steps are paired by seed. A step clearly falls where it does after Holm's correction
    over all steps. The claim compares no attacks.
    """
    slopes, steps, said = [], [], []
    for victim in VICTIMS:
        places = evidence.series(victim, over=over)
        rows = [evidence.rates(where, (ATTACK,))[ATTACK] for where in places]
        seeds = sorted(rows[0])
        if any(sorted(row) != seeds for row in rows):
            raise NoAnswer(f"{ATTACK} on {victim} has other seeds at other budgets")
        x = [100 * p.fake_users if over == "fake_users" else float(p.actions) for p in places]
        weights = _weights(x)
        slopes.append(
            of_differences(
                f"slope on {victim}, per {'percent' if over == 'fake_users' else 'action'}",
                [
                    sum(w * row[seed] for w, row in zip(weights, rows, strict=True))
                    for seed in seeds
                ],
                _slope_bounds(weights),
            )
        )
        steps += [
            of_differences(
                f"step up to {place}",
                [after[seed] - before[seed] for seed in seeds],
                (-1.0, 1.0),
            )
            for before, after, place in zip(rows, rows[1:], places[1:], strict=False)
        ]
        means = " -> ".join(f"{fmean(row.values()):.3f}" for row in rows)
        said.append(f"on {victim} {means} at {_budgets(places, over)}")
    ours = "; ".join(f"{shown(one.difference, signed=True)} ({one.what})" for one in slopes)
    judged, falls = all_above(slopes), all_above(steps)
    why = f"Means: {'; '.join(said)}."
    if falls.verdict == "does not hold":
        return ours, falls, None, f"{why} A step clearly falls: {falls.decided_by}."
    return ours, judged, None, f"{why} No step clearly falls; the largest fall: {_lowest(steps)}."


def _weights(x: Sequence[float]) -> list[float]:
    """The least-squares slope is the sum of these times the values."""
    centred = np.asarray(x) - np.mean(x)
    return [float(weight) for weight in centred / (centred @ centred)]


def _slope_bounds(weights: Sequence[float]) -> Bounds:
    """The steepest slopes of values from 0 to 1."""
    steepest = sum(weight for weight in weights if weight > 0)
    return -steepest, steepest


def _lowest(steps: Sequence[Comparison]) -> str:
    return str(min(steps, key=lambda step: step.difference.mean))


def _budgets(places: Sequence[Where], over: str) -> str:
    if over == "fake_users":
        return ", ".join(f"{100 * place.fake_users:g}" for place in places) + " %"
    return ", ".join(str(place.actions) for place in places) + " actions"
