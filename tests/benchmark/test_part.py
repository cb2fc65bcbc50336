"""Parts of a suite: the same cells in the same folder, or a suite of its own; and whose it is."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from workers_here import Here

from loki_bench.cli.grid import leaderboard as leaderboard_command
from loki_bench.cli.grid import plan as plan_command
from loki_bench.cli.grid import run as run_command
from loki_bench.cli.grid import status as status_command
from loki_bench.errors import StoreError, SuiteError, UsageError


def files_of(folder):
    return {p.name: p.read_bytes() for p in folder.glob("leaderboard.*")}


def test_a_part_shares_the_records_and_leaves_the_leaderboard_alone(open_toy):
    whole = open_toy()
    part = whole.part(attackers=["random"], victims=["counts"], seeds=[1])
    assert part.whole is whole
    assert part.folder == whole.folder
    assert {(c.attacker.name, c.victim.name, c.seed) for c in part.cells} == {
        ("random", "counts", 1)
    }
    board = part.run(Here(), progress=False)
    assert [row.attacker for row in board.tables[0].rows] == ["random"]
    assert files_of(whole.folder) == {}
    assert len(whole.missing()) == len(whole.cells) - 1
    whole.run(Here(), progress=False)
    written = files_of(whole.folder)
    assert len(written) == 3
    part.run(Here(), progress=False)
    assert files_of(whole.folder) == written


def test_a_choice_keeps_its_parameters_and_what_is_listed_twice_counts_once(open_toy):
    part = open_toy().part(victims=["follows", "follows"], seeds=[0, 0])
    assert {c.victim.parameters["noise"] for c in part.cells} == {0.25}
    assert len(part.cells) == 3


def test_cells_that_the_suite_has_not_get_a_name_of_their_own(open_toy):
    whole = open_toy()
    other = whole.part(settings=[("budget.actions", 4)])
    assert other.whole is None
    assert other.suite.budget.fake_users == [0.2]  # the table keeps its other keys
    assert other.suite.name.startswith("toy-part-")
    assert other.folder.name == other.suite.name
    assert other.suite.name == whole.part(settings=[("budget.actions", 4)]).suite.name
    assert other.suite.name != whole.part(settings=[("budget.actions", 3)]).suite.name
    assert whole.part(seeds=[7]).suite.name.startswith("toy-part-")
    assert whole.part(settings=[("name", "mine"), ("seeds", [7])]).suite.name == "mine"
    # a limit determines no result
    assert whole.part(settings=[("limits.seconds", 5.0)]).whole is whole


def test_a_part_with_fewer_metrics_keeps_the_others_and_one_with_another_is_a_suite_of_its_own(
    open_toy,
):
    whole = open_toy(victims=["counts"], seeds=[0])
    whole.run(Here(), progress=False)
    fewer = whole.part(settings=[("metrics", ["hr@5"])])
    assert fewer.whole is whole
    assert fewer.compute(fewer.cells, Here(), progress=False) == {"ok": 3}
    assert whole.status() == {"ok": 3}
    assert fewer.leaderboard().metrics == ("hr@5",)
    other = whole.part(settings=[("metrics", ["ndcg@5"])])
    assert other.whole is None
    assert other.suite.name.startswith("toy-part-")
    other.run(Here(), progress=False)
    assert (whole.status(), whole.missing()) == ({"ok": 3}, [])


def test_a_cell_whose_record_lacks_a_metric_is_counted_as_missing(open_toy):
    one, other = ["display_rate@5"], ["ndcg@5"]
    open_toy(victims=["counts"], seeds=[0], metrics=one).run(Here(), progress=False)
    changed = open_toy(victims=["counts"], seeds=[0], metrics=other)
    assert changed.status() == {"missing": 3}
    with pytest.raises(StoreError, match="has no result of suite 'toy'"):
        changed.leaderboard()
    cell = changed.cells[0]
    found = changed.evaluate(victim="counts", attacker=cell.attacker.name, seed=0, workers=Here())
    assert list(found.metrics) == other
    assert changed.status() == {"missing": 2, "ok": 1}


def test_wrong_settings_are_refused_in_a_sentence(open_toy):
    whole = open_toy()
    with pytest.raises(SuiteError, match=r"unknown key 'budget.action' \(did you mean 'actions'"):
        whole.part(settings=[("budget.action", 4)])
    with pytest.raises(SuiteError, match=r"--set seeds.first: the suite has no table 'seeds'"):
        whole.part(settings=[("seeds.first", 4)])
    with pytest.raises(UsageError, match="no plugin declares the attacker 'randm'"):
        whole.part(attackers=["randm"])


def test_the_command_line_says_that_a_table_is_of_a_part(suite_file, tmp_path):
    arguments = [str(suite_file), "--results", str(tmp_path / "results"), "--workers", "1"]
    arguments += ["--attacker", "random", "--victim", "counts", "--seed", "0"]
    done = CliRunner().invoke(run_command, arguments, standalone_mode=False)
    assert done.return_value == 0
    assert "part of toy: 1 of 12 cells. The suite's own leaderboard is not written" in done.output
    assert not (tmp_path / "results" / "toy" / "leaderboard.md").exists()


def test_a_part_is_planned_and_counted_as_it_would_be_run(suite_file, tmp_path):
    arguments = [str(suite_file), "--results", str(tmp_path / "results"), "--attacker", "random"]
    other = [*arguments, "--set", "budget.actions=4", "--seed", "0"]

    def printed(command, given):
        return json.loads(CliRunner().invoke(command, [*given, "--json"]).stdout)

    assert printed(status_command, arguments)["cells"] == {"missing": 4}
    assert printed(plan_command, other)["suite"].startswith("toy-part-")
    assert printed(plan_command, other)["cells"] == {"missing": 2}
    CliRunner().invoke(run_command, [*other, "--workers", "1"], standalone_mode=False)
    assert printed(status_command, other)["cells"] == {"ok": 2}
    assert printed(status_command, arguments)["cells"] == {"missing": 4}


def test_a_row_a_seed_names_targets_and_users(open_toy, suite_file, tmp_path):
    benchmark = open_toy()
    benchmark.part(seeds=[0], victims=["counts"]).run(Here(), progress=False)
    out = tmp_path / "seeds.csv"
    arguments = [str(suite_file), "--results", str(tmp_path / "results"), "--per-seed", str(out)]
    CliRunner().invoke(leaderboard_command, arguments, standalone_mode=False)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(benchmark.cells)
    done = [row for row in rows if row["status"] == "ok"]
    assert {row["attacker"] for row in done} == {"none", "random", "popular"}
    goal = benchmark.goal(0)
    tokens = benchmark.interactions.item_tokens, benchmark.interactions.user_tokens
    for row in done:
        assert json.loads(row["targets"]) == [tokens[0][i] for i in goal.items]
        assert json.loads(row["target_users"]) == [tokens[1][u] for u in goal.users]
        assert 0 <= float(row["hr@5"]) <= 1
    lacking = next(row for row in rows if row["status"] == "missing")
    assert (lacking["targets"], lacking["hr@5"]) == ("[]", "")

    import pandas

    benchmark.leaderboard().write_per_seed(tmp_path / "seeds.parquet")
    frame = pandas.read_parquet(tmp_path / "seeds.parquet")
    assert list(frame["targets"][0]) == json.loads(rows[0]["targets"])
    with pytest.raises(UsageError, match=r"must end in \.csv or \.parquet"):
        benchmark.leaderboard().write_per_seed(tmp_path / "seeds.txt")


def test_another_suite_file_of_the_same_name_is_refused_and_an_edited_one_is_not(
    open_toy, suite_file, tmp_path
):
    from loki_bench import Benchmark

    def opened(file):
        return Benchmark.open(file, results=tmp_path / "results", warn=pytest.fail)

    open_toy(seeds=[0]).run(Here(), progress=False)
    other = tmp_path / "other" / "toy.toml"
    other.parent.mkdir()
    text = suite_file.read_text()
    other.write_text(text)
    opened(other).run(Here(), progress=False)  # a copy without a change
    opened(suite_file).leaderboard()
    other.write_text(text.replace("n_targets = 3", "n_targets = 2"))
    before = files_of(tmp_path / "results" / "toy")
    for what in (lambda b: b.run(Here(), progress=False), lambda b: b.compute(b.cells, Here())):
        with pytest.raises(
            SuiteError, match=r"holds the results of another suite file .*--results"
        ):
            what(opened(other))
    assert files_of(tmp_path / "results" / "toy") == before
    suite_file.write_text(text.replace("n_targets = 3", "n_targets = 1"))
    opened(suite_file).run(Here(), progress=False)  # the same file, edited
    suite_file.unlink()
    opened(other).run(Here(), progress=False)  # the other one is gone


def test_a_suite_of_the_package_is_the_same_one_from_another_installation(
    open_toy, suite_file, tmp_path, monkeypatch
):
    from loki_bench import Benchmark
    from loki_bench.benchmark import claim

    def opened(file):
        return Benchmark.open(file, results=tmp_path / "results", warn=pytest.fail)

    installed = [suite_file, tmp_path / "another-installation" / "toy.toml"]
    installed[1].parent.mkdir()
    installed[1].write_text(suite_file.read_text().replace("n_targets = 3", "n_targets = 2"))
    for place in installed:
        monkeypatch.setattr(claim, "suite_file", {"toy": place}.get)
        opened(place).run(Here(), progress=False)
    with pytest.raises(SuiteError, match=r"the results of another suite file .*of the package"):
        opened(suite_file).run(Here(), progress=False)  # one's own file of that name


def test_a_packed_board_says_where_its_tables_are():
    from loki_bench import Benchmark

    published = Path(__file__).parents[2] / "leaderboards"
    pytest.importorskip("loki_bench_recbole")
    with pytest.raises(StoreError, match=r"quick is packed, .*leaderboard\.md"):
        Benchmark.open("quick", results=published).leaderboard()
