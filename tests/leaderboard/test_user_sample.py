"""What a table says of a sample of users."""

import pytest
from made_up_records import made_up_cell, made_up_result

from loki_bench.leaderboard.rendering import as_json, as_markdown
from loki_bench.leaderboard.short_table import short_table
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.leaderboard.user_sample import half_width


def tables(evaluate_users, hit_rate=0.5):
    dataset = made_up_cell("none", "bprmf").dataset.model_dump(mode="json")
    cell = made_up_cell(
        "none",
        "bprmf",
        dataset={**dataset, "n_users": 100_000, "n_items": 240},
        protocol={"evaluate_users": evaluate_users},
    )
    return tables_of([made_up_result(cell, {"hr@10": hit_rate})])


def page(found):
    return as_markdown("s", "", found)


def on_a_terminal(found):
    return "\n".join(short_table(found[0], 80))


@pytest.mark.parametrize("write", [page, on_a_terminal])
def test_a_table_says_how_many_users_were_drawn_and_what_that_costs(write):
    said = " ".join(write(tables(20_000)).split())
    assert "20000 of 100000, drawn from the seed in proportion to lengths of history" in said
    # 1.96 sqrt(0.1 * 0.9 / 20,000 * 0.8) = 0.00372 and 1.96 sqrt(0.25 / 20,000 * 0.8) = 0.00620
    assert "at most +/- 0.0037 at 0.1 and +/- 0.0062 at 0.5" in said


@pytest.mark.parametrize("write", [page, on_a_terminal])
def test_a_table_of_all_users_says_nothing_of_samples(write):
    assert "valuated users" not in write(tables(None))


def test_programs_read_the_note_too():
    assert "20000 of 100000" in as_json("s", tables(20_000))
    assert "n_evaluated" not in as_json("s", tables(20_000))


def test_a_sample_of_all_users_costs_nothing():
    assert half_width(0.5, 100, 100) == 0


def test_chance_is_judged_by_the_users_that_were_ranked():
    # 10/240 + 1.96 sqrt(10/240 * 230/240 / 100) = 0.0808; of 100,000 users it is 0.0429
    assert "no better than chance" in page(tables(100, hit_rate=0.08))
    assert "no better than chance" not in page(tables(None, hit_rate=0.08))
