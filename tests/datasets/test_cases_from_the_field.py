"""Files as researchers bring them: each is read to its right sequences, or refused by its kind.

Most of them hold the same events: user u (1 to 12) begins at a place of its own in a round of items
that starts 103, 108, 104, 100, 105, 101, 106.
"""

import json

import pytest

from loki_bench.datasets.own_file import OwnFile
from loki_bench.datasets.summary import describe_file
from loki_bench.errors import DatasetError

COLUMNS = ["user_id", "item_id", "rating", "timestamp"]
FIRST = ["103", "108", "104", "100", "105", "101", "106"]


@pytest.fixture
def of(cases):
    def log(name, **parameters):
        return OwnFile(path=str(cases / name), **parameters).read(cases, download=False)

    return log


@pytest.fixture
def refused(of):
    def message(name, **parameters):
        with pytest.raises(DatasetError) as caught:
            of(name, **parameters)
        return str(caught.value)

    return message


def size(log):
    data = log.interactions
    return data.n_users, data.n_items, data.n_events


def first_user(log):
    data = log.interactions
    return data.user_tokens[0], [data.item_tokens[item] for item in data[0]]


SAME_EVENTS = [
    ("sasrec_pairs.txt", {}, ""),
    ("ratings.dat", {}, ""),
    ("u.data", {"columns": COLUMNS}, ""),
    (
        "gowalla_checkins.txt",
        {"columns": ["user_id", "timestamp", "lat", "lon", "item_id"]},
        "",
    ),
    (
        "events.csv",
        {"user_column": "visitorid", "item_column": "itemid", "where": {"event": ["view"]}},
        "",
    ),
    (
        "review.json",
        {"item_column": "business_id", "timestamp_column": "date"},
        "b",
    ),
    (
        "steam_reviews.json",
        {"user_column": "username", "item_column": "product_id", "timestamp_column": "date"},
        "",
    ),
    ("amazon2023.csv", {"item_column": "parent_asin"}, "B0"),
    ("reviews.csv.gz", {"item_column": "parent_asin"}, "B0"),
    (
        "Ratings_only_2018.csv",
        {"columns": ["item_id", "user_id", "rating", "timestamp"]},
        "B00",
    ),
    ("lastfm.inter", {"item_column": "artist_id", "timestamp_column": ""}, None),
]


@pytest.mark.parametrize(("name", "parameters", "prefix"), SAME_EVENTS, ids=lambda v: str(v)[:25])
def test_the_same_events_are_read_from_every_kind_of_file(of, name, parameters, prefix):
    log = of(name, **parameters)
    assert size(log) == (12, 9, 84)
    if prefix is not None:
        assert first_user(log)[1] == [prefix + item for item in FIRST]


@pytest.mark.parametrize(("name", "parameters", "prefix"), SAME_EVENTS, ids=lambda v: str(v)[:25])
def test_what_is_shown_of_a_file_is_what_is_read_from_it(of, cases, name, parameters, prefix):
    log, shown = of(name, **parameters), describe_file(cases / name, **parameters)
    found = json.loads(shown.as_json())
    assert (found["n_users"], found["n_items"], found["n_events"]) == size(log)
    assert found["fingerprint"] == log.interactions.fingerprint()
    user, items = first_user(log)
    assert found["sequences"][0] == {"user": user, "items": items, "n_items": len(items)}
    assert found["n_read"] - sum(found["dropped"].values()) == found["n_events"]
    assert shown.suite_line in str(shown)


def test_a_stray_quote_in_a_tsv_is_a_character(of):  # case 01
    log = of("titles.tsv", k_core=0)
    assert size(log) == (8, 7, 64)
    assert (log.n_lines, log.left_out) == (65, {"header": 1})


def test_names_in_quotes_keep_them_in_a_tsv(of):  # case 01
    log = of("listens.tsv", k_core=0)
    assert size(log) == (10, 9, 90)
    assert {'"Heroes', '"Low" (live)', '7" Single'} <= set(log.interactions.item_tokens)


@pytest.mark.parametrize("parameters", [{}, {"duplicates": "drop", "k_core": 0}])
def test_checkins_without_a_header_are_no_sequences(refused, parameters):  # case 03
    message = refused("gowalla_checkins.txt", **parameters)
    assert "line 1: it looks like data" in message
    assert "(whole numbers, times, decimals, decimals, whole numbers)" in message
    assert "duplicates" not in message
    assert "k_core" not in message


def test_user_item_and_a_weight_of_one_are_pairs(of):  # case 04
    log = of("arlib_train.txt", k_core=0)
    assert size(log) == (8, 6, 48)
    assert "a user and an item a line" in log.recognised[0]
    assert "no times" in log.notes[0]


@pytest.mark.parametrize("name", ["u.data", "Ratings_only_2018.csv"])
def test_a_first_event_is_never_eaten_as_a_header(refused, name):  # cases 08, 15
    given = {"u.data": ("1", "103", "978302101"), "Ratings_only_2018.csv": ("A001XQ",) * 3}[name]
    assert "without a header" in refused(name)
    message = refused(
        name,
        format="tsv" if name == "u.data" else "csv",
        user_column=given[0],
        item_column=given[1] if name == "u.data" else "B00103",
        timestamp_column="978302101",
    )
    assert "without a header" in message


