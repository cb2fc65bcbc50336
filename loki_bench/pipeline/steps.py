"""The steps that a grid is made of, and how they depend on each other.

::

    surrogate ──> prepare, lists ──> craft ──┐
                                             ├──> attack ──> measure ──> record
                                   clean ────┘

Only some attacks prepare, and only some may ask for lists.

With a defense, ``Defend`` stands between the data and each of the two evaluations, and the clean
victim without it is needed too.

Steps are shared by address: a clean victim, a surrogate or a poison that several cells need is
computed once, and a defense judges the same data once. A step first looks into the store, so a
second run takes up what is missing, and what only a stored step would have needed is left out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from loki_bench.contracts import Defended
from loki_bench.engine.timing import Timed
from loki_bench.engine.workers import Workers
from loki_bench.interactions import Sequences
from loki_bench.pipeline import jobs
from loki_bench.pipeline.jobs import DataFolder
from loki_bench.pipeline.training_data import TrainingData
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell, ComponentRef, SurrogateRef
from loki_bench.suite.grid import ChosenMetric

__all__ = [
    "CleanVictim",
    "Craft",
    "Defend",
    "DefendedCleanVictim",
    "Evaluation",
    "FitSurrogate",
    "Measure",
    "PoisonedVictim",
    "Prepare",
    "Step",
    "VictimTopK",
    "steps_left",
    "steps_of",
]

NO_POISON = Sequences.empty()


@dataclass(frozen=True)
class Step(ABC):
    """One piece of work. ``done`` holds the values of the steps in ``needs``, by key."""

    kind: ClassVar[str]
    address_needs_no_inputs: ClassVar[bool] = False
    """Whether the cell alone gives the address in the store, not the values of the needs."""

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

    surrogate: SurrogateRef

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
class VictimTopK(Step):
    """Writes down what the clean victim shows every genuine user: the query oracle's answers.

    The victim is trained once more for it: no fitted victim is ever kept.
    """

    kind: ClassVar[str] = "lists"

    @cached_property
    def key(self) -> str:
        return f"lists/{self.cell.lists_id}"

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        return f"lists of {self.cell.victim.label}"

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_lists(self.cell.lists_id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.show_lists, self.data, self.cell)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_lists(self.cell.lists_id, value)
        return value


@dataclass(frozen=True)
class Prepare(Step):
    """Lets the attacker learn what serves every number of fake users."""

    kind: ClassVar[str] = "prepare"
    address_needs_no_inputs: ClassVar[bool] = True

    @cached_property
    def key(self) -> str:
        return f"prepare/{self.cell.prepared_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}'"

    @property
    def work(self) -> str:
        return _attack_work("preparation of", self.cell)

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        return tuple(FitSurrogate(self.data, self.cell, s) for s in self.cell.surrogates)

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_prepared(self.cell.prepared_id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        surrogates = tuple(done[step.key] for step in self.needs)
        return workers.submit(jobs.prepare, self.data, self.cell, surrogates)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_prepared(self.cell.prepared_id, value)
        return value


@dataclass(frozen=True)
class Craft(Step):
    """Lets the attacker write its poison."""

    kind: ClassVar[str] = "craft"
    address_needs_no_inputs: ClassVar[bool] = True

    @cached_property
    def key(self) -> str:
        return f"craft/{self.cell.craft_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}'"

    @property
    def work(self) -> str:
        return _attack_work("craft of", self.cell)

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        lent = tuple(FitSurrogate(self.data, self.cell, s) for s in self.cell.surrogates)
        if self.cell.oracle is not None:
            return (*lent, VictimTopK(self.data, self.cell))
        return (*lent, Prepare(self.data, self.cell)) if self.cell.prepares else lent

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_poison(self.cell.craft_id)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        given = [done[step.key] for step in self.needs]
        lists = None if self.cell.oracle is None else given.pop()
        prepared = given.pop() if self.cell.prepares else None
        return workers.submit(jobs.craft, self.data, self.cell, tuple(given), lists, prepared)

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_poison(self.cell.craft_id, value)
        return value


@dataclass(frozen=True)
class Defend(Step):
    """Lets the defense choose among the users of the clean or of the poisoned data."""

    kind: ClassVar[str] = "defense"

    poisoned: bool

    @cached_property
    def key(self) -> str:
        what = self.cell.craft_id if self.poisoned else "clean"
        return f"defense/{what}/{self.cell.defense_id(NO_POISON.digest())}"

    @property
    def who(self) -> str:
        return f"defense '{self._defense.name}'"

    @property
    def name(self) -> str:
        return self.kind if self.poisoned else f"{self.kind} clean"

    @property
    def work(self) -> str:
        return f"defense by {self._defense.label}"

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        # The clean data first: an empty poison is then found in the store, not judged twice.
        clean = Defend(self.data, self.cell, poisoned=False)
        return (Craft(self.data, self.cell), clean) if self.poisoned else ()

    def poison(self, done: dict[str, Any]) -> Sequences:
        """The fake users among those to choose from."""
        poison: Sequences = done[self.needs[0].key].poison if self.poisoned else NO_POISON
        return poison

    def answer_id(self, done: dict[str, Any]) -> str:
        """The address of the answer: it depends on the poison's content, not on who wrote it."""
        return self.cell.defense_id(self.poison(done).digest())

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_defense(self.answer_id(done))

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.defend, self.data, self.cell, self.poison(done))

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_defense(self.answer_id(done), value)
        return value

    @property
    def _defense(self) -> ComponentRef:
        if self.cell.defense is None:
            raise ValueError("the cell has no defense")
        return self.cell.defense


