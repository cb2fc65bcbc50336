"""Two leaderboards side by side: paired where they may be."""

import shutil
from pathlib import Path

import pytest
from made_up_records import made_up_cell, made_up_record, made_up_result, with_value
from scipy import stats
from written_board import write_board

from loki_bench.audit.comparison import ComparedRow, Comparison, compare
from loki_bench.errors import StoreError
from loki_bench.leaderboard.intervals import interval_of
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store


def values(folder, attacker, metric):
    store = Store(folder, warn=print)
    found = {}
    for cell_id in read_manifest(folder).record_ids:
        record = store.record(cell_id)
        cell = record.cell
        if cell.attacker.name == attacker and not cell.placebo:
            found[cell.seed] = record.value(metric)
    return [found[seed] for seed in sorted(found)]


def test_a_leaderboard_equals_itself_to_the_last_bit(leaderboard, original):
    found = compare(leaderboard, original)
    assert found.same
    assert all(row.n_equal == 3 and row.difference.mean == 0 for row in found.rows)
    assert found.as_text() == "The same values to the last bit."


def test_rows_are_paired_by_seed_and_tested_as_scipy_does(tmp_path, compute):
    quiet = compute(tmp_path / "a", attackers=["none"])
    noisy = compute(
        tmp_path / "b",
        attackers=["none"],
        seeds=[0, 1, 2],
        metrics=["hr@5"],
        budget={"fake_users": 0.2, "actions": 5},
    )
    store = Store(noisy, warn=print)
    for path in (noisy / "records").iterdir():  # another implementation's numbers
        record = store.record(path.stem)
        other = record.value("hr@5") + 0.01 * (1 + record.cell.seed)
        store.write_record(with_value(record, "hr@5", other))
    found = compare(quiet, noisy)
    [row] = found.rows
    expected = stats.ttest_rel(values(noisy, "none", "hr@5"), values(quiet, "none", "hr@5"))
    assert row.p_value == pytest.approx(expected.pvalue)
    assert row.difference.mean == pytest.approx(0.02)
    assert not found.same
    said, _, shown = found.as_text().partition("\n")
    # 0.01, 0.02 and 0.03: t = 0.02 / (0.01 / sqrt(3)) = 3.46, p = 0.074
    assert said == (
        "1 of the 1 means that both have differ, 0 of them clearly (p below 0.05); 0 rows are only "
        "in A, 0 only in B; 1 metrics are only in A, 0 only in B."
    )
    assert "hr@5" in shown
    assert "0.074" in shown
    assert "only in A: the metric display_rate@5" in shown


def compared(metric, p_value, *, n_equal=0):
    interval = interval_of([0.1, 0.2, 0.3], (0.0, 1.0))
    return ComparedRow(
        row="none on counts",
        metric=metric,
        first=interval,
        second=interval,
        difference=interval,
        p_value=p_value,
        n_equal=n_equal,
        differs="",
    )


@pytest.mark.parametrize(
    ("not_paired", "sentence"),
    [
        (
            "",
            "3 of the 4 means that both have differ, 1 of them clearly (p below 0.05); 2 rows are "
            "only in A, 1 only in B.",
        ),
        # nothing is tested where the protocols differ
        (
            "protocol.n_targets (3, 4)",
            "3 of the 4 means that both have differ; 2 rows are only in A, 1 only in B.",
        ),
    ],
)
def test_one_sentence_counts_what_differs_what_clearly_and_what_only_one_has(not_paired, sentence):
    rows = (
        compared("hr@5", 0.049),
        compared("hr@10", 0.05),
        compared("ndcg@5", None),
        compared("ndcg@10", 0.001, n_equal=3),
    )
    found = Comparison(rows=rows, not_paired=not_paired, only_first=("a", "b"), only_second=("c",))
    assert found.as_text().splitlines()[0] == sentence


def test_other_protocols_are_not_paired_and_the_field_is_named(tmp_path, compute, leaderboard):
    other = compute(tmp_path / "b", protocol={"n_targets": 4, "n_target_users": 10})
    found = compare(leaderboard, other)
    assert found.not_paired == "protocol.n_targets (3, 4)"
    assert all(row.difference is None and row.p_value is None for row in found.rows)
    assert "Not paired: the protocols differ in protocol.n_targets (3, 4)." in found.as_text()


def test_rows_that_only_one_has_are_named(tmp_path, compute, leaderboard):
    found = compare(leaderboard, compute(tmp_path / "b", attackers=["none"]))
    assert "random on counts, 20 % x 5" in found.only_first
    assert found.only_second == ()
    assert not found.same


