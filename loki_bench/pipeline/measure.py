"""The metrics of one cell, computed from ranks and sequences alone."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np

from loki_bench.contracts import Defended, Outcome
from loki_bench.engine.step import AnyStep, Values
from loki_bench.engine.workers import Workers
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Craft
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.pipeline.defend import Defend
from loki_bench.pipeline.retrain import (
    CleanVictim,
    DefendedCleanVictim,
    PoisonedVictim,
    VictimRanks,
)
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.grid import ChosenMetric
from loki_bench.timing import Timed, timed

__all__ = ["Measure", "MetricValues", "measure"]

MetricValues: TypeAlias = Mapping[str, float]
"""By label, such as ``hr@10``."""


@dataclass(frozen=True)
class Measure(CellStep[MetricValues]):
    """Computes the metrics of one cell: what a run asks for, one for each cell."""

    kind: ClassVar[str] = "measure"
    seconds: ClassVar[float] = 0.1

    metrics: tuple[ChosenMetric, ...]

    @cached_property
    def key(self) -> str:
        return f"measure/{self.cell.id}"

    @property
    def who(self) -> str:
        return "a metric"

    @cached_property
    def attack(self) -> PoisonedVictim:
        """The victim after the attack, with the defense where there is one."""
        return PoisonedVictim(self.data, self.cell)

    @property
    def craft(self) -> Craft:
        """Where the poison comes from."""
        return self.attack.craft

    @property
    def clean(self) -> CleanVictim | DefendedCleanVictim:
        """The victim before the attack, with the defense where there is one."""
        return self.attack.clean

    @cached_property
    def undefended(self) -> CleanVictim:
        """The victim with neither attack nor defense."""
        return CleanVictim(self.data, self.cell)

    @cached_property
    def defense(self) -> tuple[Defend, Defend] | None:
        """What the defense keeps of the poisoned and of the clean data."""
        if self.attack.defense is None:
            return None
        return self.attack.defense, Defend(self.data, self.cell, poisoned=False)

    @cached_property
    def needs(self) -> tuple[AnyStep, ...]:
        needs = (self.attack, self.craft, self.clean)
        return needs if self.defense is None else (*needs, self.undefended, *self.defense)

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[MetricValues]]":
        defended = None
        if self.defense is not None:
            poisoned, clean = (values[step] for step in self.defense)
            defended = Defended(
                kept=poisoned.kept,
                suspicion=poisoned.suspicion,
                clean_kept=clean.kept,
                undefended_test_ranks=values[self.undefended].test_ranks,
            )
        return workers.submit(
            measure,
            self.data,
            self.cell,
            self.metrics,
            values[self.craft].poison,
            values[self.clean],
            values[self.attack],
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
) -> Timed[MetricValues]:
    """Every metric of the suite, computed from ranks and sequences alone.

    Raises
    ------
    InvalidAnswerError
        A metric lies outside the range that its spec declares.
    """
    interactions, split = load_split(data)
    outcome = Outcome(
        goal=draw_goal(interactions, cell.protocol, cell.seed),
        n_items=split.train.n_items,
        target_ranks=attacked.target_ranks,
        clean_target_ranks=clean.target_ranks,
        test_ranks=attacked.test_ranks,
        clean_test_ranks=clean.test_ranks,
        genuine_lengths=split.train.lengths,
        poison=poison,
        defended=defended,
    )
    return timed(lambda: {metric.label: _checked_value(metric, outcome) for metric in metrics})


def _checked_value(metric: ChosenMetric, outcome: Outcome) -> float:
    function = metric.spec.resolve()
    value = function(outcome) if metric.k is None else function(outcome, k=metric.k)
    low, high = metric.spec.range
    if not isinstance(value, float) or not (np.isnan(value) or low <= value <= high):
        raise InvalidAnswerError(
            f"metric '{metric.label}' answered {value!r}; expected a float from {low} to {high}"
        )
    return float(value)
