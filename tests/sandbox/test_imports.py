"""An isolated process imports what it works with: each craft of a third party's waits for it."""

import subprocess
import sys

import pytest

HEAVY = {"pydantic", "scipy", "numba", "torch", "pandas", "sklearn", "importlib.metadata"}


@pytest.mark.parametrize("request_of", ["attack", "defense", "recommender", "training"])
def test_a_process_that_is_started_imports_nothing_heavy(request_of):
    program = (
        f"import sys, loki_bench.sandbox.child, loki_bench.sandbox.{request_of}_request\n"
        "import loki_bench.sandbox.messages\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert f"loki_bench.sandbox.{request_of}_request" in imported
    assert not HEAVY & imported
