"""A victim at chance level is named below the table."""

import pytest
from made_up_records import made_up_cell, made_up_result

from loki_bench.leaderboard.rendering import as_markdown
from loki_bench.leaderboard.tabulation import tables_of


def page(hit_rate, attacker="none"):
    dataset = made_up_cell(attacker, "bprmf").dataset.model_dump(mode="json")
    cell = made_up_cell(attacker, "bprmf", dataset={**dataset, "n_users": 100, "n_items": 240})
    record = made_up_result(cell, {"hr@10": hit_rate, "display_rate@10": 0.1})
    return as_markdown("s", "", tables_of([record]))


def test_a_hit_rate_below_k_of_all_items_is_chance():
    said = "victim 'bprmf' ranks no better than chance (hr@10 0.037, chance 0.042)."
    assert said in page(0.037)


@pytest.mark.parametrize(("hit_rate", "is_named"), [(0.08, True), (0.082, False), (0.5, False)])
def test_the_limit_is_the_binomial_interval_of_so_many_users(hit_rate, is_named):
    # 10/240 + 1.96 sqrt(10/240 * 230/240 / 100) = 0.0808
    assert ("no better than chance" in page(hit_rate)) == is_named


def test_only_the_clean_victim_is_judged():
    assert "no better than chance" not in page(0.0, "popular")
