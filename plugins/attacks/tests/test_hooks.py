"""The declarations are light, and every target is an attack."""

import subprocess
import sys

import pytest

from loki_bench.contracts import Attacker
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import AttackerSpec
from loki_bench_attacks import hooks


@pytest.mark.parametrize("spec", hooks.loki_bench_attackers(), ids=lambda spec: spec.name)
def test_each_attack_is_installed_and_can_be_built(spec):
    found, origin = discover().find(AttackerSpec, spec.name)
    assert found == spec
    assert origin.distribution == "loki-bench-attacks"
    assert isinstance(spec.build(), Attacker)
    assert spec.reference


def test_declaring_imports_no_framework():
    code = (
        "import sys, loki_bench_attacks.hooks; "
        "print({'torch', 'numba', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
