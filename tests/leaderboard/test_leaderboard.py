"""A leaderboard prints as the text table, and as Markdown in a notebook."""

import json

from made_up_records import made_up_cell, made_up_record, made_up_result

from loki_bench.leaderboard.leaderboard import Leaderboard
from loki_bench.leaderboard.rendering import as_markdown, as_short_text, as_text
from loki_bench.leaderboard.tabulation import tables_of

RECORD = made_up_result(made_up_cell("covisit", "bprmf"), {"display_rate@10": 0.25})
FAILED = made_up_record(made_up_cell("loki", "bprmf"), "failed", "no idea")
MISSING = made_up_cell("random", "bprmf")
TABLES = tables_of([RECORD, FAILED], [MISSING])
BOARD = Leaderboard(
    name="mine",
    summary="Made up.",
    metrics=("display_rate@10",),
    tables=tuple(TABLES),
    records=(RECORD, FAILED),
    missing=(MISSING,),
)


def test_it_prints_in_the_letters_that_the_terminal_has(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert str(BOARD) == as_short_text(TABLES, 60)
    assert "covisit" in str(BOARD)
    monkeypatch.setenv("COLUMNS", "110")
    assert str(BOARD) == as_short_text(TABLES, 110)


def test_every_column_is_printed_where_that_is_asked_for():
    assert BOARD.as_text(every_column=True) == as_text(TABLES)


def test_a_notebook_shows_the_page_that_is_written():
    assert BOARD._repr_markdown_() == as_markdown("mine", "Made up.", TABLES)


def test_cells_are_counted_by_how_they_ended():
    assert BOARD.status == {"failed": 1, "missing": 1, "ok": 1}


def test_frames_and_json_are_of_the_same_rows():
    assert len(BOARD.frame()) == len(json.loads(BOARD.as_json())["tables"][0]["rows"]) == 3
    assert BOARD.per_seed().value.count() == 1
