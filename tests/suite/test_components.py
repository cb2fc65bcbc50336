"""What of a component makes ids: its name, distribution, version and parameters, not its module."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest
from toy_grid import CONTENT

from loki_bench.plugins.registry import Origin, Registry, discover
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import Suite


def ids_with(registry):
    """Every id that leads to a file, of every cell of a suite with all kinds of components."""
    attackers = ["none", "asks-surrogates"]
    suite = Suite.model_validate({**CONTENT, "attackers": attackers, "victims": ["counts"]})
    ids = []
    for cell in prepare(suite, registry, download=False).grid.cells:
        ids += [cell.id, cell.craft_id, cell.prepared_id, cell.lists_id]
        ids.append(cell.evaluation_id("poison"))
        ids += [cell.surrogate_id(surrogate) for surrogate in cell.surrogates]
    return ids


def changed(registry, kinds, change):
    """The registry with some kinds of components changed."""
    components = [
        change(component) if component.spec.kind in kinds else component
        for component in registry.components()
    ]
    return Registry(components)


KINDS = ("recommender", "attacker", "metric")


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_that_moves_to_another_module_keeps_every_id(monkeypatch, kind):
    def moved(component):
        name = component.spec.target.partition(":")[2]
        elsewhere = ModuleType(f"elsewhere_{name.lower()}")
        setattr(elsewhere, name, component.spec.resolve())
        monkeypatch.setitem(sys.modules, elsewhere.__name__, elsewhere)
        target = f"{elsewhere.__name__}:{name}"
        return replace(component, spec=replace(component.spec, target=target, target_facts=None))

    registry = discover()
    used = {"counts", "follows", "random", "none", "asks-surrogates", "toy", "display_rate", "hr"}
    components = [
        moved(c) if c.spec.kind == kind and c.spec.name in used else c
        for c in registry.components()
    ]
    elsewhere = Registry(components)
    assert any(c.spec.target.startswith("elsewhere_") for c in elsewhere.components())
    assert ids_with(elsewhere) == ids_with(registry)


def test_a_distribution_that_is_renamed_gives_other_ids():
    def renamed(component):
        return replace(component, origin=Origin("another-distribution", component.origin.version))

    registry = discover()
    others = changed(registry, ("recommender", "attacker"), renamed)
    assert not set(ids_with(others)) & set(ids_with(registry))


def test_another_version_gives_other_ids():
    def newer(component):
        return replace(component, origin=Origin(component.origin.distribution, "999"))

    registry = discover()
    others = changed(registry, ("recommender", "attacker"), newer)
    assert not set(ids_with(others)) & set(ids_with(registry))
