"""Filters, each drop counted; splits that come as files; names that the k-core dropped."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loki_bench.datasets.own_file import OwnFile
from loki_bench.errors import DatasetError

TEXT = (
    "user_id,item_id,timestamp,rating,event\n"
    "u,a,1,5,view\nu,b,2,1,view\nu,a,3,4,cart\nu,c,4,3,view\n"
    "v,a,1,2,view\nv,b,2,5,view\nv,b,3,4,cart\n"
)


def test_where_keeps_rows_by_their_values(read, named):
    log = read(TEXT, where={"event": ["view"]})
    assert named(log.interactions) == {"u": ["a", "b", "c"], "v": ["a", "b"]}
    assert log.dropped["where event"] == 2
    both = read(TEXT, where={"event": ["view", "cart"], "rating": [5, 4]})
    assert named(both.interactions) == {"u": ["a", "a"], "v": ["b", "b"]}
    assert (both.dropped["where rating"], both.interactions.n_events) == (3, 4)


@pytest.mark.parametrize("words", [("true", "false"), ("True", "False"), ("TRUE", "false")])
def test_where_takes_truth_values_however_they_are_written(read, refuse, named, words):
    text = TEXT.replace("view", words[0]).replace("cart", words[1])
    log = read(text, where={"event": True})
    assert named(log.interactions) == {"u": ["a", "b", "c"], "v": ["a", "b"]}
    assert read(text, where={"event": ["true"]}).interactions.n_events == 5
    assert read(text, where={"event": [True, False]}).interactions.n_events == 7
    message = refuse(TEXT, where={"event": True})
    assert "column 'event' has no 'true'" in message
    assert "it has 'view', 'cart'" in message


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_where_takes_truth_values_of_typed_files(load, tmp_path, form):
    table = pa.table(
        {"user_id": ["u", "u", "u"], "item_id": ["a", "b", "c"], "ok": [True, False, True]}
    )
    if form == "parquet":
        pq.write_table(table, tmp_path / "x")
        content = (tmp_path / "x").read_bytes()
    else:
        content = "\n".join(json.dumps(row) for row in table.to_pylist()).encode()
    assert load(content, f"d.{form}", where={"ok": True}, timestamp_column="").n_events == 2


def test_a_value_or_a_column_that_is_not_there_is_refused(refuse):
    message = refuse(TEXT, where={"event": ["veiw"]})
    assert "column 'event' has no 'veiw' (did you mean 'view'?); it has 'view', 'cart'" in message
    assert "no column 'kind'" in refuse(TEXT, where={"kind": ["view"]})


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (pa.array([["x"], ["y"]]), "of the type list"),
        (pa.array([b"\xff", b"y"]), "of the type binary"),
        (pa.array([{"a": 1}, {"a": 2}]), "of the type struct"),
    ],
)
def test_values_that_are_no_words_can_not_be_chosen_by(refuse, tmp_path, kinds, said):
    table = {"user_id": ["u", "u"], "item_id": ["a", "b"], "timestamp": [1, 2], "kind": kinds}
    pq.write_table(pa.table(table), tmp_path / "x")
    message = refuse((tmp_path / "x").read_bytes(), "d.parquet", where={"kind": "x"})
    assert f"column 'kind' holds values {said}" in message


def test_a_minimum_rating(read, refuse, named):
    log = read(TEXT, min_rating=3)
    assert named(log.interactions) == {"u": ["a", "a", "c"], "v": ["b", "b"]}
    assert log.dropped["min_rating"] == 2
    assert "line 3: 'x' in column 'rating' is no rating" in refuse(
        TEXT.replace("u,b,2,1", "u,b,2,x"), min_rating=3
    )
    assert "no event is left of 7 rows (min_rating: 7)" in refuse(TEXT, min_rating=6)


def test_rows_that_a_filter_drops_may_hold_anything(read):
    text = TEXT.replace("u,a,3,4,cart", ",nan,never,,cart")
    log = read(text, where={"event": "view"})
    assert log.interactions.n_events == 5


def test_later_repeats_can_be_dropped(read, named):
    log = read(TEXT, repeats="drop-later")
    assert named(log.interactions) == {"u": ["a", "b", "c"], "v": ["a", "b"]}
    assert log.dropped["later repeat"] == 2
    assert log.times.values.tolist() == [1, 2, 4, 1, 2]


def test_filters_are_counted_in_their_order(read, named):
    log = read(TEXT, where={"event": "view"}, repeats="drop-later", last_events=2, k_core=1)
    # views: u a b c, v a b; the last two of each: u b c, v a b
    assert named(log.interactions) == {"u": ["b", "c"], "v": ["a", "b"]}
    counts = {reason: count for reason, count in log.dropped.items() if count}
    assert counts == {"where event": 2, "last_events": 1}


@pytest.mark.parametrize("k_core", [2, 3])
def test_what_the_k_core_drops_is_known_by_name(read, k_core):
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u{u},{item},{at}\n" for u in range(3) for at, item in enumerate("abc")
    )
    log = read(text + "u0,rare,7\nw,a,1\n", k_core=k_core)
    assert dict(log.dropped_items) == {"rare": 1}
    assert dict(log.dropped_users) == {"w": 1}
    assert log.dropped["k_core"] == 2
    assert (log.n_users_read, log.n_items_read) == (4, 4)
    assert "rare" in log.dropped_items
    assert "a" not in log.dropped_items


def test_ties_are_counted(read):
    text = "user_id,item_id,timestamp\nu,a,1\nu,b,1\nu,c,1\nv,a,1\nv,b,2\n"
    assert read(text).n_ties == 2


def test_dropped_duplicates_are_counted(read):
    text = "user_id,item_id,timestamp\nu,a,1\nu,b,1\nu,a,1\nu,a,1\n"
    log = read(text, duplicates="drop")
    assert (log.dropped["duplicate"], log.interactions.n_events) == (2, 2)
    log = read("u a b\nv b a\nu c\n", "data.txt", duplicates="drop")
    assert log.dropped["second line of a user"] == 1
    assert log.n_read == log.interactions.n_events + 1


# ------------------------------------------------------------------------------- splits as files


@pytest.fixture
def split(tmp_path):
    def read(train, test, validation=None, **parameters):
        paths = {}
        for key, text in (("path", train), ("validation_path", validation), ("test_path", test)):
            if text is not None:
                paths[key] = str(tmp_path / f"{key}.csv")
                (tmp_path / f"{key}.csv").write_text("user_id,item_id,timestamp\n" + text)
        return OwnFile(k_core=0, **paths, **parameters).read(tmp_path, download=False)

    return read


def test_parts_follow_each_other_whatever_their_times(split, named):
    log = split("u,a,5\nu,b,4\nv,a,1\n", "v,b,9\nu,d,1\n", "u,c,2\n")
    assert named(log.interactions) == {"u": ["b", "a", "c", "d"], "v": ["a", "b"]}
    assert log.parts.tolist() == [0, 0, 1, 2, 0, 2]
    assert log.times.values.tolist() == [4, 5, 2, 1, 1, 9]
    assert any("2 of the users' parts begin before" in note for note in log.notes)


def test_a_split_by_time_gets_no_note(split):
    log = split("u,a,5\nu,b,4\nv,a,1\n", "v,b,9\nu,d,6\n")
    assert log.parts.tolist() == [0, 0, 2, 0, 2]
    assert not log.notes


def test_an_event_in_two_parts_is_a_duplicate_of_both_files(split):
    with pytest.raises(DatasetError, match=r"line 2 of test_path\.csv.*\(line 3 of path\.csv\)"):
        split("u,a,5\nu,b,4\n", "u,b,4\n")


def test_a_single_file_has_no_parts(read):
    assert read(TEXT).parts is None


def test_files_that_write_times_in_two_ways_can_not_be_joined(split):
    with pytest.raises(DatasetError, match="can't be compared"):
        split("u,a,5\nu,b,4\n", "u,c,2009-05-04\n")
