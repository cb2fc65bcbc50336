"""Parameters that came after results were published: ids of what ran before are as they were."""

from dataclasses import replace

from loki_bench import builtin
from loki_bench.plugins.registry import Origin
from loki_bench.suite.components import resolve


def test_a_later_parameter_enters_an_id_only_where_it_is_not_at_its_default():
    (loki,) = [spec for spec in builtin.loki_bench_attackers() if spec.name == "loki"]
    assert "check_estimates" in loki.later_parameters
    origin = Origin(distribution="loki-bench", version="0.2.0")
    at_default = resolve(loki, origin, {"check_estimates": False})
    assert at_default.identity == resolve(loki, origin, {}).identity
    assert not set(loki.later_parameters) & set(at_default.parameters)
    asked = resolve(loki, origin, {"check_estimates": True})
    assert asked.parameters["check_estimates"] is True
    assert asked.label == "loki(check_estimates=true)"
    always = resolve(replace(loki, later_parameters=()), origin, {})
    assert set(loki.later_parameters) < set(always.parameters)