def test_mixed_units_of_time_are_brought_to_one_with_a_warning(of):  # case 10
    log = of("mixed_units.csv")
    assert first_user(log) == ("u0", [f"i{n}" for n in range(6)])
    assert any("mixes units of time" in note for note in log.notes)
    assert log.times.unit == "milliseconds since 1970"


def test_columns_by_number(of):  # case 13
    by_name = of("small.csv")
    by_number = of("small.csv", user_column=0, item_column=1, timestamp_column=2)
    assert size(by_name) == (60, 30, 600)
    assert by_number.interactions == by_name.interactions
    assert by_number.interactions.item_tokens == by_name.interactions.item_tokens


def test_columns_by_number_of_a_file_without_a_header(of):  # case 13
    log = of("u.data", user_column=0, item_column=1, timestamp_column=3)
    assert size(log) == (12, 9, 84)


def test_semicolons_quotes_and_carriage_returns(of):  # case 14
    log = of(
        "BX-Book-Ratings.csv",
        user_column="User-ID",
        item_column="ISBN",
        timestamp_column="",
        k_core=0,
    )
    assert (log.interactions.n_users, log.interactions.n_events) == (8, 48)
    assert first_user(log) == ("0", [f"0300{n}X" for n in range(6)])


def test_a_minimum_rating_drops_dislikes_and_counts_them(of):  # case 32
    log = of(
        "BX-Book-Ratings.csv",
        user_column="User-ID",
        item_column="ISBN",
        timestamp_column="",
        rating_column="Book-Rating",
        min_rating=1,
        k_core=0,
    )
    assert (log.interactions.n_events, log.dropped["min_rating"]) == (40, 8)


def test_a_parquet_file(of):  # case 17
    log = of("events.parquet")
    assert size(log) == (8, 6, 48)
    assert first_user(log) == ("u0", [f"i{n}" for n in range(6)])


def test_a_parquet_file_is_named_where_another_format_is_asked_for(refused):  # case 17
    assert "it is a Parquet file" in refused("events.parquet", format="csv")


def test_gzip_is_read_whatever_the_format_is_said_to_be(of):  # case 17
    log = of("reviews.csv.gz", item_column="parent_asin", format="csv")
    assert size(log) == (12, 9, 84)
    assert "compressed with gzip" in log.recognised[0]


def test_events_of_several_kinds_say_in_which_column_they_differ(refused):  # case 18
    message = refused("events.csv", user_column="visitorid", item_column="itemid")
    assert "line 4: user '1' and item '103'" in message
    assert "differ in 'event' ('addtocart', 'transaction')" in message
    assert "duplicates" not in message


def test_iso_times(of):  # case 19
    log = of("iso.csv")
    assert size(log) == (8, 6, 48)
    assert first_user(log) == ("u0", [f"i{n}" for n in range(6)])


def test_missing_artists_are_refused_or_dropped_and_the_newest_first_file_is_turned(
    of, refused
):  # case 19
    columns = ["user_id", "timestamp", "item_id", "artist", "track_id", "track"]
    message = refused("lastfm1k.tsv", columns=columns)
    assert "line 3: column 'item_id' is empty; every event needs a value there; 8 rows" in message
    log = of("lastfm1k.tsv", columns=columns, missing="drop")
    assert (log.interactions.n_events, log.dropped["no item"]) == (64, 8)
    # the first lines of user 1 are art-0001, art-0002, -, art-0004, the newest first
    assert first_user(log)[1][-3:] == ["art-0004", "art-0002", "art-0001"]


def test_several_files_are_read_as_one(of, cases, tmp_path):  # case 20
    lines = (cases / "small.csv").read_text().splitlines(keepends=True)
    (tmp_path / "more.csv").write_text("".join([lines[0], *lines[301:]]))
    (tmp_path / "some.csv").write_text("".join(lines[:301]))
    loader = OwnFile(path=[str(tmp_path / "some.csv"), str(tmp_path / "more.csv")])
    assert loader.load(tmp_path, download=False) == of("small.csv").interactions


@pytest.mark.parametrize(
    ("name", "one", "other"), [("space_cells.csv", " i0", "i0"), ("float_ids.csv", "0.0", "0")]
)
def test_one_id_written_in_two_ways_is_refused(refused, name, one, other):  # case 27
    message = refused(name, k_core=0)
    assert f"line 13: item '{one}' differs from '{other}' of line 2 only in" in message


def test_lines_that_end_with_a_carriage_return(of):  # case 28
    log = of("cr_only.txt", k_core=0)
    assert size(log) == (8, 6, 48)
    assert first_user(log) == ("u0", [f"i{n}" for n in range(6)])
    assert log.n_lines == 8


def test_a_history_column_is_ignored(of):  # R1
    assert size(of("amazon2023.csv", item_column="parent_asin")) == (12, 9, 84)


def test_a_recbole_file_without_times_is_refused_by_name(refused):  # R2
    message = refused("lastfm.inter", item_column="artist_id")
    assert "it has no column 'timestamp'" in message
