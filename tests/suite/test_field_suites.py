"""The suites of the field name every attack of this project's distributions."""

import pytest

from loki_bench.plugins.ownership import is_own_distribution
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import AttackerSpec
from loki_bench.suite.suite import load_suite

pytest.importorskip("loki_bench_attacks")


@pytest.mark.parametrize("name", ["field-quick", "field-beauty", "field-lastfm"])
def test_a_suite_of_the_field_has_every_attack_that_writes_its_own_fake_users(name):
    ours = {
        component.spec.name
        for component in discover().components(AttackerSpec.kind)
        if is_own_distribution(component.origin.distribution)
    }
    assert {choice.name for choice in load_suite(name).attackers} == ours - {"replay"}
