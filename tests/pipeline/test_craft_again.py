"""A craft done twice: once for each attack of a suite, and a difference marks the attack."""

from dataclasses import replace

import pytest
from made_up_records import component, made_up_cell
from workers_here import Here

from loki_bench.errors import KilledError
from loki_bench.leaderboard.rendering import as_json, as_text
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.pipeline.cells import plan_cells, run_cells
from loki_bench.pipeline.craft_again import cells_to_repeat
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.suite import Limits


class Counting(Here):
    def __init__(self):
        super().__init__()
        self.jobs = []

    def submit(self, function, *arguments):
        self.jobs.append(function.__name__)
        return super().submit(function, *arguments)


def run_repeating(suite, folder):
    store, workers = Store(folder, warn=print), Counting()
    run_cells(
        suite.grid.cells,
        suite.grid.metrics,
        store=store,
        workers=workers,
        interactions=suite.interactions,
        limits=Limits(seconds=60.0),
        repeated=cells_to_repeat(suite.grid.cells),
    )
    return store, workers.jobs


def test_of_each_attack_the_cheapest_cell_of_the_first_seed_is_repeated():
    def cell(attacker, victim="v", **more):
        return made_up_cell(attacker, victim, **more)

    tuned = component("loki", epochs=5)
    cells = [
        cell("none"),
        cell("random", seed=1),
        first := cell("random", seed=0),
        cell("random", "w", seed=0),
        cell("random", seed=0, placebo=True),
        cell("loki", actions=50),
        cheap := cell("loki", actions=5, seed=1),
        other := cell(tuned, actions=50),
    ]
    assert cells_to_repeat(cells) == {first.id, cheap.id, other.id}
    assert cells_to_repeat(reversed(cells)) >= {cheap.id, other.id}


def test_a_plan_counts_the_crafts_that_are_done_twice(prepared, tmp_path):
    suite = prepared(attackers=["none", "random", "asks-surrogates"], seeds=[0, 1])
    repeated = cells_to_repeat(suite.grid.cells)

    def planned():
        found = plan_cells(
            suite.grid.cells, suite.grid.metrics, Store(tmp_path, warn=print), repeated=repeated
        )
        return {work.name: work.n_steps for work in found.work if "craft of" in work.name}

    assert planned()["repeated craft of random"] == 1
    assert sum(n for name, n in planned().items() if "repeated" in name) == len(repeated) == 2
    run_repeating(suite, tmp_path)
    assert planned() == {}


def test_a_deterministic_attack_leaves_the_bytes_that_it_left_without_repeating(
    prepared, run, files, tmp_path
):
    suite = prepared(attackers=["none", "random", "prepares", "asks-surrogates"])
    plain, _ = run(suite, tmp_path / "once")
    again, jobs = run_repeating(suite, tmp_path / "twice")
    assert files(again) == files(plain)
    assert jobs.count("craft_again") == 3
    assert len(again.records(suite.grid.cells)) == 8
    # what is stored is not done again
    assert run_repeating(suite, tmp_path / "twice")[1] == ["measure"] * 8


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("poison", "done again, the craft wrote other fake users: 12 of 12 differ"),
        ("report", "done again, the craft wrote the same fake users and reported something else"),
        ("end", "done again, the craft ended otherwise: the second time"),
    ],
)
def test_a_difference_stands_in_one_record_and_marks_every_row_of_the_attack(
    prepared, tmp_path, what, sentence
):
    dice = {"name": "rolls-dice", "parameters": {"what": what}}
    suite = prepared(attackers=["none", "random", dice], victims=["counts", "follows"], seeds=[0])
    store, _ = run_repeating(suite, tmp_path)
    records = list(store.records(suite.grid.cells).values())
    told = [r.not_deterministic for r in records if r.not_deterministic]
    if what != "end":  # the toy ends every second craft so, that of the other victim among them
        assert told == [sentence]
    assert sentence in told
    [record] = [r for r in records if r.not_deterministic == sentence][:1]
    assert record.status == "ok"  # the first craft counts
    assert Record.parse(record.to_json()) == record
    [table] = tables_of(records)
    marked = {(row.attacker, row.victim) for row in table.rows if row.not_deterministic}
    attack = record.cell.attacker.label
    assert marked == {(attack, "counts"), (attack, "follows")}
    assert f"‡ {attack}: not deterministic: {sentence}." in as_text([table])
    assert as_json("toy", [table]).count("not_deterministic") == 2


