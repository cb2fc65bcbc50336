"""What `datasets show` prints: hand-computed numbers, and a suite line that reads the same."""

import json
import re
import sys
from pathlib import Path

import pytest

from loki_bench.datasets.own_file import OwnFile
from loki_bench.datasets.summary import describe_file, suite_line
from loki_bench.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = (
    "user_id,item_id,timestamp,event\n"
    "u,a,978302101,view\nu,b,978302101,view\nu,a,978302103,view\nu,c,978302104,cart\n"
    "v,b,978302102,view\nv,a,978302109,view\nw,a,978302100,view\n"
)


@pytest.fixture
def path(tmp_path):
    (tmp_path / 'my "data".csv').write_text(TEXT)
    return tmp_path / 'my "data".csv'


def test_the_numbers_of_a_small_file(path):
    shown = describe_file(path, where={"event": ["view"]}, k_core=2)
    assert (shown.n_lines, shown.left_out, shown.n_read) == (8, {"header": 1}, 7)
    # w has one event, then there are u: a b a, v: b a
    assert shown.dropped == {"where event": 1, "k_core": 1}
    assert (shown.n_users_read, shown.n_items_read) == (3, 2)
    assert (shown.n_users, shown.n_items, shown.n_events) == (2, 2, 5)
    assert (shown.n_ties, shown.n_repeats) == (1, 1)
    assert shown.lengths == {"shortest": 2, "median": 2.5, "mean": 2.5, "longest": 3}
    assert shown.popularity["share of the most popular item"] == 0.6
    assert shown.most_popular == {"a": 3, "b": 2}
    assert shown.time_span == ("2000-12-31 22:35:01 UTC", "2000-12-31 22:35:09 UTC")
    assert [s.items for s in shown.sequences] == [("a", "b", "a"), ("b", "a")]
    assert [s.user for s in shown.sequences] == ["u", "v"]


def test_the_suite_line_reads_the_same(path):
    given = {"where": {"event": ["view"]}, "k_core": 2}
    shown = describe_file(path, **given)
    line = tomllib.loads(shown.suite_line)["dataset"]
    assert line == {"name": "file", "parameters": {"path": str(path), **given}}
    data = OwnFile(**line["parameters"]).load(path.parent, download=False)
    assert data.fingerprint() == shown.fingerprint


def test_all_of_it_is_json_and_text(path):
    shown = describe_file(path, k_core=2)
    assert json.loads(shown.as_json())["n_users"] == 2
    text = str(shown)
    assert "a table, separated by commas, with a header" in text
    assert "8 lines, 1 of them no event (header: 1)" in text
    assert "user u: a -> b -> a" in text


@pytest.mark.parametrize(
    "parameters",
    [{"path": "a\\b\x7f\u00e9.csv"}, {"where": {"odd key": [1, 2]}}, {"k_core": 0, "header": True}],
)
def test_suite_lines_are_toml(parameters):
    assert tomllib.loads(suite_line("file", parameters))["dataset"]["parameters"] == parameters


def test_a_suite_line_without_parameters():
    assert tomllib.loads(suite_line("ml-100k", {})) == {"dataset": "ml-100k"}


CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
@pytest.mark.parametrize("given", [{}, {"timestamp_column": "", "k_core": 2}], ids=["", "set"])
def test_of_every_case_what_is_shown_is_what_is_read_or_both_refuse_it(case, given):
    try:
        log = OwnFile(path=str(case), **given).read(case.parent, download=False)
    except UsageError as error:
        with pytest.raises(UsageError, match=re.escape(str(error))):
            describe_file(case, **given)
        return
    shown, data = describe_file(case, **given), log.interactions
    assert (shown.n_users, shown.n_items, shown.n_events) == (
        data.n_users,
        data.n_items,
        data.n_events,
    )
    assert (shown.fingerprint, shown.notes) == (data.fingerprint(), log.notes)
    line = tomllib.loads(shown.suite_line)["dataset"]
    again = OwnFile(**line["parameters"]).load(case.parent, download=False)
    assert again.fingerprint() == data.fingerprint()
