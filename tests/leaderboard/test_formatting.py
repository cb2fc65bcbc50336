"""Names in tables are names: no row, tag, link, formula or control character of their own."""

import csv
import io

import pytest
from made_up_records import made_up_cell, made_up_result

from loki_bench.leaderboard.formatting import csv_cell, escape_markdown, one_line
from loki_bench.leaderboard.rendering import as_csv, as_markdown, as_text
from loki_bench.leaderboard.tabulation import tables_of


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("x |\n| 1 | fake winner |", r"x \| \| 1 \| fake winner \|"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("[click](javascript:x)", r"\[click\](javascript:x)"),
        ("**bold** `code` ~~gone~~", r"\*\*bold\*\* \`code\` \~\~gone\~\~"),
        ("_emphasis_", r"\_emphasis\_"),
        (r"a$\frac$b", r"a\$\\frac\$b"),
        ("&lt;", "&amp;lt;"),
        ("# a heading", r"\# a heading"),
        ("- an item", r"\- an item"),
        ("1. an item", r"1\. an item"),
        ("see https://x.org/a", r"see https\://x.org/a"),
        ("FTP://x.org", r"FTP\://x.org"),
        ("see www.x.org", r"see www\.x.org"),
        ("a\u202eb\x1b[31m\ud800", r"a b \[31m "),
    ],
)
def test_syntax_is_escaped(name, written):
    assert escape_markdown(name) == written


@pytest.mark.parametrize(
    "name",
    ["gru4rec(loss=BPR)", "display_rate@10", "loki(policy=dqn), placebo", "-", "single: bprmf †"],
)
def test_ordinary_names_stay_as_they_are(name):
    assert escape_markdown(name) == one_line(name) == csv_cell(name) == name


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_no_formula(name):
    assert csv_cell(name) == f"'{name}"


def record(attacker):
    cell = made_up_cell(attacker, "bprmf")
    return made_up_result(cell, {"hr@10": 0.5, "display_rate@10": 0.1})


def test_a_name_writes_no_row_of_its_own():
    plain = tables_of([record("none"), record("x")])
    nasty = tables_of([record("none"), record("=x |\n| 1 | fake winner | <img>")])
    written = as_markdown("s", "", nasty)
    assert written.count("\n") == as_markdown("s", "", plain).count("\n")
    assert "<img>" not in written
    assert as_text(nasty).count("\n") == as_text(plain).count("\n")
    rows = list(csv.DictReader(io.StringIO(as_csv(nasty))))
    assert {row["attacker"] for row in rows} == {"none", "'=x |\n| 1 | fake winner | <img>"}
    assert {float(row["mean"]) for row in rows} == {0.5, 0.1}
