"""The declarations are light, and every target is a defense."""

import subprocess
import sys

import pytest

from loki_bench.contracts import Defense, RobustTraining
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import DefenseSpec
from loki_bench_defenses import hooks


@pytest.mark.parametrize("spec", hooks.loki_bench_defenses(), ids=lambda spec: spec.name)
def test_each_defense_is_installed_and_can_be_built(spec):
    found, origin = discover().find(DefenseSpec, spec.name)
    assert found == spec
    assert origin.distribution == "loki-bench-defenses"
    contract = RobustTraining if spec.form == "training" else Defense
    assert isinstance(spec.build(), contract)


def test_declaring_imports_no_framework():
    code = (
        "import sys, loki_bench_defenses.hooks; "
        "print({'torch', 'numba', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
