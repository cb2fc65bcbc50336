"""A suite is opened, changed, run and read from Python; the command line says the same."""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from workers_here import Here, opened_here

from loki_bench import Benchmark
from loki_bench.cli.grid import leaderboard as leaderboard_command
from loki_bench.engine.workers import LocalWorkers
from loki_bench.errors import StoreError, SuiteError, UsageError
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.records import plugin_code
from loki_bench.suite.suite import load_suite

TOYS = Path(__file__).parents[1] / "toys"


# --------------------------------------------------------------------------- open


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, loki_bench\n"
        "heavy = {'torch', 'numba', 'pydantic', 'numpy', 'pandas', 'tqdm'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'Benchmark' in dir(loki_bench)\n"
        "from loki_bench import Benchmark\n"
        "assert 'torch' not in sys.modules and 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_the_package_lacks_is_an_attribute_error():
    import loki_bench

    with pytest.raises(AttributeError, match="'loki_bench' has no attribute 'Benchmrk'"):
        loki_bench.Benchmrk  # noqa: B018


def test_a_suite_is_opened_by_name_by_path_and_as_an_object(suite_file):
    by_path, by_text = Benchmark.open(suite_file), Benchmark.open(str(suite_file))
    as_object = Benchmark.open(load_suite(str(suite_file)))
    assert by_path.cells == by_text.cells == as_object.cells
    assert len(by_path.cells) == 2 * 2 * 3
    assert by_path.folder == Path("results/toy")
    assert Benchmark.open("quick", dataset="toy", metrics=["hr@5"]).suite.name == "quick"


def test_any_key_of_the_suite_can_be_changed(open_toy):
    benchmark = open_toy(
        seeds=range(3),
        attackers=("none", {"name": "random"}),
        budget={"fake_users": [0.1, 0.3]},
        name="mine",
    )
    suite = benchmark.suite
    assert suite.seeds == [0, 1, 2]
    assert [a.name for a in suite.attackers] == ["none", "random"]
    # a table keeps the keys that are not named
    assert (suite.budget.fake_users, suite.budget.actions) == ([0.1, 0.3], [5])
    assert suite.protocol.n_targets == 3
    assert benchmark.folder.name == "mine"
    assert len(benchmark.cells) == 3 * 2 * 2 * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": [0]}, r"suite 'toy': unknown key 'seed' \(did you mean 'seeds'\?\)"),
        ({"seeds": [-1]}, "suite 'toy': key 'seeds.0': .*greater than or equal to 0"),
        ({"seeds": [1, 1]}, "suite 'toy': key 'seeds': 1 is listed twice"),
        ({"budget": {"action": 3}}, r"unknown key 'budget.action' \(did you mean 'actions'\?\)"),
        ({"victims": ["count"]}, r"no plugin declares the recommender 'count'.*'counts'"),
        ({"metrics": ["hr@500"]}, "key 'metrics': 'hr@500': K = 500 is larger than"),
    ],
)
def test_a_wrong_change_is_refused_with_the_suites_own_message(open_toy, changes, message):
    with pytest.raises(UsageError, match=message):
        open_toy(**changes)


