"""What a terminal shows fits its width, and says in one row what an attack and its placebo do."""

import re

import pytest
from made_up_records import component, made_up_cell, made_up_record, made_up_result, with_cell

from loki_bench.leaderboard.rendering import as_short_text
from loki_bench.leaderboard.tabulation import tables_of

ROWS = {
    "none": (0.00, 0.01, 0.00, 0.02, 0.01),
    "random": (0.02, 0.04, 0.00, 0.01, 0.03),
    "covisit": (0.30, 0.36, 0.31, 0.39, 0.33),
    "loki": (0.32, 0.35, 0.30, 0.41, 0.34),
}
PLACEBO = (0.02, 0.03, 0.02, 0.04, 0.03)  # 0.02 above none at each seed


def records(victim="bprmf", share=0.03, rows=ROWS, defense=None):
    stands = component(defense) if defense else None
    return [
        made_up_result(
            made_up_cell(name, victim, seed=seed, share=share, defense=stands),
            {"display_rate@10": value, "hr@10": 0.5},
        )
        for name, values in rows.items()
        for seed, value in enumerate(values)
    ]


def placebos(name="loki", values=PLACEBO):
    return [with_cell(record, placebo=True) for record in records(rows={name: values})]


def shown(found, width=80):
    return as_short_text(tables_of(found), width)


def test_an_attack_has_one_row_with_all_that_is_asked_first():
    text = shown([*records(), *placebos()])
    head, _, *lines = text[text.index("attack ") :].partition("\n\n")[0].splitlines()
    assert head.split("  ")[0] == "attack"
    assert re.split(r"  +", head) == [
        "attack", "display_rate@10", "gain", "rank", "failed in", "placebo",
    ]  # fmt: skip
    cells = {line.split()[0]: re.split(r"  +", line) for line in lines}
    # 0.344 and 0.338 in the mean, 0.322 and 0.316 above random's; loki's five seeds and covisit's
    # can't be told apart, and so can't random's and none's
    assert cells["loki"][0] == "loki †"  # the placebo moves the targets at every seed
    assert cells["loki"][1].startswith("0.344 ± ")
    assert cells["loki"][2].startswith("+0.324 ± ")
    assert cells["loki"][3:] == ["1-2 tied", "0 of 5", "+0.020"]
    assert cells["covisit"][3:] == ["1-2 tied", "0 of 5", "-"]
    assert cells["random"][2:] == ["-", "3-4 tied", "-", "-"]
    assert set(cells) == set(ROWS)  # no row for the placebo


def test_rows_are_grouped_under_victim_and_budget_with_the_sentence_of_the_best():
    text = shown([*records(), *records(victim="fpmc"), *records(victim="fpmc", share=0.01)])
    titles = [line for line in text.splitlines() if re.match(r"\w+, \d % x \d+", line)]
    events = " (500 % of events)"  # 10 fake users x 15 / 30 events
    assert titles == [
        f"{where}{events}" for where in ("bprmf, 3 % x 15", "fpmc, 3 % x 15", "fpmc, 1 % x 15")
    ]
    assert text.count("loki has the best display_rate@10, 0.344") == 3
    assert "tied with covisit." in text.replace("\n", " ")


def test_what_all_rows_share_stands_in_the_head():
    text = shown(records()).replace("\n", " ")
    assert "1000 users, 20 items, 30 events" in text
    assert "display_rate@10 (max 0.5): mean and 95 % interval over 5 seeds." in text
    assert "3 % x 15: 3 % as many fake users as genuine ones, with 15 actions each." in text
    assert "placebo" not in text  # none was run: no column of dashes


def test_a_single_seed_is_not_said_to_have_an_interval():
    text = shown([one for one in records() if one.cell.seed == 0]).replace("\n", " ")
    assert "display_rate@10 (max 0.5): one seed, without an interval." in text


def test_seeds_are_a_column_where_rows_have_different_ones():
    failed = made_up_record(made_up_cell("loki", "bprmf", seed=4), "failed", "it broke")
    found = [r for r in records() if (r.cell.attacker.name, r.cell.seed) != ("loki", 4)]
    text = shown([*found, failed])
    assert re.search(r"^loki .* 4, 1 failed", text, re.MULTILINE)
    assert "over 4 to 5 seeds" in text.replace("\n", " ")
    assert "Not ranked: loki on bprmf, 3 % x 15 has no result for seed 4." in text.replace(
        "\n", " "
    )
    assert "loki on bprmf: it broke" in text
    assert "rank " not in text.partition("\n\n")[2].partition("\n\n")[2].splitlines()[0]


def test_a_placebo_that_moves_targets_marks_the_row_and_one_that_failed_is_told():
    broken = made_up_record(with_cell(records()[0], placebo=True).cell, "failed", "no idea")
    text = shown([*records(), *placebos(), broken])
    assert re.search(r"^loki † ", text, re.MULTILINE)
    assert "not target-specific" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_of_a_table_is_longer_than_the_width(width):
    defended = records(defense="pca")
    long = records(rows={f"loki-{'x' * 60}": ROWS["loki"]})
    found = [*records(), *placebos(), *records(share=0.01), *defended, *long]
    text = shown(found, width)
    assert max(map(len, text.splitlines())) <= width
    assert "Defenses" in text
    assert "Over budgets" in text


def test_columns_that_do_not_fit_are_named():
    text = shown([*records(), *placebos()], 50).replace("\n", " ")
    assert "Not shown in 50 letters:" in text
    assert "placebo" in text


def test_a_table_of_defenses_says_what_each_leaves_and_which_columns_did_not_fit():
    found = [
        *records(),
        *records(defense="pca"),
        *records(share=0.01),
        *records(share=0.01, defense="pca"),
    ]
    name = "extract-and-poison(queries=200)"
    found += [r for share in (0.01, 0.03) for r in records(share=share, rows={name: (0.5,) * 5})]
    _, _, of_defenses = shown(found).partition("Defenses\n\n")
    head, _, *lines = of_defenses.partition("\n\n")[0].splitlines()
    assert re.split(r"  +", head) == ["budget", "defense", "worst attacker", "display_rate@10 left"]
    assert re.split(r"  +", lines[0]) == ["3 % x 15", "pca", "loki", "0.344"]
    assert "Not shown in 80 letters: without defense, attacks." in of_defenses


def test_no_records_make_no_text():
    assert as_short_text([], 80) == ""
