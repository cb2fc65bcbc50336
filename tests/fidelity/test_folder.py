"""A folder of estimators that somebody changed and sealed again: named, and read no further."""

import json

import pytest
from made_up_estimators import estimators

from loki_bench.audit.estimators import estimator_levels
from loki_bench.content_ids import canonical_json
from loki_bench.errors import StoreError
from loki_bench.fidelity.folder import fidelity_tables, read_grid, write_fidelity
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store


@pytest.fixture
def folder(tmp_path):
    estimators(tmp_path / "fidelity")
    return tmp_path / "fidelity"


def with_grid(folder, **changes):
    content = json.loads((folder / "grid.json").read_bytes())
    (folder / "grid.json").write_text(canonical_json({**content, **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"goals": 10**9}, "asks for 12000000000 answers; at most 100000 are read"),
        ({"repeats": 10**9}, "repeats: Input should be less than or equal to 10000"),
        ({"seeds": [-1]}, "seeds.0: Input should be greater than or equal to 0"),
        ({"judged": 3}, "judged: Input should be a valid tuple"),
    ],
)
def test_a_grid_that_asks_for_too_much_is_refused_at_once(folder, changes, said):
    with_grid(folder, **changes)
    with pytest.raises(StoreError) as refused:
        read_grid(folder)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("raw", [b"[" * 10**5, b"[]", b"", b'{"goals": NaN}', b"\xff"])
def test_what_is_no_grid_is_one_sentence(folder, raw):
    (folder / "grid.json").write_bytes(raw)
    with pytest.raises(StoreError, match="is no grid of a fidelity suite"):
        read_grid(folder)


def sealed_again(store, record_id, **changes):
    content = store.read_json("records", record_id)
    assert content is not None
    kept = {key: value for key, value in {**content, **changes}.items() if value != "left out"}
    store.write_json("records", record_id, kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"values": "left out"},
        {"values": {"single": [0.5, 1.0, -2.0, 1e308], "group 1 %": [1.0, 2.0, 3.0]}},
        {"values": {"group": [1.0, 2.0, 3.0, 4.0], "group 1 %": [1.0, 2.0, 3.0]}},
        {"values": {"single": [], "group 1 %": [1.0, 2.0, 3.0]}},
        {"strata": {"single": ["a"], "group 1 %": ["a", "b", "c"]}},
        {"retest": {"single": [1.0, "a", None, {}], "group 1 %": [1.0, 2.0, 3.0]}},
        {"largest_gradient": [1]},
        {"status": "well"},
        {"status": "failed"},
    ],
)
def test_true_effects_of_another_form_are_named_and_no_part_of_a_table(folder, changes):
    warned = []
    store, grid = Store(folder, warn=warned.append), read_grid(folder)
    address = grid.cases[0].truth_id
    sealed_again(store, address, **changes)
    tables = fidelity_tables(store, grid)
    assert tables[0].reasons == ("goal 0, seed 0: not measured yet",)
    assert {address in text for text in warned} == {True}
    report = estimator_levels(folder, read_manifest(folder), {5}, [])[5]
    assert f"records/{address}.json" in {finding.what for finding in report.problems}


def test_answers_about_other_fake_users_are_a_reason_of_the_row(folder):
    store, grid = Store(folder, warn=print), read_grid(folder)
    good = next(one for one in grid.judged if one.estimator.name == "good")
    address = grid.cases[0].prediction_id(good)
    sealed_again(store, address, values={"single": [1.0], "group 1 %": [1.0, 2.0, 3.0]})
    row = next(row for row in fidelity_tables(store, grid)[0].rows if row.estimator == "good")
    assert row.reasons == ("its answers are of other fake users",)


def test_costs_that_are_no_numbers_are_left_out(folder):
    store, grid = Store(folder, warn=print), read_grid(folder)
    address = grid.cases[0].truth_id
    store.write_json("runs", address, {"environment": {}, "costs": {"seconds": "many"}})
    write_fidelity(store, grid)
    assert "many" not in (folder / "costs.md").read_text()