def test_a_plugin_that_can_not_be_loaded_is_named(suite_file, tmp_path, monkeypatch):
    about = tmp_path / "broken-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 2.0\n")
    (about / "entry_points.txt").write_text("[loki_bench]\nbroken = no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match="skipped plugin 'broken' of broken 2.0"):
        Benchmark.open(suite_file)


# --------------------------------------------------------------------------- run


def test_a_run_computes_what_is_missing_and_writes_what_the_command_does(
    open_toy, suite_file, tmp_path
):
    benchmark = open_toy()
    assert benchmark.status() == {"missing": 12}
    assert sum(work.n_steps for work in benchmark.plan().work) > 12
    workers = Here()
    board = benchmark.run(workers, progress=False)
    assert benchmark.status() == board.status == {"ok": 12}
    assert benchmark.plan().work == ()
    n_jobs = workers.n_jobs
    assert str(benchmark.run(workers, progress=False)) == str(board)
    assert workers.n_jobs == n_jobs  # nothing is computed twice

    asked = [str(suite_file), "--results", str(tmp_path / "results")]
    printed = CliRunner().invoke(leaderboard_command, asked, standalone_mode=False)
    assert printed.stdout == f"{board}\n"
    written = (benchmark.folder / "leaderboard.csv").read_text()
    assert len(list(csv.DictReader(written.splitlines()))) == 2 * 3 * 2


def test_a_run_that_is_stopped_goes_on_from_there(open_toy):
    benchmark = open_toy()
    with pytest.raises(KeyboardInterrupt):
        benchmark.run(Here(stops_after=20), progress=False)
    n_left = benchmark.status()["missing"]
    assert 0 < n_left < 12
    assert benchmark.run(Here(), progress=False).status == {"ok": 12}


def test_without_any_result_there_is_no_leaderboard(open_toy):
    with pytest.raises(StoreError, match="has no result of suite 'toy'; type `loki-bench run`"):
        open_toy().leaderboard()


def test_cells_that_fail_are_counted_and_run_again_when_asked(open_toy):
    benchmark = open_toy(attackers=["none", "raises"], victims=["counts"])
    board = benchmark.run(Here(), progress=False)
    assert board.status == {"failed": 2, "ok": 2}
    assert benchmark.missing() == []
    assert len(benchmark.missing(retry_failed=True)) == 2


def test_progress_is_told_to_whoever_is_given(open_toy, capsys):
    class Told:
        def __init__(self):
            self.cells = []

        def started(self, n_cells):
            self.n_cells = n_cells

        def working_on(self, what):
            list(what)

        def finished(self, cell, status, reason):
            self.cells.append((cell.attacker.name, status))

    told = Told()
    open_toy(victims=["counts"], seeds=[0]).run(Here(), progress=told)
    assert told.n_cells == 3
    assert sorted(told.cells) == [("none", "ok"), ("popular", "ok"), ("random", "ok")]
    assert capsys.readouterr().err == ""


def test_by_default_a_log_gets_a_line_a_cell_on_standard_error(open_toy, capsys):
    open_toy(victims=["counts"], seeds=[0], attackers=["none"]).run(Here())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("[1/1] none on counts, 20 % x 5, seed 0: ok (elapsed ")


def test_workers_and_a_scheduler_exclude_each_other(open_toy):
    with pytest.raises(UsageError, match="exclude each other"):
        open_toy().run(2, scheduler="tcp://127.0.0.1:1")


def test_a_script_needs_no_main_guard(suite_file, tmp_path):
    """Spawned workers would run an unguarded script again, and fail to start."""
    script = tmp_path / "five_lines.py"
    script.write_text(
        "from loki_bench import Benchmark\n"
        "benchmark = Benchmark.open('toy.toml', seeds=[0], victims=['counts'])\n"
        "print(len(benchmark.run(workers=1, progress=False).frame()), __file__[-13:])\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TOYS), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "3 five_lines.py\n"


def test_shards_are_merged(open_toy, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalWorkers, "open", opened_here)  # a sample is measured again
    whole = open_toy()
    for number in (1, 2):
        part = Benchmark.open(whole.suite, results=tmp_path / str(number), warn=pytest.fail)
        assert part.compute(part.cells[number - 1 :: 2], Here(), progress=False) == {"ok": 6}
    folders = [tmp_path / "1", tmp_path / "2"]
    assert whole.merge(folders) == {folders[0]: (6, 0), folders[1]: (6, 6)}
    assert whole.status() == {"ok": 12}


# --------------------------------------------------------------------------- one cell


def test_one_cell_is_evaluated_and_nothing_else(open_toy):
    benchmark = open_toy()
    workers = Here()
    result = benchmark.evaluate(victim="counts", attacker="popular", seed=1, workers=workers)
    assert result.status == "ok"
    assert workers.n_jobs == 4  # craft, the clean victim, the poisoned one, and the metrics
    assert benchmark.status() == {"missing": 11, "ok": 1}
    board = benchmark.run(Here(), progress=False)
    [record] = [r for r in board.records if r.id == result.record.id]
    assert record == result.record
    assert result.metrics == {metric.label: metric.value for metric in record.metrics}
    assert result.ranks.target_ranks.shape == (10, 3)
    # five places are shown: the share of pairs that the user does not have, ranked 5 or better
    ranks = result.ranks.target_ranks
    expected = np.mean(ranks[~np.isnan(ranks)] <= 5)
    assert math.isclose(result.metrics["display_rate@5"], expected)


def test_a_cell_that_has_a_result_is_read(open_toy):
    benchmark = open_toy()
    asked = {"victim": "counts", "attacker": "random", "seed": 0}
    first = benchmark.evaluate(**asked, workers=Here())
    again = Here()
    assert benchmark.evaluate(**asked, workers=again).record == first.record
    assert again.n_jobs == 0


def test_a_cell_of_no_suite_is_kept_beside_it(open_toy):
    benchmark = open_toy()
    result = benchmark.evaluate(
        victim={"name": "counts", "parameters": {"noise": 0.1}},
        attacker="covisit",
        seed=7,
        fake_users=0.1,
        workers=Here(),
    )
    cell = result.record.cell
    assert (cell.seed, cell.victim.parameters, cell.budget.fake_users) == (
        7,
        {"noise": 0.1},
        0.1,
    )
    assert benchmark.status() == {"missing": 12}
    assert not (benchmark.folder / "records").exists()


def test_a_cell_that_fails_says_why(open_toy):
    result = open_toy().evaluate(victim="counts", attacker="raises", seed=0, workers=Here())
    assert result.status == "failed"
    assert "attacker 'raises' raised RuntimeError: no idea what to do" in result.reason
    assert (result.metrics, result.ranks, result.clean_ranks) == ({}, None, None)


# --------------------------------------------------------------------------- poison at hand


def test_poison_at_hand_is_measured_as_the_attack_that_wrote_it(open_toy):
    from loki_bench.records.store import Store

    benchmark = open_toy()
    attack = benchmark.evaluate(victim="counts", attacker="random", seed=1, workers=Here())
    store = Store(benchmark.folder, warn=pytest.fail)
    poison = store.read(PoisonCodec(), attack.record.artefacts.poison).poison
    result = benchmark.evaluate_poison(poison, victim="counts", seed=1, workers=Here())
    assert result.metrics == attack.metrics
    np.testing.assert_array_equal(result.ranks.target_ranks, attack.ranks.target_ranks)
    np.testing.assert_array_equal(result.clean_ranks.test_ranks, attack.clean_ranks.test_ranks)
    for key in ("canary", "goal", "spent", "lengths"):
        assert getattr(result.record, key) == getattr(attack.record, key)
    assert benchmark.status() == {"missing": 11, "ok": 1}


def test_tokens_and_numbers_are_the_same_items_and_other_poison_is_another_cell(open_toy):
    benchmark = open_toy()
    targets = benchmark.goal(0).items.tolist()
    assert benchmark.interactions.item_tokens[4] == "i4"
    rows = [targets] * 12
    asked = {"victim": "counts", "seed": 0}
    by_number = benchmark.evaluate_poison(rows, **asked, workers=Here())
    # twelve events more put each target among the five that a victim shows which counts events
    assert by_number.metrics["display_rate@5"] == 1.0
    workers = Here()
    by_token = benchmark.evaluate_poison(
        [[f"i{i}" for i in row] for row in rows], **asked, workers=workers
    )
    assert (by_token.record, workers.n_jobs) == (by_number.record, 0)
    fewer = benchmark.evaluate_poison(rows[:1], **asked, workers=workers)
    assert fewer.record.id != by_number.record.id
    assert workers.n_jobs == 2  # the clean victim is known: the poisoned one, and the metrics
    assert fewer.record.spent.fake_users == 1


def test_a_defense_stands_between_poison_at_hand_and_the_victim(open_toy):
    # toys walk from an item to the next one: whoever jumps is dropped
    result = open_toy().evaluate_poison(
        [[0, 9, 3]] * 4, victim="counts", seed=0, defense="drops-jumpers", workers=Here()
    )
    assert result.record.defense.fake_users_kept == 0
    np.testing.assert_array_equal(result.ranks.test_ranks, result.clean_ranks.test_ranks)


def test_no_poison_at_all_is_the_clean_victim(open_toy):
    result = open_toy().evaluate_poison([], victim="counts", seed=0, workers=Here())
    np.testing.assert_array_equal(result.ranks.target_ranks, result.clean_ranks.target_ranks)


def test_changes_are_errors_of_the_suite(open_toy):
    with pytest.raises(SuiteError, match="unknown key 'protocl'"):
        open_toy(protocl={})


def test_a_note_of_the_suite_that_nobody_can_read_is_written_anew(open_toy):
    benchmark = open_toy(seeds=[0])
    note = benchmark.folder / "work" / "suite.json"
    note.parent.mkdir(parents=True)
    os.mkfifo(note)  # who reads it waits for ever
    benchmark.run(Here(), progress=False)
    assert json.loads(note.read_text())["file"].endswith(".toml")


def test_a_damaged_artefact_is_computed_again_and_gives_the_same_bytes(suite_file, tmp_path):
    said = []
    changes = {"victims": ["counts"], "seeds": [0]}
    opened = Benchmark.open(suite_file, results=tmp_path / "out", warn=said.append, **changes)
    opened.run(Here(), progress=False)

    def files():
        kept = ("artefacts", "records")
        paths = (path for kind in kept for path in (opened.folder / kind).rglob("*.*"))
        return {path: path.read_bytes() for path in paths}

    before = files()
    assert opened.to_compute() == []
    damaged = sorted(path for path in before if path.suffix == ".npz")
    for path in damaged:
        path.write_bytes(before[path][:-9])
    assert 1 <= len(opened.to_compute()) <= 3
    opened.run(Here(), progress=False)
    assert files() == before
    assert all(any(path.name in text for text in said) for path in damaged)
    assert opened.to_compute() == []


def test_in_a_folder_that_is_closed_a_leaderboard_is_made_and_not_written(
    suite_file, tmp_path, monkeypatch
):
    said = []
    changes = {"victims": ["counts"], "seeds": [0]}
    opened = Benchmark.open(suite_file, results=tmp_path / "out", warn=said.append, **changes)
    whole = opened.run(Here(), progress=False)
    (opened.folder / "leaderboard.md").unlink()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert str(opened.leaderboard()) == str(whole)
    assert not (opened.folder / "leaderboard.md").exists()
    [text] = said
    assert "toy can't be written to: its tables stay as they were there" in text


def test_a_folder_without_any_record_of_the_suite_is_not_merged(open_toy, tmp_path):
    one = open_toy(victims=["counts"], seeds=[0])
    one.compute(one.cells, Here(), progress=False)
    with pytest.raises(StoreError, match=r"toy has no record of suite 'toy'.*as --results names"):
        one.merge([one.folder])  # a level too deep


def test_the_home_folder_may_be_written_as_in_a_shell(suite_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    opened = Benchmark.open(suite_file, results="~/out", warn=pytest.fail)
    assert opened.folder == tmp_path / "out" / "toy"
    with pytest.raises(UsageError, match="results: ~nobody-at-all/x: there is no such home folder"):
        Benchmark.open(suite_file, results="~nobody-at-all/x")


# --------------------------------------------------------------------------- edited plugins


def test_a_plugin_that_changed_and_kept_its_version_is_told_of(
    open_toy, suite_file, tmp_path, monkeypatch
):
    small = {"seeds": [0], "attackers": ["none"], "victims": ["counts"]}
    open_toy(**small).run(Here(), progress=False)
    open_toy(**small).run(Here(), progress=False)
    monkeypatch.setattr(plugin_code, "source_of", lambda package: f"{package}, changed")
    said = []

    def run_again():
        benchmark = Benchmark.open(
            suite_file, results=tmp_path / "results", warn=said.append, **small
        )
        benchmark.run(Here(), progress=False)
        return benchmark.folder

    folder = run_again()
    [sentence] = said
    assert sentence.startswith("plugin toy-plugin ")
    assert f"has changed since cells with it were first run in {folder}" in sentence
    shutil.rmtree(folder)
    run_again()
    assert said == [sentence]
