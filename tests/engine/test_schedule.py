"""What is left to do and in which order: the longest chain first, by what earlier runs tell."""

from concurrent.futures import Future

import pytest

from loki_bench.engine import earlier_times
from loki_bench.engine.schedule import chains, priorities, seconds_by_work
from loki_bench.engine.step import steps_of
from loki_bench.pipeline.cells import plan_cells
from loki_bench.pipeline.dataset import NO_DATA
from loki_bench.pipeline.measure import Measure
from loki_bench.records.missing import missing_cells
from loki_bench.records.store import Store


@pytest.fixture(autouse=True)
def no_other_machine(monkeypatch):
    """Nothing is known but what a folder tells."""
    monkeypatch.setattr(earlier_times, "_table", lambda: ({}, {}))


def steps(prepared, **changes):
    suite = prepared(**changes)
    planned = {}
    for cell in suite.grid.cells:
        for step in steps_of(Measure(NO_DATA, cell, suite.grid.metrics)):
            planned.setdefault(step.key, step)
    return list(planned.values())


def test_a_chain_is_a_step_and_the_longest_of_what_hangs_on_it(prepared):
    planned = steps(prepared, victims=["counts"], attackers=["asks-surrogates"], seeds=[0])
    known = {
        "fit of follows": 2.0,  # the surrogate
        "craft of asks-surrogates follows": 3.0,
        "fit of counts": 10.0,  # clean and attack
        "a metric": 0.5,
    }
    found = {step.name: chains(planned, known)[step.key] for step in planned}
    assert found == {
        "surrogate follows": 15.5,
        "craft": 13.5,
        "clean": 20.5,
        "attack": 10.5,
        "measure": 0.5,
    }


def test_work_that_no_run_tells_of_lasts_as_long_as_the_longest_of_its_kind(prepared):
    planned = steps(prepared, victims=["counts", "follows"], attackers=["none"], seeds=[0])
    found = chains(planned, {"fit of counts": 7.0, "a metric": 0.0})
    attacks = {step.work: found[step.key] for step in planned if step.kind == "attack"}
    assert attacks == {"fit of counts": 7.0, "fit of follows": 7.0}


def test_without_any_run_fits_come_before_crafting_alone(prepared):
    planned = steps(prepared, attackers=["random"], seeds=[0])
    found = {step.kind: chains(planned, {})[step.key] for step in planned}
    assert found["clean"] > found["craft"] > found["attack"] > found["measure"]


def test_the_median_of_earlier_runs_is_taken_and_other_content_ignored():
    def run(seconds):
        return {"timings": {"attack": {"work": "fit of x", "wall_seconds": seconds}}}

    runs = [run(1.0), run(2.0), run(30.0), {}, {"timings": {"attack": None, "clean": {"cpu": 1}}}]
    assert seconds_by_work(runs) == {"fit of x": 2.0}


def test_the_start_of_a_process_is_part_of_what_its_work_takes():
    def run(**timing):
        return {"timings": {"craft": {"work": "craft of x", "wall_seconds": 1.0, **timing}}}

    assert seconds_by_work([run(start_seconds=3.0)]) == {"craft of x": 4.0}
    for wrong in (-40.0, None, "3", [3.0]):
        assert seconds_by_work([run(start_seconds=wrong)]) == {"craft of x": 1.0}


def test_a_number_that_no_time_could_be_tells_nothing():
    def run(**timing):
        return {"timings": {"craft": {"work": "craft of x", **timing}}}

    assert seconds_by_work([run(wall_seconds=10**400)]) == {}
    assert seconds_by_work([run(wall_seconds=1.0, start_seconds=10**400)]) == {"craft of x": 1.0}


