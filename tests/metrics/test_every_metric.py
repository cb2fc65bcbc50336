"""What holds for each built-in metric: its doctest, its declared range, a plain float."""

import doctest
import importlib
import math
import pkgutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loki_bench.metrics
from loki_bench import builtin
from loki_bench.contracts import Defended

SPECS = builtin.loki_bench_metrics()
MODULES = [m.name for m in pkgutil.iter_modules(loki_bench.metrics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    module = importlib.import_module(f"loki_bench.metrics.{name}")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples():
    modules = [importlib.import_module(f"loki_bench.metrics.{name}") for name in MODULES]
    assert sum(doctest.testmod(module).attempted for module in modules) >= 5


def value_of(spec, outcome, k=10):
    metric = spec.resolve()
    return metric(outcome, k=k) if spec.takes_k else metric(outcome)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), k=st.integers(1, 20))
def test_values_are_floats_in_the_declared_range(outcome_of, spec, seed, k):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 5, size=2))

    def ranks(shape):
        drawn = random.integers(2, 60, size=shape) / 2
        return np.where(random.random(shape) < 0.2, np.nan, drawn)

    kept = random.random(4 + 2) < 0.5
    defended = Defended(
        kept=kept,
        suspicion=random.integers(0, 3, size=6) / 2,
        clean_kept=kept[:4],
        undefended_test_ranks=ranks(6),
    )
    outcome = outcome_of(
        defended=defended if seed % 2 else None,
        targets=ranks(shape),
        clean_targets=ranks(shape),
        untargeted=ranks((3, shape[1])),
        tests=ranks(6),
        clean_tests=ranks(6),
        lengths=random.integers(0, 9, size=4),
        poison=[[0] * n for n in random.integers(1, 9, size=2)],
    )
    value = value_of(spec, outcome, k)
    assert type(value) is float
    low, high = spec.range
    assert math.isnan(value) or low <= value <= high


@pytest.mark.parametrize("spec", [s for s in SPECS if s.takes_k], ids=lambda spec: spec.name)
def test_a_list_of_the_whole_catalogue_shows_everything(outcome_of, spec):
    outcome = outcome_of(
        targets=[[5.0, 100.0]], untargeted=[[7.0, 100.0]], tests=[100.0], n_items=100
    )
    expected = {
        "demotion_rate": 0.0,
        "hr_change": 0.0,
        "ndcg": 1 / math.log2(101),
        "clean_hr_lost": 0.0,
        "clean_ndcg_lost": 0.0,
    }
    assert value_of(spec, outcome, 100) == pytest.approx(expected.get(spec.name, 1.0))
