"""The conformance kit: promises that every plugin keeps, each a function that puts one to the test.

With pytest::

    from loki_bench.testing import parametrize_with_checks
    from my_attack import loki_bench_attackers

    @parametrize_with_checks(loki_bench_attackers())
    def test_the_attack_keeps_its_promises(check, subject):
        check(subject)

Without::

    from loki_bench.testing import check_plugin

    for result in check_plugin("loki-bench-my-attack"):
        print(result.outcome, result.check, result.detail)

Or ``loki-bench check loki-bench-my-attack``. The names of the checks are stable. Nothing here needs
pytest but ``parametrize_with_checks``.
"""

from loki_bench.testing.adversarial_checks import *  # noqa: F403  # each __all__ lists checks
from loki_bench.testing.attacker_checks import *  # noqa: F403
from loki_bench.testing.catalogue import CHECKS, Check, ExpectedFailures, checks_for, subjects_of
from loki_bench.testing.dataset_checks import *  # noqa: F403
from loki_bench.testing.defense_checks import *  # noqa: F403
from loki_bench.testing.differentiable_checks import *  # noqa: F403
from loki_bench.testing.estimator_checks import *  # noqa: F403
from loki_bench.testing.fine_tuning_checks import *  # noqa: F403
from loki_bench.testing.installed import check_plugin, component_names, planned_checks
from loki_bench.testing.metric_checks import *  # noqa: F403
from loki_bench.testing.plugin_checks import *  # noqa: F403
from loki_bench.testing.recommender_checks import *  # noqa: F403
from loki_bench.testing.robust_checks import *  # noqa: F403
from loki_bench.testing.rowwise_checks import *  # noqa: F403
from loki_bench.testing.running import CheckResult, PlannedCheck, run_checks
from loki_bench.testing.sequence_answer_checks import *  # noqa: F403
from loki_bench.testing.subject import PluginSubject, Subject
from loki_bench.testing.weighted_checks import *  # noqa: F403
from loki_bench.testing.with_pytest import parametrize_with_checks

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "ExpectedFailures",
    "PlannedCheck",
    "PluginSubject",
    "Subject",
    "check_plugin",
    "checks_for",
    "component_names",
    "parametrize_with_checks",
    "planned_checks",
    "run_checks",
    "subjects_of",
    *sorted(check.__name__ for checks in CHECKS.values() for check in checks),
]
