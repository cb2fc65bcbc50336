"""Which leaderboards a site has: those that would write over each other are refused."""

import re

import pytest
from made_up_records import made_up_cell, made_up_result
from written_board import write_board

from loki_bench.errors import StoreError
from loki_bench.plugins.registry import discover
from loki_bench.site.boards import boards_in
from loki_bench.site.build import build_site


def records(*attackers):
    return [
        made_up_result(made_up_cell(attacker, "fpmc", seed=seed), {"display_rate@10": 0.1})
        for attacker in attackers
        for seed in (0, 1)
    ]


@pytest.fixture
def board(tmp_path):
    def written(place, suite, *attackers):
        found = records("none", *(attackers or ("loki",)))
        return write_board(tmp_path / place, suite, found, metrics=["display_rate@10"])

    return written


def both(one, other):
    return f"{re.escape(str(one))} and {re.escape(str(other))} "


def test_two_leaderboards_of_one_name_are_refused_and_both_named(board, tmp_path):
    one, other = board("a/quick", "quick"), board("b/quick", "quick")
    with pytest.raises(StoreError, match=both(one, other) + "would both be .*board-quick.html"):
        build_site([one, other], tmp_path / "site", discover(), say=print)
    assert not (tmp_path / "site").exists()
    with pytest.raises(StoreError, match=both(one, other)):
        boards_in([tmp_path / "a", tmp_path / "b"])
    assert [found.page for found in boards_in([one])] == ["board-quick.html"]


def test_family_and_suite_that_read_as_another_family_and_suite_are_refused(board, tmp_path):
    one, other = board("all/a/b-c", "b-c"), board("all/a-b/c", "c")
    with pytest.raises(StoreError, match=both(one, other) + "would both be .*board-a-b-c.html"):
        boards_in([tmp_path / "all"])


def test_families_of_one_page_are_refused(board, tmp_path):
    one, other = board("all/a b/one", "one"), board("all/a-b/two", "two")
    with pytest.raises(StoreError, match=both(one, other) + "are of the families 'a b' and 'a-b'"):
        boards_in([tmp_path / "all"])


def test_a_site_that_lies_among_the_leaderboards_is_none_of_them(board, tmp_path):
    board("all/quick", "quick")
    for site in ("site", "site", "other"):
        sizes = build_site([tmp_path / "all"], tmp_path / "all" / site, discover(), say=print)
        assert sorted(name for name in sizes if name.startswith("board-")) == ["board-quick.html"]


def test_an_attack_whose_name_reads_as_another_ones_has_a_page_of_its_own(board, tmp_path):
    folder, site = board("quick", "quick", "loki", "loki!"), tmp_path / "site"
    build_site([folder], site, discover(), say=print)
    names = [path.name for path in sorted(site.glob("attack-loki*"))]
    assert len(names) == 2
    titles = [re.search("<h1>(.*?)</h1>", (site / name).read_text("utf-8"))[1] for name in names]
    assert sorted(titles) == ["LOKI", "LOKI!"]
    home = (site / "index.html").read_text("utf-8")
    assert all(f'href="{name}"' in home for name in names)
