"""The conformance kit on each attack and on the plugin."""

from importlib.metadata import entry_points

from loki_bench.testing import PluginSubject, parametrize_with_checks, run_checks
from loki_bench_attacks.hooks import loki_bench_attackers

# as much as it takes to keep a promise, or to break it
QUICK = {
    "influence-fillers": {"n_rounds": 2, "n_candidates": 4},
    "pga": {"n_steps": 2, "n_sweeps": 3},
    "revadv": {"n_steps": 2, "n_sweeps": 3},
    "sharpap": {"n_steps": 2, "n_sweeps": 3},
    "dp-attack": {"n_rounds": 2, "n_sweeps": 3},
    "poisonrec": {"n_iterations": 2, "n_episodes": 3},
    "extract-and-poison": {"n_epochs": 2},
}


@parametrize_with_checks(loki_bench_attackers(), parameters=QUICK)
def test_the_attack_keeps_its_promises(check, subject):
    check(subject)


def test_the_plugin_as_a_whole():
    [entry] = entry_points(group="loki_bench", name="attacks")
    found = list(run_checks([PluginSubject(entry=entry)]))
    assert len(found) == 6
    assert [result.detail for result in found if not result.ok] == []
