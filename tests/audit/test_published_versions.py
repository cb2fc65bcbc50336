"""No published board mixes protocols or versions, and leaderboards/README.md says which it has."""

import gzip
import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
PAGE = LEADERBOARDS / "README.md"
BOARDS = sorted(file.parent for file in LEADERBOARDS.rglob("leaderboard.json"))
WITH_RECORDS = [board for board in BOARDS if (board / "manifest.json").is_file()]
OF_ESTIMATORS = [board for board in WITH_RECORDS if (board / "grid.json").is_file()]
OF_CELLS = [board for board in WITH_RECORDS if board not in OF_ESTIMATORS]


def name_of(board):
    return board.relative_to(LEADERBOARDS).as_posix()


def each(boards):
    return pytest.mark.parametrize("board", [pytest.param(b, id=name_of(b)) for b in boards])


def cells_of(board):
    """The cells of the records that the board's own manifest lists."""
    listed = json.loads((board / "manifest.json").read_text())["files"]
    own, shared = (folder / "records.jsonl.gz" for folder in (board, board.parent))
    pack = own if own.is_file() else shared  # a family's records lie once
    cells = cells_in(pack)
    return [cells[Path(name).stem] for name in listed if name.startswith("records/")]


@cache
def cells_in(pack):
    """The cells of a pack by their ids."""
    with gzip.open(pack, "rt", encoding="utf-8") as lines:
        return {record["id"]: record["content"]["cell"] for record in map(json.loads, lines)}


def versions_in(value):
    """Each distribution named anywhere in a cell, with its version."""
    if isinstance(value, dict):
        if {"distribution", "version"} <= set(value):
            yield value["distribution"], value["version"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from versions_in(part)


def said_of(board):
    """The column "computed by" of the page's line about the board."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| [")]
    found = [
        line.split("|")[3].strip()
        for line in lines
        for link in re.findall(r"\]\((\S+)/leaderboard\.md\)", line.split("|")[1])
        if link == name_of(board)
    ]
    assert len(found) == 1, f"{name_of(board)} has {len(found)} lines in {PAGE.name}"
    return found[0]


@each(OF_CELLS)
def test_a_board_has_one_protocol_and_one_version_of_each_distribution(board):
    cells = cells_of(board)
    assert cells
    versions = defaultdict(set)
    for cell in cells:
        versions["protocol"].add(cell["protocol_version"])
        for distribution, version in versions_in(cell):
            versions[distribution].add(version)
    assert {name: len(found) for name, found in versions.items() if len(found) > 1} == {}
    about = json.loads((board / "leaderboard.json").read_text())["tables"]
    assert [t["about"]["protocol version"] for t in about] == [
        str(*versions["protocol"]) for _ in about
    ]
    assert said_of(board) == str(*versions["loki-bench"]) == str(*versions["loki-bench-recbole"])


@each(OF_ESTIMATORS)
def test_a_board_of_estimators_has_one_version_of_each_distribution(board):
    grid = json.loads((board / "grid.json").read_text())
    versions = defaultdict(set)
    for distribution, version in versions_in(grid):
        versions[distribution].add(version)
    assert {name: len(found) for name, found in versions.items() if len(found) > 1} == {}
    about = json.loads((board / "leaderboard.json").read_text())["tables"]
    assert {t["about"]["fidelity version"] for t in about} == {str(grid["fidelity_version"])}
    assert said_of(board) == str(*versions["loki-bench"]) == str(*versions["loki-bench-recbole"])


@pytest.mark.skipif(not BOARDS, reason="leaderboards are not in this distribution")
def test_the_page_names_no_board_that_is_not_there():
    named = re.findall(r"\]\((\S+)/leaderboard\.md\)", PAGE.read_text("utf-8"))
    assert {LEADERBOARDS / name for name in named} == set(BOARDS)
