"""A third party's component is judged in a process of its own, and answers what it answers here."""

import os

import pytest
from planted import planted_users

from loki_bench.errors import InvalidAnswerError
from loki_bench.fidelity import apart
from loki_bench.fidelity.apart import predicted, true_effects
from loki_bench.fidelity.case import Case, EstimatorRef
from loki_bench.fidelity.jobs import TrueEffects, measure_truth
from loki_bench.fidelity.suite import DesignTable, SampleTable
from loki_bench.sandbox.carry_out import runs_apart
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef

TOLD = """
import os
from pathlib import Path
from loki_bench.contracts import Recommender

class Told(Recommender):
    def fit(self, train, *, validation, seed):
        raise ValueError(f"process {os.getpid()}, user {os.geteuid()}")

    def score_next(self, users, histories):
        return None
"""


def component(name, target, distribution="theirs", **parameters):
    return ComponentRef(
        name=name,
        distribution=distribution,
        version="1",
        target=target,
        parameters=parameters,
        changed={},
    )


@pytest.fixture
def case(tmp_path, monkeypatch):
    (tmp_path / "told_by_a_stranger.py").write_text(TOLD)
    monkeypatch.syspath_prepend(tmp_path)
    return Case(
        dataset=DatasetRef(
            component=component("data", "a:b"), fingerprint="f", n_users=1, n_items=1, n_events=1
        ),
        sample=SampleTable(),
        design=DesignTable(
            n_target_users=5, popularity=[1, 100], length=4, n_per_stratum=1, group_shares=[0.05]
        ),
        recommender=component("told", "told_by_a_stranger:Told"),
        truth="reshuffled",
        victim=None,
        repeats=1,
        seed=0,
        goal=0,
    )


def test_a_third_partys_recommender_runs_apart(case):
    with pytest.raises(InvalidAnswerError, match=r"'told' raised ValueError: process") as told:
        true_effects(planted_users(), case, 60.0)
    assert f"process {os.getpid()}," not in str(told.value)


@pytest.mark.slow
def test_an_estimator_on_a_third_partys_recommender_runs_apart(case):
    judged = EstimatorRef(estimator=component("lissa", "a:b"), control=False)
    with pytest.raises(InvalidAnswerError, match=r"'told' raised ValueError: process") as told:
        predicted(planted_users(), case, judged, 60.0)
    assert f"process {os.getpid()}," not in str(told.value)


@pytest.mark.slow
def test_true_effects_are_those_that_are_measured_here(case):
    pytest.importorskip("loki_bench_recbole")
    bprmf = component("bprmf", "loki_bench_recbole.bprmf:BPRMF", epochs=1)
    case = case.model_copy(update={"recommender": bprmf})
    assert runs_apart(bprmf)
    train = planted_users()
    theirs, ours = true_effects(train, case, 300.0), measure_truth(train, case)
    assert isinstance(theirs, TrueEffects)
    assert (theirs.values, theirs.retest, theirs.strata) == (
        ours.values,
        ours.retest,
        ours.strata,
    )


def test_an_answer_that_is_something_else_is_refused(case, monkeypatch):
    monkeypatch.setattr(apart, "run_isolated", lambda *_, **__: type("A", (), {"arrays": {}}))
    with pytest.raises(InvalidAnswerError, match="sent what can't be read"):
        true_effects(planted_users(), case, 60.0)
