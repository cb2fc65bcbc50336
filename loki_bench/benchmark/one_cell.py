"""Finds the one cell that a person means by its victim, attacker, budget and seed."""

from collections.abc import Mapping
from typing import TypeAlias

from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry
from loki_bench.suite.actions import Actions
from loki_bench.suite.cell import Cell
from loki_bench.suite.resolve import ResolvedSuite
from loki_bench.suite.suite import Choice, FakeUsers, Suite

__all__ = ["ComponentChoice", "one_cell"]

ComponentChoice: TypeAlias = str | Choice | Mapping[str, object]
"""A component's name, or ``{"name": ..., "parameters": ...}`` as in a suite."""


def one_cell(
    resolved: ResolvedSuite,
    registry: Registry,
    components: Mapping[str, ComponentChoice],
    *,
    seed: int,
    fake_users: float | FakeUsers | None = None,
    actions: Actions | None = None,
    simulator: str | None = None,
    placebo: bool = False,
) -> Cell:
    """The cell of a suite with these components.

    Parameters
    ----------
    components : mapping of a suite's key to a choice
        ``victims``, ``attackers`` and ``defenses``. A name that the suite has stands for the
        suite's own choice, with its parameters; any other component may be named, too.
    fake_users, actions, simulator : optional
        One of the suite's unless given.

    Raises
    ------
    UsageError
        There is no such component, or the suite has several such cells.
    """
    budget = {"fake_users": fake_users, "actions": actions}
    changes: dict[str, object] = {
        "seeds": [seed],
        "budget": {key: value for key, value in budget.items() if value is not None},
        "integrity_rows": placebo,
        **{key: [_choice(resolved.suite, key, given)] for key, given in components.items()},
    }
    if simulator is not None:
        changes["simulator"] = simulator
    suite = resolved.suite.with_keys(changes)
    grid = resolved.changed(suite, registry).grid
    attacker = suite.attackers[0].name
    found = [c for c in grid.cells if (c.attacker.name, c.placebo) == (attacker, placebo)]
    if len(found) != 1:
        raise UsageError(
            f"suite '{suite.name}' has {len(found)} cells of {attacker} on {suite.victims[0].name} "
            f"with seed {seed}: choose one with fake_users (of {suite.budget.fake_users}), actions "
            f"(of {suite.budget.actions}) and simulator (of {suite.simulator}), or open the suite "
            "with one value of each key of [knowledge]"
        )
    return found[0]


def _choice(suite: Suite, key: str, given: ComponentChoice) -> ComponentChoice:
    choices: list[Choice] = getattr(suite, key)
    found = [choice for choice in choices if choice.name == given]
    if len(found) > 1:
        raise UsageError(
            f"suite '{suite.name}' has {len(found)} of '{given}' in its key '{key}': say which as "
            '{"name": ..., "parameters": ...}'
        )
    return found[0] if found else given
