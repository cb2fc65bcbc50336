"""The steps that a grid is made of, and how they depend on each other.

::

    surrogate ──> craft ──┐
                          ├──> attack ──> measure ──> record
                clean ────┘

Steps are shared by address: a clean victim, a surrogate or a poison that several cells need is
computed once. A step first looks into the store, so a second run takes up what is missing.
"""

from abc import ABC, abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from loki_bench.harness import jobs
from loki_bench.harness.cell import Cell, SurrogateUsed
from loki_bench.harness.grid import ChosenMetric
from loki_bench.harness.jobs import DataFolder
from loki_bench.harness.store import Store
from loki_bench.harness.timing import Timed
from loki_bench.harness.workers import Workers
from loki_bench.interactions import Sequences

__all__ = ["Attack", "Clean", "Craft", "FitSurrogate", "Measure", "Step", "steps_of"]

NO_POISON = Sequences.empty()


@dataclass(frozen=True)
class Step(ABC):
    """One piece of work. ``done`` holds the values of the steps in ``needs``, by key."""

    kind: ClassVar[str]

    data: DataFolder
    cell: Cell

    @cached_property
    @abstractmethod
    def key(self) -> str:
        """What makes two steps the same work."""

    @property
    @abstractmethod
    def who(self) -> str:
        """Whose work it is, for messages."""

    @property
    def name(self) -> str:
        """Which step of its cell it is."""
        return self.kind

    @property
    def work(self) -> str:
        """Whose work with which parameters: what lasts about as long whatever the seed."""
        return self.who

    @cached_property
    def needs(self) -> "tuple[Step, ...]":
        """Steps whose values this one takes."""
        return ()

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        """The value if the store has it, else None."""
        return None

    @abstractmethod
    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        """Start the work."""

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        """Store what the work gave; what is returned becomes the step's value."""
        return value


@dataclass(frozen=True)
class FitSurrogate(Step):
    """Trains a surrogate. Its value is the file: the bytes stay in the store."""

    kind: ClassVar[str] = "surrogate"

    surrogate: SurrogateUsed

    @cached_property
    def key(self) -> str:
        return f"surrogate/{self._id}"

    @property
    def who(self) -> str:
        return f"surrogate '{self.surrogate.recommender.name}'"

    @property
    def name(self) -> str:
        return f"{self.kind} {self.surrogate.recommender.label}"

    @property
    def work(self) -> str:
        return f"fit of {self.surrogate.recommender.label}"

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.surrogate_file(self._id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.fit_surrogate, self.data, self.cell, self.surrogate)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_surrogate(self._id, value)
        return store.surrogate_file(self._id)

    @cached_property
    def _id(self) -> str:
        return self.cell.surrogate_id(self.surrogate)


@dataclass(frozen=True)
class Craft(Step):
    """Lets the attacker write its poison."""

    kind: ClassVar[str] = "craft"

    @cached_property
    def key(self) -> str:
        return f"craft/{self.cell.craft_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}'"

    @property
    def work(self) -> str:
        estimator = [] if self.cell.influence is None else [self.cell.influence.label]
        lent = [used.recommender.label for used in self.cell.surrogates]
        return " ".join(["craft of", self.cell.attacker.label, *estimator, *lent])

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        return tuple(FitSurrogate(self.data, self.cell, s) for s in self.cell.surrogates)

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_poison(self.cell.craft_id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        surrogates = tuple(done[step.key] for step in self.needs)
        return workers.submit(jobs.craft, self.data, self.cell, surrogates)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_poison(self.cell.craft_id, value)
        return value


@dataclass(frozen=True)
class Clean(Step):
    """Trains and ranks the victim without any fake user."""

    kind: ClassVar[str] = "clean"

    @cached_property
    def key(self) -> str:
        return f"clean/{self.ranks_id}"

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        return f"fit of {self.cell.victim.label}"

    @cached_property
    def ranks_id(self) -> str:
        """The address of the ranks."""
        return self.cell.evaluation_id(NO_POISON.digest())

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_ranks(self.ranks_id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.evaluate, self.data, self.cell, NO_POISON)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_ranks(self.ranks_id, value)
        return value


@dataclass(frozen=True)
class Attack(Step):
    """Trains and ranks the victim with the fake users."""

    kind: ClassVar[str] = "attack"

    @cached_property
    def key(self) -> str:
        return f"attack/{self.cell.id}"

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        return f"fit of {self.cell.victim.label}"

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        # The clean victim first: an empty poison is then found in the store, not computed twice.
        return (Craft(self.data, self.cell), Clean(self.data, self.cell))

    def ranks_id(self, done: dict[str, Any]) -> str:
        """The address of the ranks: it depends on the poison's content, not on who wrote it."""
        return self.cell.evaluation_id(done[self.needs[0].key].poison.digest())

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_ranks(self.ranks_id(done))

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.evaluate, self.data, self.cell, done[self.needs[0].key].poison)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_ranks(self.ranks_id(done), value)
        return value


@dataclass(frozen=True)
class Measure(Step):
    """Computes the metrics of one cell from ranks and sequences."""

    kind: ClassVar[str] = "measure"

    metrics: tuple[ChosenMetric, ...]

    @cached_property
    def key(self) -> str:
        return f"measure/{self.cell.id}"

    @property
    def who(self) -> str:
        return "a metric"

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        attack = Attack(self.data, self.cell)
        return (attack, *attack.needs)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        attack, craft, clean = self.needs
        return workers.submit(
            jobs.measure,
            self.data,
            self.cell,
            self.metrics,
            done[craft.key].poison,
            done[clean.key],
            done[attack.key],
        )


def steps_of(measure: Measure) -> list[Step]:
    """The steps of one cell, each after those that it needs."""
    ordered: dict[str, Step] = {}

    def visit(step: Step) -> None:
        for needed in step.needs:
            visit(needed)
        ordered.setdefault(step.key, step)

    visit(measure)
    return list(ordered.values())
