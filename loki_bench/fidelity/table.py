"""Rows of the estimators' leaderboard, computed from records alone.

A table is one surrogate and one truth; a row is one estimator over all goals and seeds.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.fidelity.agreement import agreement_of, spearman, spearman_within, told_apart
from loki_bench.fidelity.case import Case, EstimatorRef
from loki_bench.fidelity.record_form import fits
from loki_bench.fidelity.whole_attacks import TARGETS_ONLY
from loki_bench.leaderboard.intervals import NO_BOUNDS, Bounds, Interval, interval_of

__all__ = ["TOLD_APART", "FidelityRow", "FidelityTable", "Measure", "tables_of", "values_by_goal"]

Record = Mapping[str, Any]

WITHIN = "within strata"
CLICKS = "target clicks"
TOLD_APART = "told apart"
"""Share of the pairs of one attack of a stratum and one of another that are in their true order."""

BOUNDS: Mapping[str, Bounds] = {
    "rho": (-1.0, 1.0),
    "slope": NO_BOUNDS,
    "relative error": (0.0, None),
    "top 10 %": (0.0, 1.0),
    "sign": (0.0, 1.0),
    TOLD_APART: (0.0, 1.0),
}
"""The range of each statistic."""


@dataclass(frozen=True, order=True)
class Measure:
    """What a number is: a rank correlation or a size, of one experiment and stratum."""

    experiment: str
    stratum: str
    statistic: str

    @property
    def label(self) -> str:
        """Column head."""
        if self.statistic == TOLD_APART:
            return f"{self.experiment}, {self.stratum} told apart"
        if self.statistic != "rho":
            return self.statistic
        if self.stratum == "all":
            return self.experiment
        return f"{self.experiment}, {self.stratum}"

    @property
    def bounds(self) -> Bounds:
        """Least and greatest possible value."""
        return BOUNDS[self.statistic]


@dataclass(frozen=True, kw_only=True)
class FidelityRow:
    """One estimator.

    Attributes
    ----------
    measures : mapping of Measure to Interval
        Mean over goals and seeds; a measure that has no meaning anywhere is left out.
    of_ceiling : mapping of Measure to Interval
        Each rank correlation over the square root of its retest ceiling, for noisy truths.
    reasons : tuple of str
        Why answers are missing, each reason once.
    """

    estimator: str
    control: bool
    measures: Mapping[Measure, Interval]
    of_ceiling: Mapping[Measure, Interval]
    invariance: Mapping[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FidelityTable:
    """All estimators on one surrogate against one truth.

    Attributes
    ----------
    about : mapping of str to str
    ceilings : mapping of Measure to Interval
        Spearman's correlation of the truth with itself under other seeds; empty for ``warm``,
        which has no noise.
    rows : tuple of FidelityRow
        Best first, controls and the heuristic last.
    """

    recommender: str
    truth: str
    victim: str
    about: Mapping[str, str]
    ceilings: Mapping[Measure, Interval]
    rows: tuple[FidelityRow, ...]
    reasons: tuple[str, ...]


def tables_of(
    cases: Sequence[Case], judged: Sequence[EstimatorRef], record_of: Callable[[str], Record | None]
) -> list[FidelityTable]:
    """All tables of a suite.

    Parameters
    ----------
    cases, judged : lists
    record_of : callable
        The record of an id, None where there is none yet.
    """
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in cases:
        victim = case.victim.label if case.victim else case.recommender.label
        groups[case.recommender.label, case.truth, victim].append(case)
    return [_table(key, group, judged, record_of) for key, group in groups.items()]


def values_by_goal(
    cases: Sequence[Case], judged: Sequence[EstimatorRef], record_of: Callable[[str], Record | None]
) -> dict[tuple[str, str, Measure], dict[tuple[int, int], float]]:
    """Every number behind the tables.

    Returns
    -------
    mapping of (table, estimator, measure) to {(seed, goal): value}
    """
    found: dict[tuple[str, str, Measure], dict[tuple[int, int], float]] = defaultdict(dict)
    for case in cases:
        truth = record_of(case.truth_id)
        if truth is None or truth["status"] != "ok":
            continue
        on = f" of {case.victim.label}" if case.victim else ""
        for one in judged:
            answer = record_of(case.prediction_id(one))
            if answer is None or answer["status"] != "ok" or not fits(truth, answer):
                continue
            for measure, value in _measures(truth, answer["values"]).items():
                where = f"{case.recommender.label}, {case.truth} truth{on}"
                found[where, one.estimator.label, measure][case.seed, case.goal] = value
    return found


def _table(
    key: tuple[str, str, str],
    cases: list[Case],
    judged: Sequence[EstimatorRef],
    record_of: Callable[[str], Record | None],
) -> FidelityTable:
    truths: list[tuple[Case, Record]] = []
    reasons: list[str] = []
    for case in cases:
        record = record_of(case.truth_id)
        if record is None or record["status"] != "ok":
            reasons.append(f"goal {case.goal}, seed {case.seed}: {_why(record)}")
        else:
            truths.append((case, record))
    ceilings: dict[Measure, list[float]] = defaultdict(list)
    for _, truth in truths:
        for measure, value in _ceilings(truth).items():
            ceilings[measure].append(value)
    rows = [_row(j, truths, record_of) for j in judged]
    rows.sort(key=lambda row: (row.control, -_height(row), row.estimator))
    clicks = [(case, truth, truth["target_clicks"]) for case, truth in truths]
    rows.append(_measured(CLICKS, True, clicks, {}, ()))
    return FidelityTable(
        recommender=key[0],
        truth=key[1],
        victim=key[2],
        about=_about(cases, [truth for _, truth in truths]),
        ceilings=_intervals(ceilings),
        rows=tuple(rows),
        reasons=tuple(reasons),
    )


def _row(
    judged: EstimatorRef,
    truths: list[tuple[Case, Record]],
    record_of: Callable[[str], Record | None],
) -> FidelityRow:
    answers, reasons = [], []
    invariance: dict[str, float] = {}
    for case, truth in truths:
        record = record_of(case.prediction_id(judged))
        if record is None or record["status"] != "ok":
            reasons.append(_why(record))
            continue
        if not fits(truth, record):
            reasons.append("its answers are of other fake users")
            continue
        answers.append((case, truth, record["values"]))
        for name, value in record["invariance"].items():
            if value is not None:
                invariance[name] = max(invariance.get(name, 0.0), value)
    label = judged.estimator.label
    return _measured(label, judged.control, answers, invariance, tuple(dict.fromkeys(reasons)))


def _measured(
    label: str,
    control: bool,
    answers: list[tuple[Case, Record, Mapping[str, list[float]]]],
    invariance: Mapping[str, float],
    reasons: tuple[str, ...],
) -> FidelityRow:
    found: dict[Measure, list[float]] = defaultdict(list)
    shares: dict[Measure, list[float]] = defaultdict(list)
    for _, truth, values in answers:
        ceilings = _ceilings(truth)
        for measure, value in _measures(truth, values).items():
            found[measure].append(value)
            if ceilings.get(measure, 0.0) > 0.0:
                shares[measure].append(value / sqrt(ceilings[measure]))
    return FidelityRow(
        estimator=label,
        control=control,
        measures=_intervals(found),
        of_ceiling=_intervals(shares, unbounded=True),
        invariance=invariance,
        reasons=reasons,
    )


def _measures(truth: Record, values: Mapping[str, list[float]]) -> dict[Measure, float]:
    """Every measure of one goal that has a meaning."""
    out: dict[Measure, float] = {}
    for experiment, listed in truth["values"].items():
        true, guess = np.array(listed), np.array(values[experiment])
        strata = np.array(truth["strata"][experiment])
        agreement = agreement_of(guess, true)
        out |= _correlations(experiment, guess, true, strata)
        if TARGETS_ONLY in strata:  # whole attacks: sums of scores have no size in display rates
            out[Measure(experiment, TARGETS_ONLY, TOLD_APART)] = told_apart(
                guess, true, strata == TARGETS_ONLY
            )
            continue
        for name, value in (
            ("slope", agreement.slope),
            ("relative error", agreement.relative_error),
            ("top 10 %", agreement.top),
            ("sign", agreement.sign),
        ):
            out[Measure(experiment, "all", name)] = value
    return {measure: value for measure, value in out.items() if isfinite(value)}


def _ceilings(truth: Record) -> dict[Measure, float]:
    """Each rank correlation of a noisy truth with its retest."""
    out: dict[Measure, float] = {}
    for experiment, listed in (truth["retest"] or {}).items():
        strata = np.array(truth["strata"][experiment])
        true = np.array(truth["values"][experiment])
        out |= _correlations(experiment, np.array(listed), true, strata)
    return {measure: value for measure, value in out.items() if isfinite(value)}


def _correlations(
    experiment: str,
    guess: NDArray[np.float64],
    true: NDArray[np.float64],
    strata: NDArray[np.str_],
) -> dict[Measure, float]:
    out = {Measure(experiment, "all", "rho"): spearman(guess, true)}
    names = np.unique(strata)
    if len(names) > 1:
        out[Measure(experiment, WITHIN, "rho")] = spearman_within(guess, true, strata)
        for name in names:
            inside = strata == name
            out[Measure(experiment, str(name), "rho")] = spearman(guess[inside], true[inside])
    return out


def _intervals(
    values: Mapping[Measure, list[float]], *, unbounded: bool = False
) -> dict[Measure, Interval]:
    """``unbounded`` is for ratios: a correlation over the root of another one may exceed 1."""
    found = {
        measure: interval_of(listed, NO_BOUNDS if unbounded else measure.bounds)
        for measure, listed in sorted(values.items())
    }
    return {measure: interval for measure, interval in found.items() if interval is not None}


def _height(row: FidelityRow) -> float:
    rhos = [value.mean for m, value in row.measures.items() if (m.stratum, m.statistic) == _MAIN]
    return float(np.mean(rhos)) if rhos else -2.0


_MAIN = ("all", "rho")


def _why(record: Record | None) -> str:
    return "not measured yet" if record is None else str(record["reason"])


def _about(cases: list[Case], truths: list[Record]) -> dict[str, str]:
    case = cases[0]
    dataset, sample, design = case.dataset, case.sample, case.design
    parts = [
        f"{sample.users} users" if sample.users else "all users",
        f"their last {sample.last_events} events" if sample.last_events else "all their events",
        f"{sample.k_core}-core, without validation and test events",
    ]
    about = {
        "dataset": dataset.component.name,
        "fingerprint": dataset.fingerprint,
        "sample": ", ".join(parts),
        "goals": f"{len(cases)} of {_target_items(design.n_target_items)} with "
        f"{design.popularity[0]} to {design.popularity[1]} events and "
        f"{design.n_target_users} target users",
        "fake users": f"{design.length} events each",
        "fidelity version": str(case.fidelity_version),
    }
    gradients = [t["largest_gradient"] for t in truths if t["largest_gradient"] is not None]
    if gradients:
        about["largest gradient norm left by any retraining"] = f"{max(gradients):.1e}"
    return about


def _target_items(n: int) -> str:
    return "one target item" if n == 1 else f"{n} target items"
