"""A plan names what is left, and nothing that is stored."""

import pytest

from loki_bench.engine.planning import plan
from loki_bench.engine.run import missing_cells
from loki_bench.records.store import Store


def planned(suite, store):
    cells = missing_cells(suite.grid, store.records(suite.grid.cells), retry_failed=False)
    return plan(cells, suite.grid.metrics, store)


def test_an_empty_folder_needs_every_step_and_knows_no_time(prepared, tmp_path):
    suite = prepared(attackers=["none", "random", "asks-surrogates"], seeds=[0])
    found = planned(suite, Store(tmp_path / "none", warn=print))
    # one surrogate, three poisons, a clean victim, three attacks, three measurements
    assert sum(work.n_steps for work in found.work) == 1 + 3 + 1 + 3 + 3
    assert found.n_unknown == 11
    assert found.seconds == 0
    assert not (tmp_path / "none").exists()


def test_a_whole_folder_needs_nothing(prepared, tmp_path, run):
    suite = prepared()
    store, _ = run(suite, tmp_path)
    assert planned(suite, store).work == ()


def test_a_new_seed_is_estimated_from_the_others(prepared, tmp_path, run):
    store, _ = run(prepared(seeds=[0]), tmp_path)
    for path in (tmp_path / "runs").iterdir():
        content = store.read_json("runs", path.stem)
        for timing in content["timings"].values():
            if timing:
                timing["wall_seconds"] = 2.0
        store.write_json("runs", path.stem, content)
    found = planned(prepared(seeds=[0, 1]), store)
    n_steps = sum(work.n_steps for work in found.work)
    assert found.seconds == pytest.approx(2.0 * (n_steps - found.n_unknown))
    assert found.seconds > 0


def test_a_stored_poison_needs_no_surrogates(prepared, tmp_path, run):
    suite = prepared(attackers=["asks-surrogates"], seeds=[0])
    store, _ = run(suite, tmp_path)
    for folder in ("records", "artefacts/ranks", "work/surrogates"):
        for path in (tmp_path / folder).iterdir():
            path.unlink()
    found = planned(suite, store)
    assert not [work for work in found.work if "surrogate '" in work.name]
    assert sum(work.n_steps for work in found.work) == 3  # clean victim, attack, measurement
