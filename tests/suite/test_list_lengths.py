"""A victim that answers lists alone: refused where more is asked, the same numbers where not."""

import pytest

from loki_bench.errors import ParameterError, SuiteError
from loki_bench.plugins.specs import RecommenderSpec


def shop(**parameters):
    return {"victims": [{"name": "shop", "parameters": parameters}]}


def test_metrics_beyond_the_list_are_refused_before_anything_runs(prepared):
    with pytest.raises(SuiteError, match=r"'shop' lists 6 items, .* 'target_rank' needs the rank"):
        prepared(**shop(), metrics=["hr@5", "target_rank"])
    with pytest.raises(SuiteError, match=r"'hr@5' needs ranks up to 5; use a cut-off of at most 4"):
        prepared(**shop(length=4), metrics=["hr@5"])
    with pytest.raises(SuiteError, match=r"knowledge.list_length.*set at most 6, not 10"):
        prepared(**shop(), knowledge={"queries": 2, "list_length": 10})


def test_what_answers_lists_is_no_surrogate_and_its_length_is_a_number(prepared):
    with pytest.raises(SuiteError, match="recommender 'shop' answers lists alone"):
        prepared(surrogates=["counts", "shop"])
    with pytest.raises(ParameterError, match="its list_length is the parameter 'length', which is"):
        prepared(**shop(length=0))


def test_a_cell_says_how_long_the_lists_are_only_where_there_are_some(prepared):
    [cell] = prepared(**shop(), seeds=[0], attackers=["none"]).grid.cells
    assert cell.model_dump()["victim_list_length"] == 6
    [plain] = prepared(seeds=[0], attackers=["none"]).grid.cells
    assert "victim_list_length" not in plain.model_dump()
    assert cell.model_copy(update={"victim_list_length": None}).id == cell.id


def test_metrics_within_the_list_are_those_of_all_scores(prepared, tmp_path, run):
    keys = {"seeds": [0], "attackers": ["none", "random"], "metrics": ["hr@5", "display_rate@5"]}
    lengths = (6, 30)  # there are 30 items, so the second lists them all
    suite = prepared(**keys, victims=[shop(length=n)["victims"][0] for n in lengths])
    store, _ = run(suite, tmp_path / "lists")
    records = store.records(suite.grid.cells)
    found = {
        (cell.victim_list_length, cell.attacker.name): [
            metric.value for metric in records[cell.id].metrics
        ]
        for cell in suite.grid.cells
    }
    for attacker in ("none", "random"):
        assert found[6, attacker] == found[30, attacker]
    assert found[6, "none"][0] > 0


def test_a_list_that_is_too_short_fails_its_cell_with_what_to_do(prepared, tmp_path, run):
    suite = prepared(**shop(listed=5), seeds=[0], attackers=["none"])
    store, _ = run(suite, tmp_path / "short")
    [record] = store.records(suite.grid.cells).values()
    assert record.status == "failed"
    assert "lists 5 items outside of a user's own history" in record.reason


def test_a_spec_says_both_or_neither():
    said = {
        "name": "x",
        "summary": "x",
        "target": "x:X",
        "uses_order": True,
        "differentiable": False,
    }
    with pytest.raises(ValueError, match="list_length names a parameter where answers is"):
        RecommenderSpec(**said, answers="top-k")
    with pytest.raises(ValueError, match="list_length names a parameter where answers is"):
        RecommenderSpec(**said, list_length="length")
    with pytest.raises(ValueError, match="neither 'scores' nor 'top-k'"):
        RecommenderSpec(**said, answers="lists")
    with pytest.raises(ValueError, match="is not differentiable"):
        RecommenderSpec(**{**said, "differentiable": True}, answers="top-k", list_length="length")
