"""A case: everything that determines one set of true effects, and one estimator's answer to it."""

from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from loki_bench.content_ids import content_id
from loki_bench.fidelity.suite import DesignTable, FidelitySuite, SampleTable, TruthName
from loki_bench.interactions import Interactions, Sequences, k_core, latest_events
from loki_bench.plugins.ownership import is_own_target
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import InfluenceEstimatorSpec, RecommenderSpec
from loki_bench.seeds import generator_for, seed_for
from loki_bench.split import leave_one_out
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef, resolve
from loki_bench.suite.suite import Named
from loki_bench.suite.usable_values import LARGEST_NUMBER

__all__ = [
    "FIDELITY_VERSION",
    "Case",
    "EstimatorRef",
    "FidelityGrid",
    "estimators_of",
    "grid_of",
    "sampled",
]

FIDELITY_VERSION = 2
"""Raised when designs, truths, seeds or controls change: old records then stay apart."""


MOST_REPEATS = 10_000
"""Runs that a noisy truth is the mean of; a suite may ask for so many."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EstimatorRef(_Frozen):
    """An estimator as it runs, and whether it is a negative control."""

    estimator: ComponentRef
    control: bool


class Case(_Frozen):
    """One recommender, one truth, one goal.

    Attributes
    ----------
    recommender : ComponentRef
        The surrogate that estimators are given.
    victim : ComponentRef or None
        Whose retraining is the truth; None: the surrogate's own.
    goal : int
        Number of the goal among those of its seed.
    """

    fidelity_version: int = FIDELITY_VERSION
    dataset: DatasetRef
    sample: SampleTable
    design: DesignTable
    recommender: ComponentRef
    truth: TruthName
    victim: ComponentRef | None
    repeats: int
    seed: int
    goal: int

    @cached_property
    def truth_id(self) -> str:
        """The address of the true effects: the surrogate does not matter where another is hit."""
        return content_id(
            {
                **self._data,
                "job": "truth",
                "recommender": (self.victim or self.recommender).identity,
                "truth": self.truth,
                "repeats": self.repeats,
            }
        )

    def prediction_id(self, judged: EstimatorRef) -> str:
        """The address of an estimator's answer, which knows the surrogate alone."""
        return content_id(
            {
                **self._data,
                "job": "prediction",
                "recommender": self.recommender.identity,
                "converged": self.truth == "warm",
                "estimator": judged.estimator.identity,
            }
        )

    @property
    def model_seed(self) -> int:
        """The surrogate's own seed."""
        return seed_for(self.seed, f"fidelity/model/{self.recommender.name}")

    @property
    def truth_seeds(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The seeds of a noisy truth, and those of its retest."""
        other = [
            seed_for(self.seed, f"fidelity/other/{(self.victim or self.recommender).name}/{r}")
            for r in range(2 * self.repeats)
        ]
        if self.truth == "cold":
            return (self.model_seed,), (other[0],)
        return tuple(other[: self.repeats]), tuple(other[self.repeats :])

    @property
    def _data(self) -> dict[str, Any]:
        return {
            "fidelity_version": self.fidelity_version,
            "dataset": self.dataset.fingerprint,
            "sample": self.sample,
            "design": self.design,
            "seed": self.seed,
            "goal": self.goal,
        }


class FidelityGrid(_Frozen):
    """A suite with its components and its dataset as they run: all that its records follow from.

    It is kept beside the records, so that tables can be made again from the folder alone.
    """

    fidelity_version: int = FIDELITY_VERSION
    suite: str
    summary: str
    dataset: DatasetRef
    sample: SampleTable
    design: DesignTable
    recommenders: tuple[ComponentRef, ...]
    truths: tuple[TruthName, ...]
    victims: tuple[ComponentRef, ...]
    repeats: Annotated[int, Field(ge=1, le=MOST_REPEATS)]
    seeds: tuple[Annotated[int, Field(ge=0, le=LARGEST_NUMBER)], ...]
    goals: Annotated[int, Field(ge=0)]
    judged: tuple[EstimatorRef, ...]

    @cached_property
    def cases(self) -> list[Case]:
        """One for each recommender, truth (with its victim), seed and goal."""
        return [
            Case(
                fidelity_version=self.fidelity_version,
                dataset=self.dataset,
                sample=self.sample,
                design=self.design,
                recommender=recommender,
                truth=truth,
                victim=victim,
                repeats=self.repeats,
                seed=seed,
                goal=goal,
            )
            for recommender in self.recommenders
            for truth in self.truths
            for victim in (
                [v for v in self.victims if v != recommender] if truth == "transfer" else [None]
            )
            for seed in self.seeds
            for goal in range(self.goals)
        ]

    @property
    def n_answers(self) -> int:
        """How many there may be, true effects included; they need not be told apart to say it."""
        n_cases = len(self.recommenders) * (len(self.truths) + len(self.victims))
        return n_cases * len(self.seeds) * self.goals * (1 + len(self.judged))

    @property
    def record_ids(self) -> list[str]:
        """The id of every record that the tables are made of, each once."""
        ids = [
            record_id
            for case in self.cases
            for record_id in (case.truth_id, *map(case.prediction_id, self.judged))
        ]
        return list(dict.fromkeys(ids))


def grid_of(suite: FidelitySuite, registry: Registry, dataset: DatasetRef) -> FidelityGrid:
    """A suite as it runs; raises ``UsageError`` where a component can't be used."""

    def found(choice: Named) -> ComponentRef:
        spec, origin = registry.find(RecommenderSpec, choice.name)
        return _tried(resolve(spec, origin, choice.parameters))

    return FidelityGrid(
        suite=suite.name,
        summary=suite.summary,
        dataset=dataset,
        sample=suite.sample,
        design=suite.design,
        recommenders=tuple(map(found, suite.recommenders)),
        truths=tuple(suite.truths),
        victims=tuple(map(found, suite.victims)),
        repeats=suite.repeats,
        seeds=tuple(suite.seeds),
        goals=suite.goals,
        judged=estimators_of(suite, registry),
    )


def estimators_of(suite: FidelitySuite, registry: Registry) -> tuple[EstimatorRef, ...]:
    """The estimators of a suite; raises ``UsageError`` where one can't be used."""
    out = []
    for choice in suite.estimators:
        spec, origin = registry.find(InfluenceEstimatorSpec, choice.name)
        estimator = _tried(resolve(spec, origin, choice.parameters))
        out.append(EstimatorRef(estimator=estimator, control=choice.control))
    return tuple(out)


def _tried(component: ComponentRef) -> ComponentRef:
    """A component; one of this project's that refuses its parameters does so before any work."""
    if is_own_target(component.target):
        component.build()
    return component


def sampled(interactions: Interactions, sample: SampleTable) -> Interactions:
    """What is trained on: the sample's users and events, without validation and test events."""
    kept: Sequences = interactions
    if sample.users is not None and sample.users < interactions.n_users:
        rng = generator_for(0, "fidelity/sample")
        kept = kept.take(np.sort(rng.choice(interactions.n_users, sample.users, replace=False)))
    # tokens would no longer name the rows
    part = Interactions(kept.offsets, kept.items, n_items=interactions.n_items)
    if sample.last_events is not None:
        part = latest_events(part, sample.last_events)
    return leave_one_out(k_core(part, sample.k_core)).train
