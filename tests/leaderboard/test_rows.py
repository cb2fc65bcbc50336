"""The share of events that a budget adds is worked out by hand."""

import csv
import io

import pytest
from made_up_records import made_up_cell, made_up_record, made_up_result

from loki_bench.leaderboard.frames import frame_of
from loki_bench.leaderboard.rendering import as_csv, as_markdown, as_short_text, as_text
from loki_bench.leaderboard.rows import shown_budget
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.report.page import BoardContent, page


def result(name, *, events=140, fake_users=10, **about):
    """A record of a data set of 30 events; its budget grants 10 fake users."""
    record = made_up_result(made_up_cell(name, "bprmf", **about), {"display_rate@10": 0.2})
    spent = record.spent.model_copy(update={"events": events, "fake_users": fake_users})
    return record.model_copy(update={"spent": spent})


def shares(found, missing=()):
    [table] = tables_of(found, missing)
    return {(row.attacker, row.actions): row.event_share for row in table.rows}


def test_a_budget_adds_fake_users_times_actions_whatever_was_used():
    # 10 x 3 of 30 events, 10 x 6 of 30
    found = [result("none", actions=3, fake_users=0, events=0), result("mine", actions=6)]
    assert shares(found) == {("none", 3): 1.0, ("mine", 6): 2.0}


def test_genuine_lengths_count_as_they_were_drawn_in_the_mean_over_seeds():
    found = [
        result("mine", actions="genuine", seed=seed, events=events)
        for seed, events in enumerate((9, 15, 18))
    ]
    # none has no fake users, and stands at the budget that it is compared with
    found += [result("none", actions="genuine", fake_users=0, events=0)]
    assert shares(found) == dict.fromkeys(
        (("mine", "genuine"), ("none", "genuine")), pytest.approx(14 / 30)
    )


def test_genuine_lengths_that_nobody_was_given_yet_are_not_known():
    cell = made_up_cell("mine", "bprmf", actions="genuine")
    rejected = made_up_record(made_up_cell("other", "bprmf", actions="genuine"), "rejected")
    assert shares([rejected], [cell]) == {("mine", "genuine"): None, ("other", "genuine"): None}


def test_every_form_of_a_table_shows_it():
    found = [result(name, actions=3) for name in ("none", "mine")]
    tables = tables_of(found)
    for text in (as_markdown("s", "", tables), as_text(tables), as_short_text(tables, 80)):
        assert "3 % x 3 (100 % of events)" in text
    rows = list(csv.DictReader(io.StringIO(as_csv(tables))))
    assert {row["event_share"] for row in rows} == {"1.0"}
    assert set(frame_of(tables)["event_share"]) == {1.0}
    text = page(BoardContent(name="s", summary="", metrics=(), records=found))
    assert "(100 % of events)</h3>" in text


def test_a_series_of_budgets_shows_its_ends():
    found = [
        result("mine", share=share, budget={"fake_users": share, "n_fake_users": n, "actions": 3})
        for share, n in ((0.01, 1), (0.1, 10))
    ]
    assert "1 to 10 % x 3 (10 to 100 % of events)" in as_markdown("s", "", tables_of(found))


def test_small_shares_keep_three_digits():
    assert shown_budget(0.0001, 15, 30 / 198_502) == "0.01 % x 15 (0.0151 % of events)"
    assert shown_budget(0.5, "genuine", None) == "50 % x genuine"
