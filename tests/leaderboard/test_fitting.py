"""Columns are put into the letters that a line has; lines are written out by hand."""

import pytest

from loki_bench.leaderboard.fitting import Column, fitted, grid_of, interval_column
from loki_bench.leaderboard.intervals import Interval

COLUMNS = (
    Column(head="attack", cells=["loki", "covisit"]),
    Column(head="rate", cells=["0.400", "0.300"]),
    Column(head="gain", cells=["+0.300 ± 0.1", "-"], short=["+0.300", "-"]),
    Column(head="rank", cells=["1", "2"]),
)


def test_columns_stand_below_their_heads():
    text, left_out = fitted(COLUMNS, 34)
    assert text.splitlines() == [
        "attack   rate   gain          rank",
        "-------  -----  ------------  ----",
        "loki     0.400  +0.300 ± 0.1  1",
        "covisit  0.300  -             2",
    ]
    assert left_out == []


def test_short_cells_are_taken_where_the_long_ones_do_not_fit():
    text, left_out = fitted(COLUMNS, 33)
    assert text.splitlines()[2] == "loki     0.400  +0.300  1"
    assert left_out == []


def test_the_last_columns_are_left_out_and_named_where_nothing_else_helps():
    text, left_out = fitted(COLUMNS, 20)
    assert text.splitlines()[2] == "loki     0.400"
    assert left_out == ["gain", "rank"]


def test_a_long_name_loses_its_middle_and_keeps_both_ends():
    columns = [
        Column(head="attack", cells=["loki(policy=random) (single: bprmf)"]),
        Column(head="rate", cells=["0.400"]),
    ]
    text, left_out = fitted(columns, 20)  # 13 letters for the name: 6, the dots, 6
    assert text.splitlines()[-1] == "loki(p…bprmf)  0.400"
    assert left_out == []


def named(names):
    return [
        Column(head="attack", cells=names),
        Column(head="rate", cells=["0.4"] * len(names)),
        Column(head="rank", cells=["1"] * len(names)),
    ]


def names_in(text):
    return [line.partition("  ")[0] for line in text.splitlines()[2:]]


def test_names_that_end_alike_keep_more_of_their_beginning():
    names = [*(f"loki(policy=random, {key}=1) (leave-one-out)" for key in "ab"), "loki"]
    text, left_out = fitted(named(names), 38)  # 26 letters for the names
    assert names_in(text) == ["loki(policy=random, a…out)", "loki(policy=random, b…out)", "loki"]
    assert left_out == []


def test_columns_are_left_out_before_names_can_not_be_told_apart():
    names = [f"{'a' * 30}{letter}{'z' * 30}" for letter in "bc"]
    text, left_out = fitted(named(names), 40)  # with all three, 28 letters for the names
    assert names_in(text) == [f"{'a' * 30}b…", f"{'a' * 30}c…"]
    assert left_out == ["rank"]


def test_names_that_no_cut_tells_apart_keep_both_ends():
    names = [f"{'a' * 50}{letter}{'z' * 50}" for letter in "bc"]
    text, left_out = fitted(named(names), 40)
    assert names_in(text) == [f"{'a' * 14}…{'z' * 13}"] * 2
    assert left_out == []


@pytest.mark.parametrize("width", range(20, 60))
def test_no_line_is_longer_than_the_width(width):
    columns = [Column(head="attack", cells=["a" * 50, "b"]), *COLUMNS[1:]]
    text, _ = fitted(columns, width)
    assert max(map(len, text.splitlines())) <= width


def columns_of(heads, rows):
    return [
        Column(head=head, cells=cells)
        for head, cells in zip(heads, zip(*rows, strict=True), strict=True)
    ]


def test_a_column_that_says_one_thing_in_every_row_is_left_out_of_rows():
    columns = columns_of(["victim", "attack", "rate"], [("v", "a", "1"), ("v", "b", "2")])
    text, lacking = grid_of(columns, "simple", 80)
    assert text.splitlines() == ["attack  rate", "------  ----", "a       1", "b       2"]
    assert lacking == ""
    one, _ = grid_of(columns_of(["victim", "rate"], [("v", "1")]), "simple", 80)
    assert one.splitlines() == ["victim  rate", "------  ----", "v       1"]


def test_a_grid_without_a_width_has_every_column():
    columns = columns_of(["victim", "attack"], [("v", "a"), ("v", "b")])
    text, lacking = grid_of(columns, "github", None)
    assert text.splitlines()[2:] == ["| v        | a        |", "| v        | b        |"]
    assert lacking == ""


def test_an_interval_is_its_mean_where_the_width_asks_for_it():
    rate = interval_column("rate", [Interval(0.3, 0.25, 0.35, 3), None])
    columns = [Column(head="attack", cells=["a", "b"]), rate]
    assert grid_of(columns, "simple", 80)[0].splitlines()[2:] == [
        "a       0.300 ± 0.050",
        "b       -",
    ]
    assert grid_of(columns, "simple", 20)[0].splitlines()[2:] == ["a       0.300", "b       -"]
