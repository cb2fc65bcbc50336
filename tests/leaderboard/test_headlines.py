"""The first sentence of a table names the best attack, and those that it is tied with."""

from made_up_records import component, made_up_cell, made_up_result

from loki_bench.leaderboard.headlines import headlines
from loki_bench.leaderboard.rendering import as_markdown, as_text
from loki_bench.leaderboard.tabulation import tables_of

LOKI = (0.40, 0.42, 0.41, 0.43, 0.40)
COVISIT = (0.38, 0.43, 0.40, 0.42, 0.41)
RANDOM = (0.10, 0.13, 0.11, 0.12, 0.12)


def table(**rows):
    records = [
        made_up_result(made_up_cell(component(name), "fpmc", seed=seed), {"display_rate@10": v})
        for name, values in rows.items()
        for seed, v in enumerate(values)
    ]
    [found] = tables_of(records)
    return found


def test_an_attack_that_seeds_do_not_tell_from_the_best_is_tied_with_it():
    found = table(loki=LOKI, covisit=COVISIT, random=RANDOM)
    said = "On fpmc, 3 % x 15: loki has the best display_rate@10, 0.412 ± 0.016, tied with covisit."
    assert headlines(found) == [said]
    assert f"- {said}" in as_markdown("mine", "", [found]).replace("\\", "")
    assert said in as_text([found])


def test_an_attack_above_all_others_is_clearly_so():
    assert headlines(table(loki=LOKI, random=RANDOM))[0].endswith("clearly above all others.")


def test_of_attacks_that_reach_the_same_none_is_called_the_best():
    found = table(loki=(0.0,) * 3, covisit=(0.0,) * 3, random=(0.0,) * 3)
    said = "On fpmc, 3 % x 15: all attacks have the same display_rate@10, 0.000."
    assert headlines(found) == [said]
    other = table(loki=(0.0, 0.1, 0.2), covisit=(0.2, 0.1, 0.0))
    assert headlines(other)[0].endswith("all attacks have the same display_rate@10, 0.100.")


def test_a_single_row_and_a_table_that_is_not_ranked_have_no_headline():
    assert headlines(table(loki=LOKI)) == []
    assert headlines(table(loki=LOKI, random=RANDOM[:2])) == []


def test_every_pair_stands_in_the_table_with_the_difference_that_its_row_shows():
    found = table(loki=LOKI, covisit=COVISIT, random=RANDOM)
    pairs = {(pair.better[0], pair.worse[0]): pair for pair in found.pairs}
    assert {names: pair.clear for names, pair in pairs.items()} == {
        ("loki", "covisit"): False,
        ("loki", "random"): True,
        ("covisit", "random"): True,
    }
    rows = {row.attacker: row for row in found.rows}
    assert rows["loki"].behind is None
    assert rows["covisit"].behind == pairs["loki", "covisit"].difference
    assert rows["random"].behind_p == pairs["loki", "random"].p_value
    assert rows["covisit"].rank == rows["loki"].rank == (1, 1, 2)
