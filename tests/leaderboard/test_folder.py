"""The first metric of a suite heads its table, whoever declares it: sorted, compared and ranked."""

import csv
import io
import json
from pathlib import Path

import pytest
from workers_here import Here

from loki_bench.errors import PluginError, SuiteError
from loki_bench.leaderboard.folder import write_leaderboard
from loki_bench.pipeline.cells import run_cells
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import Limits, Suite

CONTENT = {
    "name": "toy",
    "seeds": [0, 1, 2],
    "victims": ["counts"],
    "surrogates": ["follows"],
    "attackers": ["random", "asks-surrogates"],
    "dataset": "toy",
    "protocol": {"n_targets": 3, "n_target_users": 10},
    "budget": {"fake_users": 0.2, "actions": 5},
    "isolation": "in-process",
}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "toys")


def prepared(*metrics, **changes):
    content = {**CONTENT, "metrics": list(metrics), **changes}
    return prepare(Suite.model_validate(content), discover(), download=False)


def table_of(folder, *metrics, **changes):
    """The one table of a suite of toys, run into a folder."""
    suite = prepared(*metrics, **changes)
    store = Store(folder, warn=print)
    run_cells(
        list(suite.grid.cells),
        suite.grid.metrics,
        store=store,
        workers=Here(),
        interactions=suite.interactions,
        limits=Limits(),
    )
    [table] = write_leaderboard(
        store,
        suite="toy",
        summary="",
        metrics=[metric.label for metric in suite.grid.metrics],
        records=store.records(suite.grid.cells),
        missing=[],
    )
    return table


def means(table, label):
    return {row.attacker: row.metrics[label].mean for row in table.rows if not row.placebo}


def test_a_third_partys_metric_heads_sorts_and_ranks_where_less_is_better(tmp_path):
    table = table_of(tmp_path, "mean-target-rank", "hr@5")
    assert [column.label for column in table.columns] == ["mean-target-rank", "hr@5"]
    depth = means(table, "mean-target-rank")
    assert depth["asks-surrogates"] < depth["random"] < depth["none"]  # planted: targets only
    rows = [row for row in table.rows if not row.placebo]
    assert [row.attacker for row in rows] == ["asks-surrogates", "random", "none"]
    assert [row.rank[:2] for row in rows] == [(1, 1), (1, 1), (3, 3)]  # two are tied
    best = rows[0]
    assert best.gain.mean == pytest.approx(depth["random"] - depth["asks-surrogates"])
    assert best.gain.mean > 0  # a smaller rank is a gain
    assert best.p_value is not None
    assert table.not_ranked == ()
    text = (tmp_path / "leaderboard.md").read_text("utf-8")
    assert "mean-target-rank (attack, rank, higher is better for the platform)" in text
    assert "+" in next(line for line in text.splitlines() if "| asks-surrogates " in line)


def test_a_built_in_rank_heads_a_table_before_a_hit_rate(tmp_path):
    table = table_of(tmp_path, "target_rank", "hr@5")
    rank = means(table, "target_rank")
    rows = [row for row in table.rows if not row.placebo]
    assert [row.attacker for row in rows] == sorted(rank, key=rank.get)
    assert rows[0].gain is not None
    assert rows[0].p_value is not None
    assert [row.rank for row in rows] == [(1, 1, 3)] * 3  # the seeds tell none of them apart


def test_the_order_of_a_suite_reaches_table_manifest_and_files(tmp_path):
    metrics = ["hr@5", "target_rank", "display_rate@5"]
    table = table_of(tmp_path, *metrics)
    assert [column.label for column in table.columns] == metrics
    assert list(read_manifest(tmp_path).metrics) == metrics
    plain = json.loads((tmp_path / "leaderboard.json").read_text())["tables"][0]
    assert [metric["label"] for metric in plain["columns"]] == metrics
    lines = list(csv.DictReader(io.StringIO((tmp_path / "leaderboard.csv").read_text())))
    assert [line["metric"] for line in lines[:3]] == metrics
    assert (lines[1]["unit"], lines[1]["purpose"]) == ("rank", "attack")
    assert lines[1]["higher_is"] == "better for the platform"


def test_a_ceiling_is_what_the_metrics_own_function_says(tmp_path):
    table = table_of(tmp_path, "shown-share@5", "display_rate@2")
    # 5 / (5 + 3) and min(1, 2 / 3), of three targets
    assert [column.ceiling for column in table.columns] == [0.625, pytest.approx(2 / 3)]
    text = (tmp_path / "leaderboard.md").read_text("utf-8")
    assert "shown-share@5 (max 0.625)" in text


def test_a_ceiling_out_of_the_range_is_refused_before_anything_is_run():
    with pytest.raises(PluginError, match=r"'no-ceiling': its ceiling .* answered 2\.0; expected"):
        prepared("no-ceiling")


def test_a_former_name_is_taken_with_a_warning_and_written_as_it_is_called_today():
    with pytest.warns(FutureWarning, match="'target-depth' is called 'mean-target-rank' now"):
        suite = prepared("target-depth", "hr@5")
    assert [metric.label for metric in suite.grid.metrics] == ["mean-target-rank", "hr@5"]
    with pytest.warns(FutureWarning, match="'display_any' is called 'user_display_rate' now"):
        suite = prepared("display_any@5")
    assert suite.grid.metrics[0].label == "user_display_rate@5"


def test_a_metric_under_two_names_is_listed_twice():
    with (
        pytest.warns(FutureWarning),
        pytest.raises(SuiteError, match="'length_ks' is listed twice, once as 'length_distance'"),
    ):
        prepared("length_ks", "length_distance")


def test_gains_are_over_the_attacks_that_their_specs_call_baselines(tmp_path):
    table = table_of(tmp_path, "display_rate@5", attackers=["none", "random", "asks-surrogates"])
    assert {row.attacker for row in table.rows if row.baseline} == {"none", "random"}
    assert "against the best baseline (none, random)" in (tmp_path / "leaderboard.md").read_text()


def test_a_baseline_with_other_parameters_is_an_attack_like_others():
    changed = {"name": "popular", "parameters": {"n_popular": 3}}
    suite = prepared("display_rate@5", attackers=["popular", changed])
    said = {cell.attacker.label: cell.is_baseline for cell in suite.grid.cells}
    assert said == {"none": True, "popular": True, "popular(n_popular=3)": False}


def test_a_metric_that_is_good_for_nobody_heads_a_table_that_is_not_ranked(tmp_path):
    table = table_of(tmp_path, "spread", "hr@5")
    assert table.not_ranked == ("spread is neither better for the attacker nor for the platform",)
    assert {(row.gain, row.p_value, row.rank) for row in table.rows} == {(None, None, None)}
