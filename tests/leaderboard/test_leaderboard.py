"""A leaderboard prints as the text table, and as Markdown in a notebook."""

import json

from made_up_cells import component, made_up_cell

from loki_bench.leaderboard.leaderboard import Leaderboard
from loki_bench.leaderboard.rendering import as_markdown, as_text
from loki_bench.leaderboard.table import tables_of

RECORD = {
    "id": "a" * 64,
    "cell": made_up_cell(component("covisit"), "bprmf"),
    "status": "ok",
    "reason": "",
    "metrics": {"display_rate@10": 0.25},
    "canary": {"training_samples_from_fake_users": 9},
}
FAILED = {
    "id": "b" * 64,
    "cell": made_up_cell(component("loki"), "bprmf"),
    "status": "failed",
    "reason": "no idea",
}
MISSING = made_up_cell(component("random"), "bprmf")
TABLES = tables_of([RECORD, FAILED], [MISSING])
BOARD = Leaderboard(
    name="mine",
    summary="Made up.",
    metrics=("display_rate@10",),
    tables=tuple(TABLES),
    records=(RECORD, FAILED),
    missing=(MISSING,),
)


def test_it_prints_as_the_table_of_the_command_line():
    assert str(BOARD) == as_text(TABLES)
    assert "covisit" in str(BOARD)


def test_a_notebook_shows_the_page_that_is_written():
    assert BOARD._repr_markdown_() == as_markdown("mine", "Made up.", TABLES)


def test_cells_are_counted_by_how_they_ended():
    assert BOARD.status == {"failed": 1, "missing": 1, "ok": 1}


def test_frames_and_json_are_of_the_same_rows():
    assert len(BOARD.frame()) == len(json.loads(BOARD.as_json())["tables"][0]["rows"]) == 3
    assert BOARD.per_seed().value.count() == 1
