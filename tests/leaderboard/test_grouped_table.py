"""A page has a grid for each victim and budget, every metric, and a placebo in its attack's row."""

from made_up_records import made_up_cell, made_up_result, with_cell

from loki_bench.leaderboard.grouped_table import grouped_table
from loki_bench.leaderboard.tabulation import tables_of


def records(victim, **rows):
    return [
        made_up_result(
            made_up_cell(name, victim, seed=seed), {"display_rate@10": value, "hr@10": 0.25}
        )
        for name, values in rows.items()
        for seed, value in enumerate(values)
    ]


def test_each_victim_has_its_grid_and_each_attack_one_row():
    placebo = [with_cell(r, placebo=True) for r in records("bprmf", loki=(0.1, 0.2))]
    found = records("bprmf", none=(0.0, 0.1), loki=(0.4, 0.5))
    [table] = tables_of([*found, *placebo, *records("fpmc", none=(0.0, 0.1))])
    paragraphs = grouped_table(table)
    assert [p for p in paragraphs if p.startswith("## ")] == [
        "## bprmf, 3 % x 15 (500 % of events)",  # 10 fake users x 15 / 30 events
        "## fpmc, 3 % x 15 (500 % of events)",
    ]
    head, _, *rows = paragraphs[2].splitlines()
    cells = [cell.strip() for cell in head.strip("|").split("|")]
    loki = dict(zip(cells, (cell.strip() for cell in rows[0].strip("|").split("|")), strict=True))
    assert loki["attack"] == "loki †"
    assert loki["display_rate@10 (max 0.5)"].startswith("0.450")
    assert loki["placebo"] == "+0.100"  # 0.1 above none at either seed: see `shown`
    assert len(rows) == 2


def test_what_all_rows_of_a_grid_share_stands_above_it():
    [table] = tables_of(records("bprmf", none=(0.0, 0.1), loki=(0.4, 0.5)))
    _, shared, grid = grouped_table(table)
    assert shared == "In every row: rank 1-2, hr@10 0.250, seeds 2, poison samples 9."
    assert "hr@10" not in grid


def test_a_placebo_whose_attack_has_no_row_is_a_row():
    placebo = [with_cell(r, placebo=True) for r in records("bprmf", loki=(0.1, 0.2))]
    [table] = tables_of([*records("bprmf", none=(0.0, 0.1)), *placebo])
    assert "| loki, placebo" in "\n".join(grouped_table(table))


def test_a_metric_of_an_odd_label_replaces_no_column():
    found = [
        made_up_result(
            made_up_cell(name, "bprmf", seed=seed),
            {"display_rate@10": value, "failed in": 7.0 + value},
            **{"failed in": ("neither", "utility", None)},
        )
        for name, values in (("none", (0.0, 0.1)), ("loki", (0.4, 0.5)))
        for seed, value in enumerate(values)
    ]
    [table] = tables_of(found)
    grid = grouped_table(table)[-1].splitlines()
    heads = [head.strip() for head in grid[0].strip("|").split("|")]
    assert heads.count("failed in") == 2
    loki = [cell.strip() for cell in grid[2].strip("|").split("|")]
    told = [cell for head, cell in zip(heads, loki, strict=True) if head == "failed in"]
    assert told[0] == "0 of 2"
    assert told[1].startswith("7.450")