def test_a_repeat_that_runs_out_of_time_tells_nothing(prepared, tmp_path, monkeypatch):
    from loki_bench.pipeline import craft_again

    def late(*arguments):
        raise TimeoutError("ran over its time limit")

    monkeypatch.setattr(craft_again, "craft", late)
    suite = prepared(attackers=["random"], seeds=[0])
    store, jobs = run_repeating(suite, tmp_path)
    [record] = store.records(suite.grid.cells).values()
    assert jobs.count("craft_again") == 1
    assert (record.status, record.not_deterministic) == ("ok", "")


@pytest.mark.parametrize(("n_kills", "told"), [(1, False), (2, False), (3, True)])
def test_a_repeat_that_is_killed_is_tried_thrice(prepared, tmp_path, monkeypatch, n_kills, told):
    from loki_bench.pipeline import craft_again

    craft, calls = craft_again.craft, []

    def killed_at_first(*arguments):
        calls.append(arguments)
        if len(calls) <= n_kills:
            raise KilledError("attacker 'random' died: its process was killed by SIGKILL")
        return craft(*arguments)

    monkeypatch.setattr(craft_again, "craft", killed_at_first)
    suite = prepared(attackers=["random"], seeds=[0])
    store, _ = run_repeating(suite, tmp_path)
    [record] = store.records(suite.grid.cells).values()
    assert len(calls) == min(n_kills + 1, 3)
    assert record.status == "ok"
    assert bool(record.not_deterministic) == told
    assert not told or "ended otherwise: attacker 'random' died" in record.not_deterministic


DICE = {"name": "rolls-dice", "parameters": {"what": "poison"}}
SENTENCE = "done again, the craft wrote other fake users: 12 of 12 differ"


def marks_in(store, suite):
    found = store.records(suite.grid.cells).values()
    return {r.cell.victim.name: r.not_deterministic for r in found}


def test_the_craft_is_repeated_whoever_stored_the_poison_before(prepared, run, tmp_path):
    """A part without the cell that is repeated, or a run that was stopped before, may have."""
    suite = prepared(attackers=[DICE], victims=["counts", "follows"], seeds=[0])
    [repeated] = cells_to_repeat(suite.grid.cells)
    others = [cell for cell in suite.grid.cells if cell.id != repeated]
    part = replace(suite, grid=replace(suite.grid, cells=tuple(others)))
    store, _ = run(part, tmp_path)
    assert set(marks_in(store, part).values()) == {""}
    left = [cell for cell in suite.grid.cells if cell.id == repeated]
    plans = plan_cells(left, suite.grid.metrics, store, repeated={repeated})
    assert [w.n_steps for w in plans.work if "repeated" in w.name] == [1]
    store, jobs = run_repeating(suite, tmp_path)
    assert jobs.count("craft_again") == 1
    assert "craft" not in jobs
    assert sorted(marks_in(store, suite).values()) == ["", SENTENCE]


def test_a_record_that_is_written_again_keeps_the_mark_of_its_poison(prepared, tmp_path):
    suite = prepared(attackers=[DICE], seeds=[0])
    run_repeating(suite, tmp_path)
    store, jobs = run_repeating(suite, tmp_path)  # as for another metric
    assert jobs == ["measure"]
    assert marks_in(store, suite) == {"counts": SENTENCE}


def test_a_poison_that_was_handed_in_is_not_crafted_twice():
    handed_in = {**component("replay", sha256="0" * 64), "distribution": "loki-bench"}
    assert cells_to_repeat([made_up_cell(handed_in, "v")]) == frozenset()
