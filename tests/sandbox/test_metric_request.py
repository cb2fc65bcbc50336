"""A third party's metric is computed in a process of its own; the host checks what it answers."""

import math
import os
import sys

import numpy as np
import pytest

from loki_bench.contracts import Goal, Outcome
from loki_bench.errors import InvalidAnswerError, PluginError
from loki_bench.interactions import Sequences
from loki_bench.plugins.registry import Origin
from loki_bench.plugins.specs import MetricSpec
from loki_bench.plugins.target_facts import TargetFacts
from loki_bench.sandbox.metric_request import MetricRequest, ceiling_apart, measure_apart
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits

HOST = os.getpid()

METRICS = """
import os

def first_rank(outcome):
    return float(outcome.target_ranks[0, 0])

def at(outcome, *, k):
    return float((outcome.target_ranks < k).mean())

def nothing_to_say(outcome):
    return float("nan")

def process(outcome):
    return float(os.getpid())

def text(outcome):
    return "1.0"

def ends(outcome):
    raise SystemExit(0)

def highest(*, n_targets, k=None):
    return n_targets / 10 + (k or 0)

def too_high(*, n_targets):
    return 7.0

def endless(*, n_targets):
    return float("inf")

def dies(outcome):
    os._exit(0)
"""


@pytest.fixture
def values(tmp_path, monkeypatch):
    (tmp_path / "their_metrics.py").write_text(METRICS)
    monkeypatch.syspath_prepend(tmp_path)
    ranks = np.array([[3], [7]])
    outcome = Outcome(
        goal=Goal(items=np.array([0], dtype=np.int32), users=np.arange(2, dtype=np.int32)),
        n_items=9,
        target_ranks=ranks,
        clean_target_ranks=ranks,
        test_ranks=ranks[:, 0],
        clean_test_ranks=ranks[:, 0],
        genuine_lengths=np.array([2, 2]),
        poison=Sequences.empty(),
    )

    def measured(*names, k=None):
        found, confined = measure_apart(
            MetricRequest(metrics=tuple(chosen(name, k) for name in names), outcome=outcome),
            limits=Limits(seconds=60),
            closed=tmp_path / "results",
        )
        assert confined.children or not sys.platform.startswith("linux")
        return found

    return measured


def chosen(name, k):
    spec = MetricSpec(
        name=name.replace("_", "-"),
        summary="x",
        target=f"their_metrics:{name}",
        higher_is="neither",
        range=(0.0, math.inf),
        unit="x",
        purpose="attack",
        takes_k=k is not None,
        target_facts=TargetFacts(parameters=()),
    )
    return ChosenMetric(label=spec.name, spec=spec, k=k, ceiling=None, origin=Origin("theirs", "1"))


def test_values_come_back_by_label_and_no_module_is_imported_here(values):
    found = values("first_rank", "nothing_to_say", "process")
    assert found["first-rank"] == 3.0
    assert math.isnan(found["nothing-to-say"])
    assert found["process"] != HOST
    assert "their_metrics" not in sys.modules


def test_a_cut_off_is_handed_on(values):
    assert values("at", k=5) == {"at": 0.5}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("text", "metric 'text' answered '1.0'; expected a float"),
        ("ends", "metric 'ends' of theirs 1 raised SystemExit: 0"),
        ("dies", "metric 'dies' of theirs 1 died: its process ended with exit status 0"),
    ],
)
def test_a_metric_that_answers_no_float_is_named(values, name, sentence):
    with pytest.raises(InvalidAnswerError, match=sentence):
        values(name)


def bounded(function, high):
    return MetricSpec(
        name="bounded",
        summary="x",
        target="their_metrics:first_rank",
        higher_is="neither",
        range=(0.0, high),
        unit="x",
        purpose="attack",
        ceiling=f"their_metrics:{function}",
        target_facts=TargetFacts(parameters=()),
    )


@pytest.mark.usefixtures("values")
def test_a_ceiling_is_computed_elsewhere():
    assert ceiling_apart(bounded("highest", 9.0), n_targets=5, k=None) == 0.5
    assert ceiling_apart(bounded("highest", 9.0), n_targets=5, k=3) == 3.5
    assert "their_metrics" not in sys.modules
    with pytest.raises(PluginError, match="which is not imported here"):
        bounded("highest", 9.0).ceiling_of(n_targets=5, k=None)


@pytest.mark.usefixtures("values")
@pytest.mark.parametrize(
    ("function", "sentence"),
    [("too_high", r"answered 7\.0"), ("ends", "raised TypeError"), ("nowhere", "AttributeError")],
)
def test_a_ceiling_that_is_none_is_named(function, sentence):
    with pytest.raises(PluginError, match=sentence):
        ceiling_apart(bounded(function, 1.0), n_targets=5, k=None)


@pytest.mark.usefixtures("values")
def test_a_ceiling_is_finite_where_the_range_has_no_end():
    with pytest.raises(PluginError, match=r"answered inf; expected .* to inf, infinity left out"):
        ceiling_apart(bounded("endless", math.inf), n_targets=5, k=None)