@dataclass(frozen=True)
class Evaluation(Step):
    """Trains and ranks the victim."""

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        return f"fit of {self.cell.victim.label}"

    @abstractmethod
    def trained_on(self, done: dict[str, Any]) -> TrainingData:
        """What the victim is trained on."""

    def ranks_id(self, done: dict[str, Any]) -> str:
        """The address of the ranks: it depends on what is trained on, not on how that came."""
        return self.cell.evaluation_id(self.trained_on(done).digest())

    def stored(self, store: Store, done: dict[str, Any]) -> Any:
        return store.read_ranks(self.ranks_id(done))

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(jobs.evaluate, self.data, self.cell, self.trained_on(done))

    def keep(self, store: Store, done: dict[str, Any], value: Any) -> Any:
        store.write_ranks(self.ranks_id(done), value)
        return value


@dataclass(frozen=True)
class CleanVictim(Evaluation):
    """The victim without any fake user and without a defense."""

    kind: ClassVar[str] = "clean"

    @cached_property
    def key(self) -> str:
        return f"clean/{self.ranks_id({})}"

    def trained_on(self, done: dict[str, Any]) -> TrainingData:
        return TrainingData.undefended(NO_POISON)


@dataclass(frozen=True)
class DefendedCleanVictim(Evaluation):
    """The victim without any fake user on what the defense keeps of the clean data."""

    kind: ClassVar[str] = "clean"

    @cached_property
    def key(self) -> str:
        defense, clean = self.needs
        return f"defended {clean.key}/{defense.key}"

    @property
    def name(self) -> str:
        return f"{self.kind} defended"

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        # The clean victim first: it is this one where the defense keeps everybody.
        return (Defend(self.data, self.cell, poisoned=False), CleanVictim(self.data, self.cell))

    def trained_on(self, done: dict[str, Any]) -> TrainingData:
        return TrainingData.left_by(done[self.needs[0].key], NO_POISON)


