"""A component by what determines it: found by name, with every parameter written out."""

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from loki_bench.plugins.registry import Origin
from loki_bench.plugins.specs import ComponentSpec
from loki_bench.suite.suite import Parameter

__all__ = ["HANDED_IN", "ComponentRef", "FrozenModel", "handed_in", "resolve", "shown_value"]

HANDED_IN = "replay"
"""The attacker whose fake users are read from a file, or were at hand."""

OWN_DISTRIBUTION = "loki-bench"


class FrozenModel(BaseModel):
    """Checked data that does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ComponentRef(FrozenModel):
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
    def identity(self) -> dict[str, object]:
        """What of it determines a result: all ids are made of this, none of the component."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "parameters": self.parameters,
        }

    @property
    def is_handed_in(self) -> bool:
        """Whether it stands for a poison that nobody crafts: its content is its parameter."""
        return (
            self.name == HANDED_IN
            and self.distribution == OWN_DISTRIBUTION
            and "sha256" in self.parameters
        )

    @property
    def label(self) -> str:
        """The name, with the parameters that differ from the defaults: ``loki(policy=dqn)``."""
        return self.label_with({})

    def label_with(self, further: Mapping[str, Parameter]) -> str:
        """The label, with further facts that stand among the parameters."""
        if self.is_handed_in:
            return f"{self.name}: {self.changed.get('poison', 'poison')}"
        told = {**self.changed, **further}
        values = ", ".join(f"{name}={shown_value(value)}" for name, value in sorted(told.items()))
        return f"{self.name}({values})" if told else self.name

    def build(self) -> Any:
        """Import the target and call it with the parameters, see :meth:`ComponentSpec.build`."""
        spec = ComponentSpec(name=self.name, summary=self.name, target=self.target)
        return spec.build(self.parameters)


def resolve(spec: ComponentSpec, origin: Origin, given: Mapping[str, Parameter]) -> ComponentRef:
    """A component with all its parameters, refusing those that it does not take.

    A parameter given by a former name or value enters by the present one, so the id does not
    depend on which of them a suite uses. A later parameter at its default is left out.

    Raises ``ParameterError`` or ``PluginError``, see :class:`ComponentSpec`.
    """
    given = spec.in_present_words(given)
    spec.check(given)
    defaults = {
        name: cast("Parameter | None", parameter.default)
        for name, parameter in spec.parameters().items()
        if parameter.is_plain
    }
    return ComponentRef(
        name=spec.name,
        distribution=origin.distribution,
        version=origin.version,
        target=spec.target,
        parameters={
            name: value
            for name, value in {**defaults, **given}.items()
            if name not in spec.later_parameters or defaults.get(name) != value
        },
        changed={k: v for k, v in given.items() if k not in defaults or defaults[k] != v},
    )


def handed_in(sha256: str, *, version: str, label: str, name: str | None = None) -> ComponentRef:
    """The component that stands for a poison in a cell: its content, and never where it lay.

    Parameters
    ----------
    sha256 : str
        Of the fake users' sequences, see :meth:`~loki_bench.interactions.Sequences.digest`.
    version : str
        Of this project: that of the attackers beside it.
    label : str
        What tables call it; it enters no id.
    name : str or None
        What it is called if that was asked for: another name is another row.
    """
    return ComponentRef(
        name=HANDED_IN,
        distribution=OWN_DISTRIBUTION,
        version=version,
        target="loki_bench.attackers.replay:Replay",
        parameters={"sha256": sha256, **({} if name is None else {"name": name})},
        changed={"poison": label},
    )


def shown_value(value: Parameter | None) -> str:
    """A parameter's value as labels have it."""
    return value if isinstance(value, str) else json.dumps(value)
