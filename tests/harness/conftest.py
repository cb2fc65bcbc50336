"""Small suites of the toy plugin, importable here and in the workers that tests start."""

from pathlib import Path

import pytest

from loki_bench.harness.preparation import prepare
from loki_bench.harness.suite import Suite
from loki_bench.plugins.registry import discover

TOYS = Path(__file__).parents[1] / "toys"

CONTENT = {
    "name": "toy",
    "seeds": [0, 1],
    "victims": ["counts"],
    "surrogates": ["counts", "follows"],
    "attackers": ["none", "random"],
    "metrics": ["display_rate@5", "hr@5"],
    "dataset": "toy",
    "protocol": {"n_targets": 3, "n_target_users": 10},
    "budget": {"fake_users": 0.2, "actions": 5},
}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)  # spawned workers are given the host's sys.path


@pytest.fixture
def prepared():
    """Prepare a suite of toys; keyword arguments replace its keys."""

    def make(**changes):
        suite = Suite.model_validate({**CONTENT, **changes})
        return prepare(suite, discover(), download=False)

    return make
