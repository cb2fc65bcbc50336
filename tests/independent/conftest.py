"""The program that shares nothing with loki-bench, as a module."""

import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "independent" / "published_effects.py"


@pytest.fixture(scope="session")
def effects():
    spec = importlib.util.spec_from_file_location("published_effects", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks itself up there
    spec.loader.exec_module(module)
    return module
