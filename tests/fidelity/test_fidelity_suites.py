"""Fidelity suites are typed; cases, their addresses and the tables of records."""

from dataclasses import replace

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.fidelity.case import estimators_of, grid_of, sampled
from loki_bench.fidelity.rendering import as_csv, as_json, as_markdown, as_text, notes_of
from loki_bench.fidelity.run import tasks_of
from loki_bench.fidelity.suite import (
    EstimatorChoice,
    FidelitySuite,
    SampleTable,
    fidelity_suites,
    load_fidelity_suite,
)
from loki_bench.fidelity.table import Measure, tables_of
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.registry import Component, Origin, Registry
from loki_bench.plugins.specs import InfluenceEstimatorSpec, RecommenderSpec
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import ComponentRef

HERE = Origin("here", "1")


class Anything:
    """A component that is never asked."""

    def __init__(self, size: int = 3) -> None:
        self.size = size


def registry():
    def recommender(name):
        return RecommenderSpec(
            name=name,
            summary="For tests",
            target=f"{__name__}:Anything",
            uses_order=False,
            differentiable=True,
        )

    specs = [recommender("one"), recommender("two")]
    specs += [
        InfluenceEstimatorSpec(name=n, summary="For tests", target=f"{__name__}:Anything")
        for n in ("good", "bad")
    ]
    return Registry([Component(spec, HERE) for spec in specs])


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())


def _this_module():
    import types

    module = types.ModuleType(__name__)
    module.Anything = Anything
    return module


def suite(**changed):
    base = {
        "name": "toy",
        "seeds": [0],
        "goals": 3,
        "recommenders": ["one"],
        "estimators": ["good", {"name": "bad", "control": True}],
        "truths": ["warm"],
        "dataset": "data",
    }
    return FidelitySuite.model_validate({**base, **changed})


DATASET = DatasetRef(
    component=ComponentRef(
        name="data", distribution="here", version="1", target="a:b", parameters={}, changed={}
    ),
    fingerprint="f" * 64,
    n_users=10,
    n_items=10,
    n_events=100,
)


def test_packaged_suites_are_valid():
    assert {"quick", "converged", "as-trained", "display-rate"} <= set(fidelity_suites())
    for name in fidelity_suites():
        assert load_fidelity_suite(name).name == name


