"""A defense is as good as against the attack that it does worst against."""

import json

import pytest
from made_up_records import component, made_up_cell, made_up_record, made_up_result, with_cell

from loki_bench.leaderboard.defense_table import worst_cases
from loki_bench.leaderboard.rendering import as_csv, as_json, as_markdown, as_text
from loki_bench.leaderboard.tabulation import tables_of


def record(attacker, defense, value, *, status="ok", recall=0.5, goal="promote"):
    stands = None if defense is None else component(defense)
    cell = made_up_cell(attacker, "v", defense=stands, goal=goal)
    if status != "ok":
        return made_up_record(cell, status)
    values = {
        "display_rate@10": value,
        "hr@10": 0.5,
        "clean_hr_lost@10": 0.01,
        "detection_recall": recall,
    }
    higher_is = f"better for the {'attacker' if goal == 'promote' else 'platform'}"
    return made_up_result(cell, values, display_rate=(higher_is, "attack", 0.5))


RECORDS = [
    record("none", None, 0.0),
    record("loki", None, 0.4),
    record("random", None, 0.1),
    record("none", "a", 0.9),  # the null attack is nobody's worst case
    record("loki", "a", 0.05, recall=0.9),
    record("random", "a", 0.1, recall=0.2),
    record("loki", "b", 0.3, recall=0.1),
    record("random", "b", 0.0, recall=1.0),
]


def found(records):
    [table] = tables_of(records)
    return {case.defense: case for case in worst_cases(table)}


def test_each_defense_is_shown_with_the_attack_that_it_leaves_the_most():
    cases = found(RECORDS)
    worst = {name: case.row.attacker for name, case in cases.items()}
    assert worst == {"a": "random", "b": "loki", "none": "loki"}
    assert cases["a"].row.metrics["detection_recall"].mean == 0.2
    assert cases["a"].undefended.mean == 0.1
    assert cases["b"].undefended.mean == 0.4


def test_the_defense_that_leaves_least_comes_first():
    assert list(found(RECORDS)) == ["a", "b", "none"]


def test_to_demote_the_worst_case_is_the_lowest_display_rate():
    told = [
        (r.cell.attacker.name, r.cell.defense and r.cell.defense.name, r.value("display_rate@10"))
        for r in RECORDS
    ]
    cases = found([record(*one, goal="demote") for one in told])
    assert (cases["a"].row.attacker, cases["b"].row.attacker) == ("loki", "random")
    assert list(cases) == ["none", "a", "b"]  # 0.1 left, 0.05 left, nothing left


def test_attacks_without_a_result_are_counted_not_forgotten():
    case = found([*RECORDS, record("popular", "a", None, status="failed")])["a"]
    assert (case.n_attacks, case.n_without_result) == (3, 1)
    only = found([record("popular", "a", None, status="failed"), record("none", "a", 0.0)])["a"]
    assert (only.row, only.n_attacks, only.n_without_result) == (None, 1, 1)


def test_without_a_defense_there_is_no_table_of_them():
    [table] = tables_of(RECORDS[:3])
    assert worst_cases(table) == ()
    for text in (as_text([table]), as_markdown("s", "", [table])):
        assert "Defenses" not in text
        head = next(line for line in text.splitlines() if "attacker" in line)
        assert "defense" not in head


def test_the_same_records_in_any_order_give_the_same_bytes():
    for render in (as_text, as_csv, lambda t: as_markdown("s", "", t), lambda t: as_json("s", t)):
        assert render(tables_of(RECORDS)) == render(tables_of(RECORDS[::-1]))


def test_both_tables_are_shown_and_name_the_worst_attacker():
    text = as_markdown("s", "", tables_of([*RECORDS, record("x", "a", None, status="failed")]))
    attacks, defenses = text.split("## Defenses")
    assert "## v defended by a, 3 % x 15 (500 % of events)\n" in attacks
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in defenses.splitlines()]
    [cells] = [line for line in lines if line[2:3] == ["a"]]
    assert cells == [
        "v",
        "3 % x 15 (500 % of events)",
        "a",
        "random",
        "0.100",
        "0.100",
        "0.010",
        "0.200",
        "3, 1 without result",
    ]
    assert "x on v defended by a: it broke" in attacks
    plain = json.loads(as_json("s", tables_of(RECORDS)))["defenses"][0]
    assert (plain[0]["defense"], plain[0]["worst_attacker"]) == ("a", "random")
    assert plain[0]["left"]["mean"] == pytest.approx(0.1)


def test_rows_that_are_shown_and_not_ranked_are_no_worst_case():
    theirs = {r.id for r in RECORDS if r.cell.attacker.name == "loki"}
    [table] = tables_of(RECORDS, handed_in=theirs)
    cases = {case.defense: case for case in worst_cases(table)}
    assert {name: case.row.attacker for name, case in cases.items()} == dict.fromkeys(
        ("a", "b", "none"), "random"
    )
    assert cases["b"].n_attacks == 1


def test_a_table_that_is_not_ranked_has_no_worst_case():
    newer = [
        with_cell(r, victim={**component("v"), "version": "2.0"})
        if r.cell.attacker.name == "loki"
        else r
        for r in RECORDS
    ]
    [table] = tables_of(newer)
    assert table.not_ranked
    assert worst_cases(table) == ()
