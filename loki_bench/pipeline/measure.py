"""The metrics of one cell, computed from ranks and sequences alone."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Defended, Outcome
from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences, n_repeats
from loki_bench.pipeline.craft import Craft
from loki_bench.pipeline.craft_again import CraftAgain
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.pipeline.defend import Defend
from loki_bench.pipeline.retrain import (
    CleanVictim,
    DefendedCleanVictim,
    PoisonedVictim,
    VictimRanks,
)
from loki_bench.plugins.ownership import is_own_distribution
from loki_bench.sandbox.metric_request import MetricRequest, measure_apart
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.grid import ChosenMetric
from loki_bench.timing import Timed, timed

__all__ = ["Measure", "Measured", "measure"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The metrics of one cell.

    Attributes
    ----------
    values : mapping of label to float
        Such as ``hr@10``.
    confinement : mapping of label to tuple of str
        What a third party's metric was kept from, where that was not all.
    """

    values: Mapping[str, float]
    confinement: Mapping[str, tuple[str, ...]]


class MeasureInputs(NamedTuple):
    """All that a cell's metrics and its record are made of.

    Attributes
    ----------
    attack : PoisonedVictim
        The victim after the attack, with the defense where there is one.
    craft : Craft
    clean : CleanVictim or DefendedCleanVictim
        The victim before the attack, with the defense where there is one.
    undefended : CleanVictim or None
        The victim with neither attack nor defense, where there is a defense.
    defenses : tuple of Defend
        What the defense keeps of the poisoned and of the clean data; empty without one.
    again : CraftAgain or None
        The craft done twice, in the one cell of an attack where it is.
    """

    attack: PoisonedVictim
    craft: Craft
    clean: CleanVictim | DefendedCleanVictim
    undefended: CleanVictim | None = None
    defenses: tuple[Defend, ...] = ()
    again: CraftAgain | None = None


@dataclass(frozen=True)
class Measure(CellStep[Measured]):
    """Computes the metrics of one cell: what a run asks for, one for each cell.

    ``repeats_craft`` says that the cell's craft is done twice.
    """

    kind: ClassVar[str] = "measure"
    seconds: ClassVar[float] = 0.1

    metrics: tuple[ChosenMetric, ...]
    repeats_craft: bool = False

    @cached_property
    def key(self) -> str:
        return f"measure/{self.cell.id}"

    @property
    def who(self) -> str:
        return "a metric"

    @cached_property
    def inputs(self) -> MeasureInputs:
        data, cell = self.data, self.cell
        attack = PoisonedVictim(data, cell)
        craft, clean, defense = attack.inputs
        again = CraftAgain(data, cell) if self.repeats_craft else None
        if defense is None:
            return MeasureInputs(attack, craft, clean, again=again)
        both = (defense, Defend(data, cell, poisoned=False))
        return MeasureInputs(attack, craft, clean, CleanVictim(data, cell), both, again)

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[Measured]]":
        attack, craft, clean, undefended, defenses, _ = self.inputs
        defended = None
        if undefended is not None:
            kept, clean_kept = (values[step] for step in defenses)
            defended = Defended(
                kept=kept.kept,
                suspicion=kept.suspicion,
                clean_kept=clean_kept.kept,
                undefended_test_ranks=values[undefended].test_ranks,
                user_weights=kept.user_weights,
            )
        return workers.submit(
            measure,
            self.data,
            self.cell,
            self.metrics,
            values[craft].poison,
            values[clean],
            values[attack],
            defended,
        )


def measure(
    data: DataFolder,
    cell: Cell,
    metrics: tuple[ChosenMetric, ...],
    poison: Sequences,
    clean: VictimRanks,
    attacked: VictimRanks,
    defended: Defended | None,
) -> Timed[Measured]:
    """Every metric of the suite, computed from ranks and sequences alone.

    Raises
    ------
    InvalidAnswerError
        A metric lies outside the range that its spec declares, or is infinite.
    """
    _, split = load_split(data)
    item_counts, n_genuine_repeats = _counts(data)
    outcome = Outcome(
        goal=draw_goal(split, cell.protocol, cell.seed, measured=True),
        n_items=split.train.n_items,
        target_ranks=attacked.target_ranks,
        clean_target_ranks=clean.target_ranks,
        test_ranks=attacked.test_ranks,
        clean_test_ranks=clean.test_ranks,
        genuine_lengths=split.train.lengths,
        poison=poison,
        defended=defended,
        genuine_item_counts=item_counts,
        n_genuine_repeats=n_genuine_repeats,
        untargeted_ranks=attacked.untargeted_ranks,
    )
    foreign = [metric for metric in metrics if _runs_apart(metric, cell)]
    values, confinement = _values_apart(foreign, outcome, data)
    found = timed(
        lambda: {
            metric.label: metric.answer_for(outcome)
            for metric in metrics
            if metric.label not in values
        }
    )
    values |= found.value
    return found.giving(
        Measured(
            values={metric.label: _checked(metric, values[metric.label]) for metric in metrics},
            confinement=confinement,
        )
    )


@lru_cache(maxsize=1)
def _counts(data: DataFolder) -> tuple[NDArray[np.int64], int]:
    """Training events of each item, and how many of all repeat one: the same for all cells."""
    train = load_split(data)[1].train
    return train.item_counts, n_repeats(train)


def _runs_apart(metric: ChosenMetric, cell: Cell) -> bool:
    return cell.isolation == "process" and not is_own_distribution(metric.origin.distribution)


def _values_apart(
    metrics: list[ChosenMetric], outcome: Outcome, data: DataFolder
) -> tuple[dict[str, object], dict[str, tuple[str, ...]]]:
    """Third parties' metrics, those of each distribution in a process of its own.

    Beside the values, what those were kept from that were not kept from all.
    """
    values: dict[str, object] = {}
    confinement: dict[str, tuple[str, ...]] = {}
    for distribution in dict.fromkeys(metric.origin.distribution for metric in metrics):
        theirs = [metric for metric in metrics if metric.origin.distribution == distribution]
        request = MetricRequest(metrics=tuple(theirs), outcome=outcome)
        answered, confined = measure_apart(request, limits=data.limits, closed=data.folder)
        values |= answered
        if confined.missing:
            confinement |= dict.fromkeys(answered, confined.in_force)
    return values, confinement


def _checked(metric: ChosenMetric, value: object) -> float:
    low, high = metric.spec.range
    if not isinstance(value, float) or not (
        np.isnan(value) or (np.isfinite(value) and low <= value <= high)
    ):
        raise InvalidAnswerError(
            f"metric '{metric.label}' answered {value!r}; expected {metric.spec.expected}, or nan "
            "where it is undefined"
        )
    return float(value)