@dataclass(frozen=True)
class PoisonedVictim(Evaluation):
    """The victim with the fake users, or with what the defense keeps."""

    kind: ClassVar[str] = "attack"

    @cached_property
    def key(self) -> str:
        return f"attack/{self.cell.id}"

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        # The clean victim first: an empty poison is then found in the store, not computed twice.
        craft = Craft(self.data, self.cell)
        if self.cell.defense is None:
            return (craft, CleanVictim(self.data, self.cell))
        defense = Defend(self.data, self.cell, poisoned=True)
        return (craft, DefendedCleanVictim(self.data, self.cell), defense)

    def trained_on(self, done: dict[str, Any]) -> TrainingData:
        craft, _, *defense = self.needs
        poison = done[craft.key].poison
        if not defense:
            return TrainingData.undefended(poison)
        return TrainingData.left_by(done[defense[0].key], poison)


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
    def craft(self) -> Craft:
        """Where the poison comes from."""
        return Craft(self.data, self.cell)

    @cached_property
    def attack(self) -> PoisonedVictim:
        """The victim after the attack, with the defense where there is one."""
        return PoisonedVictim(self.data, self.cell)

    @cached_property
    def clean(self) -> CleanVictim | DefendedCleanVictim:
        """The victim before the attack, with the defense where there is one."""
        step = CleanVictim if self.cell.defense is None else DefendedCleanVictim
        return step(self.data, self.cell)

    @cached_property
    def undefended(self) -> CleanVictim:
        """The victim with neither attack nor defense."""
        return CleanVictim(self.data, self.cell)

    @cached_property
    def defense(self) -> tuple[Defend, Defend] | None:
        """What the defense keeps of the poisoned and of the clean data."""
        if self.cell.defense is None:
            return None
        poisoned, clean = (Defend(self.data, self.cell, poisoned=p) for p in (True, False))
        return poisoned, clean

    @cached_property
    def needs(self) -> tuple[Step, ...]:
        needs = (self.attack, self.craft, self.clean)
        return needs if self.defense is None else (*needs, self.undefended, *self.defense)

    def submit(self, workers: Workers, store: Store, done: dict[str, Any]) -> "Future[Timed[Any]]":
        return workers.submit(
            jobs.measure,
            self.data,
            self.cell,
            self.metrics,
            done[self.craft.key].poison,
            done[self.clean.key],
            done[self.attack.key],
            self._defended(done),
        )

    def _defended(self, done: dict[str, Any]) -> Defended | None:
        if self.defense is None:
            return None
        poisoned, clean = (done[step.key] for step in self.defense)
        return Defended(
            kept=poisoned.kept,
            suspicion=poisoned.suspicion,
            clean_kept=clean.kept,
            undefended_test_ranks=done[self.undefended.key].test_ranks,
        )


def _attack_work(what: str, cell: Cell) -> str:
    estimator = [] if cell.influence is None else [cell.influence.label]
    lent = [used.recommender.label for used in cell.surrogates]
    return " ".join([what, cell.attacker.label, *estimator, *lent])


def steps_of(measure: Measure, *, ended: Callable[[Step], bool] = lambda step: False) -> list[Step]:
    """The steps of one cell, each after those that it needs.

    What only steps need for which ``ended`` is true is left out.
    """
    ordered: dict[str, Step] = {}

    def visit(step: Step) -> None:
        if step.key in ordered:
            return
        for needed in () if ended(step) else step.needs:
            visit(needed)
        ordered[step.key] = step

    visit(measure)
    return list(ordered.values())


def steps_left(measures: Iterable[Measure], store: Store) -> tuple[dict[str, Step], dict[str, Any]]:
    """The steps of all cells by key, without those that stored poison and agents had needed.

    Returns
    -------
    (steps, stored)
        ``stored`` holds that poison and those agents, by key.
    """
    looked_up: dict[str, Any] = {}

    def ended(step: Step) -> bool:
        if not step.address_needs_no_inputs:
            return False
        if step.key not in looked_up:
            looked_up[step.key] = step.stored(store, {})
        return looked_up[step.key] is not None

    steps: dict[str, Step] = {}
    for measure in measures:
        for step in steps_of(measure, ended=ended):
            steps.setdefault(step.key, step)
    return steps, {key: value for key, value in looked_up.items() if value is not None}