def test_unknown_keys_are_named_with_the_nearest_one(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('name = "x"\n[design]\nn_per_stratums = 3\n')
    with pytest.raises(SuiteError, match=r"'design.n_per_stratums'.*mean 'n_per_stratum'"):
        load_fidelity_suite(str(file))
    with pytest.raises(SuiteError, match="did you mean 'quick'"):
        load_fidelity_suite("quik")


def test_transfer_needs_victims():
    with pytest.raises(ValueError, match="need each other"):
        suite(truths=["transfer"])
    with pytest.raises(ValueError, match="need each other"):
        suite(victims=["two"])


def test_an_estimator_of_ones_own_joins_or_replaces_the_suites():
    own = EstimatorChoice(name="mine")
    assert [e.name for e in suite().with_estimators([own], alone=False).estimators] == [
        "good",
        "bad",
        "mine",
    ]
    assert suite().with_estimators([own], alone=True).estimators == [own]
    again = EstimatorChoice(name="good")
    assert len(suite().with_estimators([again], alone=False).estimators) == 2


def test_a_truth_is_shared_by_surrogates_that_attack_the_same_victim():
    both = suite(recommenders=["one", "two"], truths=["cold", "transfer"], victims=["one", "two"])
    cases = grid_of(both, registry(), DATASET).cases
    assert [(c.recommender.name, c.truth, c.victim and c.victim.name) for c in cases[::3]] == [
        ("one", "cold", None),
        ("one", "transfer", "two"),
        ("two", "cold", None),
        ("two", "transfer", "one"),
    ]
    good = estimators_of(both, registry())[0]
    cold, transfer = cases[0], cases[3]
    assert cold.truth_id != transfer.truth_id
    assert cold.prediction_id(good) == transfer.prediction_id(good)  # one surrogate, one answer
    tasks = tasks_of(cases, estimators_of(both, registry()))
    assert len(tasks) == len({task.id for task in tasks}) == 4 * 3 + 2 * 2 * 3


def test_seeds_of_a_truth_and_its_retest_differ():
    for truth in ("cold", "reshuffled"):
        case = grid_of(suite(truths=[truth], repeats=2), registry(), DATASET).cases[0]
        first, second = case.truth_seeds
        assert not set(first) & set(second)
        assert (case.model_seed in first) == (truth == "cold")


def test_a_sample_has_the_last_events_of_some_users_and_no_held_out_event():
    rng = np.random.default_rng(0)
    rows = Sequences.of([rng.integers(0, 6, 12) for _ in range(30)])
    data = Interactions(rows.offsets, rows.items, n_items=6)
    part = sampled(data, SampleTable(users=20, last_events=7, k_core=1))
    assert part.n_users == 20
    assert set(part.lengths.tolist()) == {5}
    whole = sampled(data, SampleTable(k_core=0))
    assert whole.lengths.tolist() == [10] * 30
    assert whole[0].tolist() == rows[0][:-2].tolist()


def truth(values, retest=None):
    return {
        "status": "ok",
        "reason": "",
        "strata": {"single": ["random", "random", "no-target", "no-target"] * 2},
        "values": {"single": values},
        "retest": None if retest is None else {"single": retest},
        "target_clicks": {"single": [1.0, 1.0, 0.0, 0.0] * 2},
        "largest_gradient": None,
    }


def answers(values):
    return {
        "status": "ok",
        "reason": "",
        "values": {"single": values},
        "report": {},
        "invariance": {"batch": 0.0, "rotation": 0.5},
    }


def made_tables(**changed):
    made = suite(goals=2, **changed)
    cases = grid_of(made, registry(), DATASET).cases
    good, bad = estimators_of(made, registry())
    up = [float(v) for v in range(8)]
    records = {}
    for case in cases:
        records[case.truth_id] = truth(up, None if case.truth == "warm" else [7.0, *up[1:7], 0.0])
        records[case.prediction_id(good)] = answers([2 * v for v in up])
        records[case.prediction_id(bad)] = answers(up)
    records[cases[1].prediction_id(bad)] = {"status": "failed", "reason": "no idea"}
    return tables_of(cases, [good, bad], records.get)


def test_a_table_has_correlations_sizes_and_what_went_wrong():
    (table,) = made_tables()
    good, bad, clicks = table.rows
    single = Measure("single", "all", "rho")
    assert (good.estimator, bad.estimator, clicks.estimator) == ("good", "bad", "target clicks")
    assert good.measures[single].mean == pytest.approx(1.0)
    assert good.measures[Measure("single", "all", "slope")].mean == pytest.approx(0.5)
    assert good.measures[Measure("single", "all", "relative error")].mean == pytest.approx(1.0)
    assert good.measures[Measure("single", "no-target", "rho")].n == 2
    assert bad.measures[single].n == 1
    assert bad.reasons == ("no idea",)
    assert not table.ceilings
    text = as_markdown("toy", "", [table])
    assert "control bad reaches 1.00" in text  # a control that does not fail is told of
    assert "good: answers change by 50.0 % of the largest with the rotation" in text
    assert "bad: no idea" in text


def test_a_noisy_truth_stands_beside_its_ceiling():
    (table,) = made_tables(truths=["reshuffled"])
    single = Measure("single", "all", "rho")
    # ranks 0-7 against the same with its ends exchanged: 1 - 6 * 98 / (8 * 63)
    ceiling = 1 - 6 * 98 / (8 * 63)
    assert table.ceilings[single].mean == pytest.approx(ceiling)
    assert single not in table.rows[0].of_ceiling  # below 0: nothing to divide by
    assert "retest ceiling" in as_text([table])


def test_reasons_that_differ_in_numbers_alone_are_told_once():
    (table,) = made_tables()
    steps = [f"diverged at step {n}: it rose to {n / 7:.3g}" for n in (64, 7, 101)]
    row = replace(table.rows[1], reasons=(*steps, "no idea"))
    notes = notes_of(replace(table, rows=(row,)))
    assert notes[:2] == [f"bad: {steps[0]} (and 2 more times, with other numbers)", "bad: no idea"]


def test_tables_are_the_same_bytes_however_often_they_are_written():
    one, other = made_tables(), made_tables()
    assert as_markdown("a", "b", one) == as_markdown("a", "b", other)
    assert as_csv(one) == as_csv(other)
    assert as_json("a", one) == as_json("a", other)
    assert as_csv(one).splitlines()[1].startswith("one,warm,one,good,0,single,all,relative error,2")


def test_cases_without_a_record_are_shown_as_such():
    made = suite(goals=1)
    cases = grid_of(made, registry(), DATASET).cases
    (table,) = tables_of(cases, estimators_of(made, registry()), lambda address: None)
    assert table.reasons == ("goal 0, seed 0: not measured yet",)
    assert "not measured yet" in as_markdown("toy", "", [table])
