"""Figures for papers hold what the records hold, and are the same bytes from the same records."""

import re
from xml.etree import ElementTree as ET

import pytest
from made_up_records import component, made_up_cell, made_up_result, with_cell

from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.report.figure_data import learned, length_shares, lines, transfers
from loki_bench.report.figures import figure_files


def record(attacker, victim, value, *, seed=0, share=0.03, actions=15, fake=None, report=None):
    return made_up_result(
        made_up_cell(attacker, victim, seed=seed, share=share, actions=actions),
        {"display_rate@10": value},
        genuine_lengths={3: 6, 20: 2},
        fake_lengths=fake,
        report=report,
    )


def records():
    told = [{"group_sequence": list(s), "learning_curve": {"mean_return": [0.1, 0.4]}} for s in
            ("ab", "aa")]  # fmt: skip
    return [
        *(
            record(a, v, level * share * actions + seed / 100, seed=seed, share=share,
                   actions=actions, fake={actions: 2} if level else {})
            for a, level in (("none", 0), ("random", 0.1), ("covisit", 0.7))
            for v in ("bprmf", "fpmc")
            for share in (0.01, 0.03)
            for actions in (5, 15)
            for seed in (0, 1)
        ),
        *(record("loki", "fpmc", 0.3, seed=s, fake={15: 2}, report=told[s]) for s in (0, 1)),
    ]  # fmt: skip


def test_a_series_is_along_one_axis_at_the_largest_of_the_other():
    [table] = tables_of(records())
    by = {(line.victim, line.attack): line for line in lines(table, "fake_users")}
    line = by["fpmc", "covisit"]
    assert line.x == (1.0, 3.0)  # percent
    # two seeds around 0.7 x share x 15 + 0.005
    assert [y.mean for y in line.y] == pytest.approx([0.11, 0.32])
    assert by["fpmc", "loki"].x == (3.0,)
    actions = {(line.victim, line.attack): line for line in lines(table, "actions")}
    assert actions["bprmf", "random"].x == (5.0, 15.0)
    assert [y.mean for y in actions["bprmf", "random"].y] == pytest.approx([0.02, 0.05])


def test_placebos_and_defended_rows_are_not_drawn():
    told = records()
    told[-2:] = [with_cell(one, placebo=True) for one in told[-2:]]
    defended = with_cell(record("covisit", "bprmf", 0.0), defense=component("drops"))
    [table] = tables_of([*told, defended])
    found = {(line.victim, line.attack, line.y[0].mean) for line in lines(table, "victim")}
    assert {(v, a) for v, a, _ in found} == {
        (v, a) for v in ("bprmf", "fpmc") for a in ("none", "random", "covisit")
    }
    assert learned(told) == []


def test_lengths_are_shares_of_all_users_under_the_largest_budget():
    # three attacks with 2 fake users of 15 events beside 6 + 2 genuine ones: one entry
    [shares] = length_shares(records())
    assert shares.attacks == ("covisit", "loki", "random")
    assert shares.budget == "3 % x 15"
    assert shares.before == {3: 0.75, 20: 0.25}
    assert shares.after == {3: 0.6, 15: 0.2, 20: 0.2}


def test_attacks_with_other_lengths_have_an_entry_of_their_own():
    other = record("long", "fpmc", 0.1, fake={20: 2})
    assert [s.attacks for s in length_shares([*records(), other])] == [
        ("covisit", "loki", "random"),
        ("long",),
    ]


def with_single_surrogates():
    """The attack `loki` with each of two surrogates on each of two victims; one has two budgets."""
    found = []
    for surrogate, victim, value, share in (
        ("bprmf", "bprmf", 0.1, 0.03),
        ("bprmf", "fpmc", 0.2, 0.03),
        ("fpmc", "bprmf", 0.3, 0.01),
        ("fpmc", "bprmf", 0.4, 0.03),
        ("fpmc", "fpmc", 0.5, 0.03),
    ):
        for seed in (0, 1):
            one = record("loki", victim, value + seed / 100, seed=seed, share=share)
            lent = {"recommender": component(surrogate), "weight": 1.0}
            found.append(with_cell(one, simulator="single", surrogates=[lent]))
    return found


def test_a_matrix_has_each_single_surrogate_and_victim_at_the_largest_budget():
    [table] = tables_of([*records(), *with_single_surrogates()])
    [matrix] = transfers(table)
    assert matrix.attacker == "loki"
    assert {at: value.mean for at, value in matrix.values.items()} == pytest.approx(
        {
            ("bprmf", "bprmf"): 0.105,
            ("bprmf", "fpmc"): 0.205,
            ("fpmc", "bprmf"): 0.405,
            ("fpmc", "fpmc"): 0.505,
        }
    )
    drawn = figure_files(with_single_surrogates())["transfer.svg"]
    assert drawn == figure_files(with_single_surrogates()[::-1])["transfer.svg"]


def test_a_matrix_of_zeros_is_drawn():
    zeros = [made_up_result(one.cell, {"hr@10": 0.0}) for one in with_single_surrogates()]
    assert "0.000" in figure_files(zeros)["transfer.svg"].decode()


def test_one_surrogate_is_no_matrix():
    one = [r for r in with_single_surrogates() if r.cell.surrogates[0].recommender.name == "fpmc"]
    [table] = tables_of(one)
    assert transfers(table) == []
    assert not any(name.startswith("transfer") for name in figure_files(one))


def test_what_was_learned_is_told_by_seed():
    [one] = learned(records())
    assert (one.row.attacker, one.row.victim) == ("loki", "fpmc")
    assert one.sequences == {0: ("a", "b"), 1: ("a", "a")}
    assert one.curves == {0: (0.1, 0.4), 1: (0.1, 0.4)}


def test_the_same_records_in_another_order_give_the_same_bytes_without_a_date():
    files = figure_files(records())
    assert files == figure_files(records()[::-1])
    names = {"overall", "budget", "actions", "lengths", "sequences", "learning"}
    assert set(files) == {f"{name}.{kind}" for name in names for kind in ("svg", "pdf")}
    for name, raw in files.items():
        if name.endswith(".svg"):
            assert ET.fromstring(raw).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314
            assert b"<dc:date>" not in raw
        else:
            assert raw.startswith(b"%PDF-")
            assert b"CreationDate" not in raw
        assert not re.search(rb"20[2-9]\d-\d\d-\d\d", raw)


def test_other_values_give_other_bytes():
    told = records()
    report = told[-1].reports.attacker
    told[-1] = record("loki", "fpmc", 0.31, seed=1, fake={15: 2}, report=report)
    files, changed = figure_files(records()), figure_files(told)
    assert files["overall.svg"] != changed["overall.svg"]
    assert files["lengths.svg"] == changed["lengths.svg"]


def test_figures_that_the_records_say_nothing_about_are_left_out():
    assert set(figure_files([record("none", "fpmc", 0.1)])) == set()
    assert figure_files([]) == {}
    two = [record("none", "fpmc", 0.1), record("random", "fpmc", 0.2)]
    assert set(figure_files(two)) == {"overall.svg", "overall.pdf"}


def test_a_name_with_dollar_signs_is_drawn_as_it_is():
    drawn = figure_files([record(component("x", a=r"a$\frac$b"), "bprmf", 0.1),
                          record("none", "bprmf", 0.1)])  # fmt: skip
    assert "overall.svg" in drawn
