"""A cell of the grid: everything that determines one result, and the ids that follow from it."""

from functools import cached_property
from typing import TypeAlias

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator
from typing_extensions import Self

from loki_bench.content_ids import content_id
from loki_bench.seeds import seed_for
from loki_bench.suite.actions import Actions
from loki_bench.suite.components import ComponentRef, FrozenModel
from loki_bench.suite.suite import CellProtocol, Isolation, Parameter, SeenShare, Simulator, Until

__all__ = [
    "ALL_EVENTS",
    "ALL_USERS",
    "PROTOCOL_VERSION",
    "Cell",
    "CellBudget",
    "CellKnowledge",
    "DatasetRef",
    "OracleGrant",
    "SurrogateRef",
]

Identity: TypeAlias = dict[str, object]
"""Part of what an id is made of."""

ALL_EVENTS, ALL_USERS = "T-1", 1.0
"""What an attacker knows of users unless a suite takes some of it away."""

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
    """How many lists of the victim the attacker may ask for, and how long they are."""

    queries: int
    list_length: int


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


class Cell(FrozenModel):
    """One cell: one victim, one attack, one defense or none, one budget, one seed.

    ``influence_is_default`` says that the estimator is the one that the attacker's spec names: a
    table then need not show it. ``is_baseline`` says that the attack is one that gains are measured
    against, see :class:`~loki_bench.plugins.specs.AttackerSpec`. ``victim_list_length`` is how many
    items the victim lists, where it answers lists alone: ranks beyond are infinite. It follows from
    the victim's parameters. None of them enters an id.
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
    placebo: bool = False
    prepares: bool = False
    oracle: OracleGrant | None
    sees_history: bool
    knowledge: CellKnowledge | None = None
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
        later = ("knowledge", "victim_list_length")
        return {k: v for k, v in content.items() if k not in later or v is not None}

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

    def evaluation_id(self, digest: str) -> str:
        """The address of the ranks that the victim gives after training on some data.

        ``digest`` is that of :class:`~loki_bench.pipeline.training_data.TrainingData`.
        """
        return content_id(
            {
                "job": "evaluation",
                **self._shared,
                "victim": self.victim.identity,
                "poison": digest,
            }
        )

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
