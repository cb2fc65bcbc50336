"""A cell of the grid: everything that determines one result, and the ids that follow from it."""

from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from typing_extensions import Self

from loki_bench.content_ids import content_id
from loki_bench.plugins.specs import DefenseForm
from loki_bench.seeds import seed_for
from loki_bench.suite.actions import Actions
from loki_bench.suite.components import ComponentRef, FrozenModel, shown_value
from loki_bench.suite.suite import CellProtocol, Isolation, Parameter, SeenShare, Simulator, Until
from loki_bench.suite.usable_values import ComponentName

__all__ = [
    "ALL_EVENTS",
    "ALL_USERS",
    "MOST_CELLS",
    "PROTOCOL_VERSION",
    "Cell",
    "CellBudget",
    "CellKnowledge",
    "CellRegime",
    "DatasetRef",
    "OracleGrant",
    "SurrogateRef",
]

Identity: TypeAlias = dict[str, object]
"""Part of what an id is made of."""

ALL_EVENTS, ALL_USERS = "T-1", 1.0
"""What an attacker knows of users unless a suite takes some of it away."""

MOST_CELLS = 100_000
"""Of a suite, at the most."""

PROTOCOL_VERSION = 2
"""Raised when splitting, seeding, ranking or retraining changes: old records then stay apart."""


class DatasetRef(FrozenModel):
    """The dataset as it was read. The fingerprint alone enters ids: how it got here does not.

    ``notes`` are the reader's: a file without times, mixed units.
    """

    component: ComponentRef
    fingerprint: str
    n_users: int
    n_items: int
    n_events: int
    notes: tuple[str, ...] = ()


class CellBudget(FrozenModel):
    """The budget of one cell, as a share and in numbers."""

    fake_users: float
    n_fake_users: int
    actions: Actions


class SurrogateRef(FrozenModel):
    """A surrogate that the attacker is provided with, and its vote."""

    recommender: ComponentRef
    weight: float


class OracleGrant(FrozenModel):
    """How many lists of the victim the attacker may ask for, and how long they are.

    ``sequences`` says that it may also ask for those of histories that it made up.
    """

    queries: int
    list_length: int
    sequences: bool = False

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        content: dict[str, object] = dump(self)
        return {k: v for k, v in content.items() if k != "sequences" or v}


class CellKnowledge(FrozenModel):
    """What of genuine users' events the attacker of a cell has, where it has not got all.

    Attributes
    ----------
    until : str
        ``"T-2"``: of each target user the events up to the second before the test event; ``"T-1"``
        is all that is known when the user is tested.
    users : float
        The share of the other genuine users that is seen.
    """

    until: Until
    users: SeenShare

    @model_validator(mode="after")
    def _hides_something(self) -> Self:
        if not self.told:
            raise ValueError("a cell whose attacker knows all it may has no knowledge written down")
        return self

    @property
    def n_hidden(self) -> int:
        """How many of a target user's latest known events are hidden."""
        return int(self.until.removeprefix("T-")) - 1

    @property
    def told(self) -> dict[str, Parameter]:
        """What of it differs from all that there is to know, for labels."""
        found: dict[str, Parameter] = {}
        if self.until != ALL_EVENTS:
            found["until"] = self.until
        if self.users != ALL_USERS:
            found["users"] = f"{100 * self.users:g} %"
        return found


class CellRegime(FrozenModel):
    """How the victim of a cell is trained, where its suite names ways to do it.

    Attributes
    ----------
    name : str
        For labels; it enters no id.
    parameters : mapping
        What of the victim's parameters is the regime's; the victim has them already.
    fine_tune_epochs : int or None
        Epochs from the clean weights on old and new data; None trains from scratch.
    """

    name: ComponentName
    parameters: dict[str, Parameter | None] = Field(default={})
    fine_tune_epochs: Annotated[int, Field(ge=1, lt=2**31)] | None = None

    @property
    def told(self) -> str:
        """What it is, for notes: ``"epochs=20"``, ``"fine-tuned for 5 epochs"``."""
        values = (f"{name}={shown_value(v)}" for name, v in sorted(self.parameters.items()))
        tuned = (
            f"fine-tuned for {self.fine_tune_epochs} epochs on old and new data, from the weights "
            "of the clean data"
        )
        parts = [*values, *([] if self.fine_tune_epochs is None else [tuned])]
        return ", ".join(parts) or "as the victim is by itself"