def test_a_damaged_leaderboard_is_refused(leaderboard, original):
    next((leaderboard / "records").iterdir()).write_text("{}")
    with pytest.raises(StoreError, match="not there or not whole"):
        compare(leaderboard, original)


KEY, OTHER = "1" * 32, "2" * 32


def shifted(record):
    return with_value(record, "hr@5", 0.5 + record.cell.seed / 10)


def test_rows_under_a_fresh_key_are_rows_of_their_own(with_fresh, original):
    found = compare(original, with_fresh(KEY, shifted))
    assert found.rows
    assert all(row.same for row in found.rows)  # the leaderboard's own are untouched
    assert (found.not_paired, found.only_first) == ("", ())
    assert f"random on counts, 20 % x 5, fresh key {KEY}" in found.only_second
    assert len(found.only_second) == len({row.row for row in found.rows})


def test_rows_of_one_fresh_key_are_paired_and_those_of_two_are_not(
    with_fresh, leaderboard, tmp_path
):
    other = Path(shutil.copytree(leaderboard, tmp_path / "other"))
    with_fresh(KEY, shifted)
    with_fresh(KEY, lambda record: with_value(record, "hr@5", 0.25), (0, 1), other)
    found = compare(leaderboard, other)
    name = f"none on counts, 20 % x 5, fresh key {KEY}"
    [row] = [row for row in found.rows if (row.row, row.metric) == (name, "hr@5")]
    assert row.first.mean == pytest.approx(0.6)
    assert row.second.mean == pytest.approx(0.25)
    assert row.difference.n == 2
    assert row.difference.mean == pytest.approx(-0.3)
    assert (found.only_first, found.only_second) == ((), ())
    with_fresh(OTHER, shifted, (0, 1), other)
    found = compare(leaderboard, other)
    assert found.not_paired == ""
    assert {name.rpartition(" ")[2] for name in found.only_second} == {OTHER}


def test_a_leaderboard_with_fresh_rows_stands_beside_one_of_another_protocol(
    with_fresh, compute, tmp_path
):
    other = compute(tmp_path / "b", protocol={"n_targets": 4, "n_target_users": 10})
    found = compare(with_fresh(KEY, shifted), other)
    assert found.not_paired == "protocol.n_targets (3, 4)"
    assert all(KEY not in row.row for row in found.rows)
    assert all(KEY in name for name in found.only_first)


RATES = {"none": (0.0, 0.0, 0.01), "loki": (0.4, 0.42, 0.45)}


def made_up(**metrics):
    return [
        made_up_result(
            made_up_cell(attacker, "fpmc", seed=seed),
            {"display_rate@10": value, **metrics},
        )
        for attacker, values in RATES.items()
        for seed, value in enumerate(values)
    ]


@pytest.fixture
def board(tmp_path):
    def written(name, records):
        return write_board(tmp_path / name, name, records, metrics=["display_rate@10"])

    return written


def test_a_metric_that_only_one_has_makes_the_boards_differ(board):
    more = board("more", made_up(**{"hr@10": 0.1}))
    less = board("less", made_up())
    assert compare(more, more).same
    found = compare(more, less)
    assert not found.same
    assert found.metrics_only_first == ("hr@10",)
    assert "1 metrics are only in A, 0 only in B." in found.told
    assert compare(less, more).metrics_only_second == ("hr@10",)
    # in one row alone
    some = board("some", [*made_up(**{"hr@10": 0.1})[:3], *made_up()[3:]])
    assert compare(more, some).metrics_only_first == ("hr@10 of loki on fpmc, 3 % x 15",)


def test_a_cell_that_ended_otherwise_makes_the_boards_differ(board):
    whole = board("whole", made_up())
    row = made_up_record(made_up_cell("covisit", "fpmc", seed=0), "failed")
    failed = board("failed", [*made_up(), row])
    assert compare(failed, failed).same
    found = compare(whole, failed)
    assert not found.same
    assert found.only_second == ("covisit on fpmc, 3 % x 15",)
    seed = made_up_record(made_up_cell("loki", "fpmc", seed=3), "timeout")
    found = compare(whole, board("late", [*made_up(), seed]))
    assert not found.same
    assert found.otherwise_ended == ("loki on fpmc, 3 % x 15: seed 3 not there, timeout",)
    assert "cells of 1 rows ended otherwise." in found.as_text()


def test_a_small_p_is_shown_as_in_tables(board):
    higher = [
        with_value(r, "display_rate@10", r.value("display_rate@10") + 0.1 + r.cell.seed / 1e7)
        for r in made_up()
    ]
    text = compare(board("one", made_up()), board("other", higher)).as_text()
    assert "+0.100 ± 0.000  <0.001  0" in text
