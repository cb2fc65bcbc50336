"""The conformance kit on each defense and on the plugin."""

from importlib.metadata import entry_points

from loki_bench.testing import PluginSubject, parametrize_with_checks, run_checks
from loki_bench_defenses.hooks import loki_bench_defenses


@parametrize_with_checks(loki_bench_defenses())
def test_the_defense_keeps_its_promises(check, subject):
    check(subject)


def test_the_plugin_as_a_whole():
    [entry] = entry_points(group="loki_bench", name="defenses")
    found = list(run_checks([PluginSubject(entry=entry)]))
    assert len(found) == 6
    assert [result.detail for result in found if not result.ok] == []
