"""A cell of the grid: everything that determines one result, and the ids that follow from it."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from loki_bench.content_ids import content_id
from loki_bench.plugins.registry import Origin
from loki_bench.plugins.specs import ComponentSpec
from loki_bench.suite.suite import Isolation, Parameter, Protocol, Simulator

__all__ = [
    "PROTOCOL_VERSION",
    "Cell",
    "CellBudget",
    "ComponentRef",
    "DatasetRef",
    "OracleGrant",
    "SurrogateRef",
    "resolve",
]

PROTOCOL_VERSION = 2
"""Raised when splitting, seeding, ranking or retraining changes: old records then stay apart."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentRef(_Frozen):
    """A component as it runs: where it came from and every parameter, defaults included.

    ``target``, its import path, is provenance: :attr:`identity` leaves it out, so a component
    that moves to another module keeps every result. ``changed`` are the parameters that differ
    from the defaults; it follows from the rest, and is kept for labels.
    """

    name: str
    distribution: str
    version: str
    target: str
    parameters: dict[str, Parameter | None]
    changed: dict[str, Parameter | None]

    @property
    def identity(self) -> dict[str, Any]:
        """What of it determines a result: all ids are made of this, none of the component."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "parameters": self.parameters,
        }

    @property
    def label(self) -> str:
        """The name, with the parameters that differ from the defaults: ``loki(policy=dqn)``."""
        return self.label_with({})

    def label_with(self, further: Mapping[str, Parameter]) -> str:
        """The label, with further facts that stand among the parameters."""
        told = {**self.changed, **further}
        values = ", ".join(f"{name}={_shown(value)}" for name, value in sorted(told.items()))
        return f"{self.name}({values})" if told else self.name

    def build(self) -> Any:
        """Import the target and call it with the parameters, see :meth:`ComponentSpec.build`."""
        spec = ComponentSpec(name=self.name, summary=self.name, target=self.target)
        return spec.build(self.parameters)


class DatasetRef(_Frozen):
    """The dataset as it was read. The fingerprint alone enters ids: how it got here does not."""

    component: ComponentRef
    fingerprint: str
    n_users: int
    n_items: int
    n_events: int


class CellBudget(_Frozen):
    """The budget of one cell, as a share and in numbers."""

    fake_users: float
    n_fake_users: int
    actions: int


class SurrogateRef(_Frozen):
    """A surrogate that the attacker is lent, and its vote."""

    recommender: ComponentRef
    weight: float


class OracleGrant(_Frozen):
    """How many lists of the victim the attacker may ask for, and how long they are."""

    queries: int
    list_length: int


class Cell(_Frozen):
    """One cell: one victim, one attack, one defense or none, one budget, one seed.

    ``influence_is_default`` says that the estimator is the one that the attacker's spec names: a
    table then need not show it. ``is_baseline`` says that the attack is one that gains are measured
    against, see :class:`~loki_bench.plugins.specs.AttackerSpec`. Neither determines a result, and
    neither enters an id.
    """

    protocol_version: int = PROTOCOL_VERSION
    dataset: DatasetRef
    protocol: Protocol
    budget: CellBudget
    victim: ComponentRef
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
    isolation: Isolation
    seed: int

    @property
    def attack_label(self) -> str:
        """The attack as a person reads it: ``loki(policy=dqn), placebo``."""
        return f"{self.attacker.label}, placebo" if self.placebo else self.attacker.label

    @cached_property
    def id(self) -> str:
        """SHA-256 of everything that determines the result."""
        return content_id({**self._shared, **self._attack, **self._defense, **self._victim})

    @cached_property
    def craft_id(self) -> str:
        """The poison's address: it does not depend on the victim, unless that answers queries."""
        asked = {} if self.oracle is None else self._victim
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
        return content_id({"job": "lists", **self._data, **self._victim, "list_length": length})

    def surrogate_id(self, surrogate: SurrogateRef) -> str:
        """The address of a fitted surrogate."""
        recommender = surrogate.recommender.identity
        return content_id({"job": "surrogate", **self._data, "recommender": recommender})

    def defense_id(self, poison_digest: str) -> str:
        """The address of what the defense answers for the clean data and some poison."""
        return content_id(
            {
                "job": "defense",
                **self._data,
                **self._defense,
                "isolation": self.isolation,
                "poison": poison_digest,
            }
        )

    def evaluation_id(self, digest: str) -> str:
        """The address of the ranks that the victim gives after training on some data.

        ``digest`` is that of :class:`~loki_bench.pipeline.training_data.TrainingData`.
        """
        return content_id({"job": "evaluation", **self._shared, **self._victim, "poison": digest})

    @property
    def _data(self) -> dict[str, Any]:
        return {
            "protocol_version": self.protocol_version,
            "dataset": self.dataset.fingerprint,
            "seed": self.seed,
        }

    @property
    def _shared(self) -> dict[str, Any]:
        return {**self._data, "protocol": self.protocol}

    @property
    def _victim(self) -> dict[str, Any]:
        return {"victim": self.victim.identity}

    @property
    def _defense(self) -> dict[str, Any]:
        return {"defense": None if self.defense is None else self.defense.identity}

    @property
    def _attack(self) -> dict[str, Any]:
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
        }


def resolve(spec: ComponentSpec, origin: Origin, given: Mapping[str, Parameter]) -> ComponentRef:
    """A component with all its parameters, refusing those that it does not take.

    Raises ``ParameterError`` or ``PluginError``, see :class:`ComponentSpec`.
    """
    spec.check(given)
    defaults = {
        name: parameter.default
        for name, parameter in spec.parameters().items()
        if parameter.default is not parameter.empty and _is_plain(parameter.default)
    }
    return ComponentRef(
        name=spec.name,
        distribution=origin.distribution,
        version=origin.version,
        target=spec.target,
        parameters={**defaults, **given},
        changed={k: v for k, v in given.items() if k not in defaults or defaults[k] != v},
    )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _shown(value: Parameter | None) -> str:
    return value if isinstance(value, str) else json.dumps(value)
