"""The conformance kit on each defense and on the plugin."""

from loki_bench.testing import parametrize_with_checks
from loki_bench_defenses.hooks import loki_bench_defenses


@parametrize_with_checks(loki_bench_defenses())
def test_the_defense_keeps_its_promises(check, subject):
    check(subject)