class Cell(FrozenModel):
    """One cell: one victim, one attack, one defense or none, one budget, one seed.

    ``influence_is_default`` says that the estimator is the one that the attacker's spec names: a
    table then need not show it. ``is_baseline`` says that the attack is one that gains are measured
    against, see :class:`~loki_bench.plugins.specs.AttackerSpec`. ``defense_form`` is what the
    defense's spec says of it. None of them determines a result, and none enters an id.
    ``n_untargeted`` is how many users who were not targeted are ranked, too: it enters the ids of
    what is measured, and not those of attacks. So does a ``regime`` that fine-tunes; the parameters
    of one are the victim's. ``victim_list_length`` is how many items the victim lists, where it
    answers lists alone: it follows from the victim's parameters.
    """

    protocol_version: int = PROTOCOL_VERSION
    dataset: DatasetRef
    protocol: CellProtocol
    budget: CellBudget
    victim: ComponentRef
    victim_list_length: int | None = None
    attacker: ComponentRef
    simulator: Simulator | None
    surrogates: tuple[SurrogateRef, ...]
    influence: ComponentRef | None
    influence_is_default: bool = False
    is_baseline: bool = False
    defense: ComponentRef | None = None
    defense_form: DefenseForm = "filter"
    placebo: bool = False
    prepares: bool = False
    oracle: OracleGrant | None
    sees_history: bool
    knowledge: CellKnowledge | None = None
    n_untargeted: Annotated[int, Field(ge=0, lt=2**31)] = 0
    regime: CellRegime | None = None
    isolation: Isolation
    seed: int

    @property
    def attack_label(self) -> str:
        """The attack as a person reads it: ``loki(policy=dqn), placebo``."""
        label = self.attacker.label_with({} if self.knowledge is None else self.knowledge.told)
        return f"{label}, placebo" if self.placebo else label

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        # records of what ran before a key existed are as they were
        content: dict[str, object] = dump(self)
        at_rest: dict[str, object] = {
            "knowledge": None,
            "n_untargeted": 0,
            "regime": None,
            "defense_form": "filter",
            "victim_list_length": None,
        }
        return {k: v for k, v in content.items() if k not in at_rest or v != at_rest[k]}

    @property
    def key(self) -> str:
        """The run key that its random draws are keyed with; empty where they are public."""
        return self.protocol.key

    def seed_of(self, role: str) -> int:
        """The seed of one role, such as ``"victim/bprmf"``: nobody in another role is told it."""
        return seed_for(self.seed, role, key=self.protocol.key)

    @cached_property
    def id(self) -> str:
        """SHA-256 of everything that determines the result."""
        return content_id(
            {
                **self._shared,
                **self._attack,
                "defense": None if self.defense is None else self.defense.identity,
                "victim": self.victim.identity,
                **(self._later if self.n_untargeted or self.regime else {}),
            }
        )

    @cached_property
    def craft_id(self) -> str:
        """The poison's address: it does not depend on the victim, unless that answers queries."""
        asked = {} if self.oracle is None else {"victim": self.victim.identity}
        return content_id({"job": "craft", **self._shared, **self._attack, **asked})

    @cached_property
    def prepared_id(self) -> str:
        """The address of what the attacker prepares: whatever the number of fake users."""
        attack = {k: v for k, v in self._attack.items() if k not in ("n_fake_users", "share")}
        return content_id({"job": "prepare", **self._shared, **attack})

    @cached_property
    def lists_id(self) -> str:
        """The address of what the clean victim shows every genuine user."""
        length = None if self.oracle is None else self.oracle.list_length
        return content_id(
            {
                "job": "lists",
                **self._data,
                "victim": self.victim.identity,
                "list_length": length,
            }
        )

    def surrogate_id(self, surrogate: SurrogateRef) -> str:
        """The address of a fitted surrogate."""
        recommender = surrogate.recommender.identity
        # with events hidden, what it is trained on depends on who the target users are
        hidden = {} if self.knowledge is None else {**self._shared, "knowledge": self.knowledge}
        return content_id({"job": "surrogate", **self._data, "recommender": recommender, **hidden})

    def defense_id(self, poison_digest: str) -> str:
        """The address of what the defense answers for the clean data and some poison."""
        return content_id(
            {
                "job": "defense",
                **self._data,
                "defense": None if self.defense is None else self.defense.identity,
                "isolation": self.isolation,
                "poison": poison_digest,
            }
        )

    def evaluation_id(self, digest: str, *, robustly: bool = False) -> str:
        """The address of the ranks that the victim gives after training on some data.

        ``digest`` is that of :class:`~loki_bench.pipeline.training_data.TrainingData`; ``robustly``
        says that the defense does the training.
        """
        defense = self.defense if robustly else None
        return content_id(
            {
                "job": "evaluation",
                **self._shared,
                "victim": self.victim.identity,
                "poison": digest,
                **(self._later if self.n_untargeted or self.regime else {}),
                **({} if defense is None else {"training": defense.identity}),
            }
        )

    @property
    def regime_label(self) -> str:
        """The victim with the name of its regime: ``bprmf (20 epochs)``."""
        if self.regime is None:
            return self.victim.label
        own = {k: v for k, v in self.victim.changed.items() if k not in self.regime.parameters}
        victim = self.victim.model_copy(update={"changed": own})
        return f"{victim.label} ({self.regime.name})"

    @property
    def _later(self) -> Identity:
        """What came later of what determines a victim's ranks."""
        found: Identity = {}
        if self.n_untargeted:
            found["n_untargeted"] = self.n_untargeted
        if self.regime is not None and self.regime.fine_tune_epochs is not None:
            found["fine_tune_epochs"] = self.regime.fine_tune_epochs
        return found

    @property
    def _data(self) -> Identity:
        return {
            "protocol_version": self.protocol_version,
            "dataset": self.dataset.fingerprint,
            "seed": self.seed,
            **self.protocol.of_data,
        }

    @property
    def _shared(self) -> Identity:
        return {**self._data, "protocol": self.protocol.identity}

    @property
    def _attack(self) -> Identity:
        # The share is how the budget was asked for; the numbers are what the attack gets. The
        # simulator's name stands for its surrogates, but two names may provide the same ones, and
        # a table keeps a row for each.
        return {
            "n_fake_users": self.budget.n_fake_users,
            "share": self.budget.fake_users,
            "actions": self.budget.actions,
            "attacker": self.attacker.identity,
            "simulator": self.simulator,
            "surrogates": [
                {"recommender": s.recommender.identity, "weight": s.weight} for s in self.surrogates
            ],
            "influence": None if self.influence is None else self.influence.identity,
            "placebo": self.placebo,
            "prepares": self.prepares,
            "oracle": self.oracle,
            "sees_history": self.sees_history,
            "isolation": self.isolation,
            **({} if self.knowledge is None else {"knowledge": self.knowledge}),
        }
