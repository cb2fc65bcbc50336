"""`loki-bench report` reads a folder that a run left, and names what is damaged in one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_records import made_up_cell, made_up_record

from loki_bench.cli.report import report
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import write_leaderboard
from loki_bench.records.store import Store

CELL = made_up_cell("loki", "counts")
CELL_ID = CELL.id


@pytest.fixture
def folder(tmp_path):
    record = made_up_record(CELL, "failed", "boom")
    store = Store(tmp_path / "made-up", warn=print)
    store.write_record(record)
    write_leaderboard(
        store, suite="made-up", summary="", metrics=(), records={CELL_ID: record}, missing=[]
    )
    return store.folder


def test_the_page_holds_failed_cells_and_no_path(folder, tmp_path):
    file = tmp_path / "page.html"
    done = CliRunner().invoke(report, [str(folder), "--output", str(file)], standalone_mode=False)
    assert done.exception is None
    text = file.read_text("utf-8")
    block = text.partition('id="data">')[2].partition("</script>")[0]
    cell = json.loads(block)["rows"][0]["cells"][0]
    assert cell[:3] == [CELL_ID[:16], 0, "failed: boom"]
    assert str(Path(tmp_path)) not in text


def test_a_damaged_record_is_named_and_no_page_is_written(folder, tmp_path):
    path = folder / "records" / f"{CELL_ID}.json"
    path.write_bytes(path.read_bytes().replace(b"boom", b"doom"))
    file = tmp_path / "page.html"
    done = CliRunner().invoke(report, [str(folder), "--output", str(file)], standalone_mode=False)
    assert isinstance(done.exception, StoreError)
    assert CELL_ID in str(done.exception)
    assert not file.exists()