def test_what_a_grid_cost_is_told_once(prepared, tmp_path, run):
    suite = prepared(victims=["counts", "follows"], attackers=["none", "random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    told = sorted(
        timing["work"]
        for told in store.runs()
        for timing in told["timings"].values()
        if timing is not None
    )
    # every piece of work is told of once: two crafts, four fits (`none` is the clean victim)
    fits = ["fit of counts", "fit of follows"]
    assert told == sorted([*["a metric"] * 4, "craft of none", "craft of random", *fits * 2])


def test_a_cell_is_recorded_as_soon_as_its_victim_is_ranked(prepared, tmp_path, run):
    suite = prepared(victims=["counts", "follows"], attackers=["random"], seeds=[0, 1, 2])
    workers = Noting()
    run(suite, tmp_path, workers)
    # the clean victims have the longest chains behind them
    assert workers.kinds == ["evaluate"] * 6 + ["evaluate", "measure"] * 6


class Noting:
    """Workers that note whose jobs they were given, in order."""

    n_workers = 1

    def __init__(self):
        self.victims, self.kinds = [], []

    def submit(self, function, data, cell, *arguments):
        if function.__name__ in ("evaluate", "measure"):
            self.kinds.append(function.__name__)
        if function.__name__ == "evaluate":
            self.victims.append((cell.victim.name, cell.seed))
        future = Future()
        future.set_result(function(data, cell, *arguments))
        return future


def test_what_lasted_longest_before_is_started_first_and_changes_no_byte(
    prepared, tmp_path, run, files
):
    suite = prepared(victims=["counts", "follows"], attackers=["none"], seeds=[3, 1])
    plain, _ = run(suite, tmp_path / "plain", as_given := Noting())
    assert as_given.victims == [("counts", 3), ("follows", 3), ("counts", 1), ("follows", 1)]

    told = Store(tmp_path / "told", warn=print)
    for number, (work, seconds) in enumerate([("follows", 100.0), ("counts", 1.0)]):
        timing = {"work": f"fit of {work}", "wall_seconds": seconds}
        told.write_json("runs", f"earlier-{number}", {"timings": {"attack": timing}})
    run(suite, told.folder, longest_first := Noting())
    assert longest_first.victims == [("follows", 3), ("follows", 1), ("counts", 3), ("counts", 1)]
    assert files(told) == files(plain)


def test_one_of_each_work_that_nobody_has_timed_goes_first_with_what_it_needs(prepared):
    suite = prepared(victims=["counts", "follows"], attackers=["none"], seeds=[0, 1])
    finals = [Measure(NO_DATA, cell, suite.grid.metrics) for cell in suite.grid.cells]
    by_key = {}
    for final in finals:
        for step in steps_of(final):
            by_key.setdefault(step.key, step)

    def in_order(known):
        place = priorities(by_key, finals, known)
        return [by_key[key].work for key in sorted(place, key=place.get)]

    told = {"fit of counts": 100.0, "craft of none": 1.0, "fit of follows": 1.0}
    assert in_order(told)[4:6] == ["fit of counts"] * 2  # after the four measurements
    del told["fit of follows"]
    assert in_order(told)[4] == "fit of follows"
    assert in_order(told)[5:7] == ["fit of counts"] * 2


def planned(suite, store):
    cells = missing_cells(suite.grid, store.records(suite.grid.cells), retry_failed=False)
    return plan_cells(cells, suite.grid.metrics, store)


def test_an_empty_folder_needs_every_step_and_knows_no_time(prepared, tmp_path):
    suite = prepared(attackers=["none", "random", "asks-surrogates"], seeds=[0])
    found = planned(suite, Store(tmp_path / "none", warn=print))
    # one surrogate, three poisons, a clean victim, three attacks, three measurements
    assert sum(work.n_steps for work in found.work) == 1 + 3 + 1 + 3 + 3
    assert found.n_unknown == 11
    assert found.seconds == 0
    names = [work.name for work in found.work]
    assert len(set(names)) == len(names)  # a clean victim and an attacked one are told as one
    assert not (tmp_path / "none").exists()


def test_what_no_run_of_the_folder_timed_is_told_by_other_folders_and_other_machines(
    prepared, tmp_path, run, monkeypatch
):
    run(prepared(attackers=["none"], seeds=[0]), tmp_path / "one")
    told = {"craft of random": {1: 5.0}, "craft of none": {1: 5.0}}
    monkeypatch.setattr(earlier_times, "_table", lambda: (told, told))
    suite = prepared(attackers=["none", "random", "asks-surrogates"], seeds=[0])
    found = planned(suite, Store(tmp_path / "two", warn=print))
    by_name = {work.name: (work.measured, work.seconds is not None) for work in found.work}
    assert by_name == {
        "fit of counts": (True, True),
        "craft of none": (True, True),
        "a metric": (True, True),
        "craft of random": (False, True),
        "craft of asks-surrogates follows": (False, True),  # as others of its kind
        "fit of follows": (False, False),
    }


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
                timing["wall_seconds"], timing["start_seconds"] = 2.0, 0.0
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
