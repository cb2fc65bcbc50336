"""One line a user, pairs, objects, RecBole's sessions, and Parquet; and what looks like another."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# --------------------------------------------------------------------------------- one line a user


@pytest.mark.parametrize("separator", [" ", "\t", "  ", ",", "::", "|"])
def test_one_line_a_user_with_any_separator(load, named, separator):
    lines = ["u1 a b c", "u2 b a", "u3 c a b d"]
    text = "\n".join(line.replace(" ", separator) for line in lines)
    assert named(load(text, "data.txt")) == {
        "u1": ["a", "b", "c"],
        "u2": ["b", "a"],
        "u3": ["c", "a", "b", "d"],
    }


def test_items_with_blanks_are_separated_by_tabs(load, named):
    text = "u1\tNew York\tParis\nu2\tParis\tRome\tNew York\n"
    data = load(text, "data.txt", format="sequences", separator="\t")
    assert named(data)["u1"] == ["New York", "Paris"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2009", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("u1 New_York Rome\nu2\tRome New_York Bonn\n", "data.txt", {}),
        ("u1 New_York\nu1 Rome\nu2 Rome\nu2 New_York\nu2 Bonn\n", "d.txt", {"format": "pairs"}),
        (
            "user_id item_id\nu1 New_York\nu1 Rome\nu2 Rome\nu2 New_York\nu2 Bonn\n",
            "d.txt",
            {"timestamp_column": ""},
        ),
        (
            "user_id:token\titem_id_list:token_seq\titem_id:token\n"
            "u1\tNew_York\tRome\nu2\tRome New_York\tBonn\n",
            "d.inter",
            {},
        ),
    ],
)
def test_a_blank_of_another_kind_is_part_of_a_name(load, named, blank, text, name, parameters):
    city = f"New{blank}York"
    data = load(text.replace("New_York", city), name, **parameters)
    assert named(data) == {"u1": [city, "Rome"], "u2": ["Rome", city, "Bonn"]}


@pytest.mark.parametrize("text", ["u1 a b c\nu2 b a\nu3 c a b d\n", "u1 a\nu1 b\nu2 b\nu2 a\n"])
def test_a_column_of_times_is_refused_where_there_are_no_columns(load, refuse, text):
    load(text, "data.txt", timestamp_column="")
    message = refuse(text, "data.txt", timestamp_column=["day", "hour"])
    assert "timestamp_column names 'day' and 'hour'" in message
    assert "leave timestamp_column out" in message


def test_a_second_list_is_refused(refuse):
    message = refuse("u1 a b c\t1 2 3\nu2 b a\t4 5\n", "data.txt")
    assert "line 1: tabs cut it into 2 fields" in message
    assert refuse("u1\ta b c\t1 2 3\nu2\tb a\t4 5\n", "data.txt")


def test_a_second_list_far_down_is_refused(refuse):
    lines = [f"u{n} a b c" for n in range(500)] + ["v a b\t1 2"]
    assert "line 501: tabs cut it" in refuse("\n".join(lines), "data.txt")


def test_items_and_times_on_two_lines_of_a_user_are_refused(refuse):
    message = refuse("u1 a b c\nu1 11 12 13\nu2 a b\nu2 14 15\n", "data.txt")
    assert "line 2: user 'u1' was on line 1 already" in message
    assert "duplicates" not in message


def test_items_with_a_number_behind_a_colon_are_refused(refuse):
    message = refuse("u1 103:5 108:3 104:1\nu2 103:1 100:2\n", "data.txt")
    assert "line 1: its items read like '103:5'" in message


@pytest.mark.parametrize("text", ["u1 a,b,c\nu2 b,a\nu3 c,a\n", "u1\t['a', 'b']\nu2\t['b']\n"])
def test_lists_in_one_cell_are_refused(refuse, text):
    assert refuse(text, "data.txt")


def test_sorted_items_get_a_note(read):
    lines = [f"{user} {' '.join(str(i) for i in range(user, user + 8))}" for user in range(30)]
    assert any("sorted by their names" in note for note in read("\n".join(lines), "d.txt").notes)


def test_comments_on_top(read, named):
    log = read("# users and items\n% made by hand\nu a b\n", "data.txt")
    assert named(log.interactions) == {"u": ["a", "b"]}
    assert log.left_out == {"comment": 2}
    assert named(read("#1 a b\n#2 b a c\n", "data.txt").interactions)["#1"] == ["a", "b"]


# -------------------------------------------------------------------------------------------- pairs


def test_pairs_need_no_grouping(load, named):
    expected = {"1": ["7", "9"], "2": ["7", "8"]}
    assert named(load("2 7\n1 7\n1 9\n2 8\n", "data.txt")) == expected
    assert named(load("2\t7\n1\t7\n1\t9\n2\t8\n", "data.txt")) == expected
    assert named(load("2,7\n1,7\n1,9\n2,8\n", "data.csv", format="pairs")) == expected


def test_a_line_of_another_kind_among_pairs_is_refused(refuse):
    lines = [f"{user} {item}" for user in range(300) for item in range(2)]
    message = refuse("\n".join([*lines, "7 1 2 3"]), "data.txt")
    assert "line 601: it has 4 cells and the lines before have 2" in message


@pytest.mark.parametrize(
    "text", ["1 2 5\n1 3 1\n2 3 4\n2 2 5\n", "1 2 1\n" * 300 + "1 3 1\n2 3 2\n"]
)
def test_a_third_column_that_is_no_constant_weight_is_refused(refuse, text):
    assert refuse(text, "data.txt")


@pytest.mark.parametrize("parameter", [{"min_rating": 3}, {"where": {"event": "view"}}])
def test_filters_by_column_are_refused_where_there_are_no_columns(load, parameter):
    from loki_bench.errors import DatasetError

    with pytest.raises(DatasetError, match="has none but users and items"):
        load("1 7\n1 9\n2 8\n2 9\n", "data.txt", **parameter)


# ------------------------------------------------------------------------------------------ objects


def test_json_lines_and_literals_and_an_array(load, named):
    lines = [
        '{"user_id": "u", "item_id": 7, "timestamp": 2, "text": "a\\nb"}',
        '{"item_id": 8, "timestamp": 1, "user_id": "u"}',
    ]
    expected = {"u": ["8", "7"]}
    assert named(load("\n".join(lines), "data.json")) == expected
    assert named(load("\n\n".join(lines), "data.txt")) == expected
    assert named(load("[" + ",\n".join(lines) + "]", "data.json")) == expected
    assert named(load("\n".join(line.replace('"', "'") for line in lines), "d.json")) == expected


@pytest.mark.parametrize("key", ["user_id", "timestamp"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_half_a_character_is_named_with_its_line(refuse, key, quote):
    line = '{{"user_id": "u", "item_id": {}, "timestamp": 1}}\n'
    good = "".join(line.format(item) for item in range(2))
    bad = line.format(7).replace(f'"{key}": ', f'"{key}": "\\ud800", "{key}2": ')
    message = refuse((good + bad + good).replace('"', quote), "data.jsonl")
    assert f"line 3: '{key}' holds half of a character ('\\ud800')" in message


def test_a_time_of_too_many_digits_is_named_in_every_form(refuse):
    long = "9" * 5000
    line = '{{"user_id": "u", "item_id": "{}", "timestamp": {}}}\n'
    message = refuse(line.format("a", long) + line.format("b", 1), "data.jsonl")
    assert "line 1: '999" in message
    assert "has 5000 digits" in message
    assert "without a header" in refuse(f"u,a,{long}\nu,b,{long}\n")
    ratings = f"1::7::5::{long}\n1::8::4::{long}\n"
    assert "has 5000 digits" in refuse(ratings.replace(long, f"97830076{long}"[:5000]), "r.dat")


def test_a_missing_key_is_a_missing_id(read, refuse):
    text = (
        '{"user_id": 1, "item_id": 2, "timestamp": 3}\n{"user_id": 1, "timestamp": 4}\n'
        '{"user_id": 1, "item_id": null, "timestamp": 5}\n'
        '{"user_id": 1, "item_id": 3, "timestamp": 6}\n'
    )
    assert "line 2: column 'item_id' is empty" in refuse(text, "data.json")
    assert read(text, "data.json", missing="drop").dropped["no item"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"user": 1, "item_id": 2, "timestamp": 3}\n', "no key 'user_id' (did you mean 'user'?)"),
        (
            '{"user_id": 1, "item_id": 2, "timestamp": 3}\n{"user_id": 1, "item_id": [2, 3]}\n',
            "line 2: 'item_id' holds a list",
        ),
        ('{"user_id": 1, "item_id": 2, "timestamp": 3}\n{"user_id":\n', "line 2: it is no whole"),
        ('{"user_id": 1, "item_id": 2, "timestamp": 3}\n[1]\n', "line 2: it holds a list"),
        ('{\n"user_id": 1,\n"item_id": 2\n}\n', "write one object a line"),
        ('{"target_items": ["i3"], "fake_users": {"f": ["i3"]}}', "it is one JSON object"),
        ("[1, 2]", "element 1: it is a"),
        ("{'user_id': 1, 'item_id': __import__('os'), 'timestamp': 1}\n", "line 1"),
    ],
)
def test_objects_that_are_no_events(refuse, text, message):
    assert message in refuse(text, "data.json")


# ---------------------------------------------------------------------------------- RecBole's files


SESSIONS = "session_id:token\titem_id_list:token_seq\titem_id:token\n"


def test_session_files_are_read_as_their_longest_row(read, named):
    text = SESSIONS + "1\ta b c\td\n1\ta b\tc\n1\ta\tb\n2\tb\ta\n"
    log = read(text, "data.inter", user_column="session_id")
    assert named(log.interactions) == {"1": ["a", "b", "c", "d"], "2": ["b", "a"]}
    assert log.left_out == {"header": 1, "beginning of a longer row": 2}


def test_a_session_row_that_says_something_else_is_refused(refuse):
    text = SESSIONS + "1\ta b c\td\n1\ta x\tc\n"
    message = refuse(text, "data.inter", user_column="session_id")
    assert "line 3: the items of session '1' are not the first ones of line 2" in message


def test_beginnings_under_ids_of_their_own_are_refused(refuse):
    text = SESSIONS + "".join(
        f"{n}\t{' '.join('abcdef'[:n])}\t{'abcdef'[n]}\n" for n in range(1, 6)
    )
    message = refuse(text, "data.inter", user_column="session_id")
    assert "give all rows of a session its id" in message


def test_a_list_column_is_never_an_id(refuse):
    text = "user_id:token\titem_ids:token_seq\ttimestamp:float\nu\ta b\t1\n"
    assert "column 'item_ids' is a list (token_seq)" in refuse(
        text, "data.inter", item_column="item_ids"
    )


def test_a_type_that_recbole_has_not(refuse):
    assert "RecBole's types are" in refuse("user_id:str\titem_id:token\nu\ta\n", "data.inter")


def test_a_typed_header_is_recognised_under_any_name(load, named):
    text = "user_id:token\titem_id:token\ttimestamp:float\nu\ta\t2\nu\tb\t1\n"
    assert named(load(text, "data.txt")) == {"u": ["b", "a"]}


# ------------------------------------------------------------------------------------------ Parquet


def test_a_parquet_file_that_was_cut_short(refuse, tmp_path):
    pq.write_table(pa.table({"user_id": ["u"] * 999}), tmp_path / "x")
    assert "check that it was written whole" in refuse((tmp_path / "x").read_bytes()[:200], "d.csv")


def test_parameters_of_texts_do_not_fit_parquet(refuse, tmp_path):
    table = pa.table({"user_id": ["u", "u"], "item_id": ["a", "b"], "when": [1, 2]})
    pq.write_table(table, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    assert "leave columns" in refuse(content, columns=["a", "b", "c"])
    assert "no column 'timestamp'" in refuse(content)


def test_columns_of_one_name_are_told_apart_by_their_numbers(load, refuse, named, tmp_path):
    table = pa.table([["u", "u"], ["x", "y"], ["a", "b"], [2, 1]], names=["who", "it", "it", "at"])
    pq.write_table(table, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    given = {"user_column": "who", "timestamp_column": "at"}
    assert named(load(content, item_column=2, **given)) == {"u": ["b", "a"]}
    assert named(load(content, item_column=1, **given)) == {"u": ["y", "x"]}
    assert "more than one column 'it'" in refuse(content, item_column="it", **given)


# ------------------------------------------------------------------------------ tables in disguise


def test_numbered_rows_of_a_table_are_no_users(refuse):
    rows = [f"{at} {at // 4 + 500} {at % 7 + 100} {at % 5 + 1}" for at in range(40)]
    assert "without a header" in refuse("\n".join(rows), "data.txt")


def test_users_with_equally_many_items_are_users(load):
    rows = [f"{at} {at % 7 + 100} {(at + 1) % 7 + 100} {(at + 2) % 7 + 100}" for at in range(40)]
    assert load("\n".join(rows), "data.txt").n_events == 120


@pytest.mark.parametrize(
    "text", ["1 7\n1 8\n# more\n2 7\n2 8\n", "1 7 8\n# more to come\n2 8 9 3\n"]
)
def test_a_comment_inside_a_file_is_no_user(refuse, text):
    assert "it begins like a comment" in refuse(text, "data.txt")


IN_ITEMS = ["1 2 3", "2 3 1", "3 1 2 4"]


@pytest.mark.parametrize(
    ("rows", "parameters"),
    [
        (["user_id,items", *(f"{u},{row}" for u, row in enumerate(IN_ITEMS))], {}),
        (["user_id;items", *(f"{u};[{r.replace(' ', ', ')}]" for u, r in enumerate(IN_ITEMS))], {}),
        (
            [f"{u}\t{row.replace(' ', ',')}" for u, row in enumerate(IN_ITEMS)],
            {"columns": ["user_id", "items"]},
        ),
    ],
)
def test_a_column_of_lists_is_no_column_of_items(refuse, rows, parameters):
    message = refuse("\n".join(rows), item_column="items", timestamp_column="", **parameters)
    assert "looks like a list of items, and each user has one row" in message
    assert 'format = "sequences"' in message


def test_titles_of_users_who_have_one_event_are_no_lists(refuse):
    message = refuse("user_id,item_id,timestamp\n1,The Long Goodbye,1\n2,Le petit prince,2\n")
    assert "user '1' has one event only" in message


def test_lists_in_brackets_are_told_how_to_be_written(refuse):
    lines = [f"{user}: [{row.replace(' ', ', ')}]" for user, row in enumerate(IN_ITEMS[:2])]
    message = refuse("\n".join(lines), "data.txt")
    assert "a user with a list of items in brackets" in message
    assert "columns" not in message


@pytest.mark.parametrize(("sign", "written"), [("^", '"^"'), ("\x01", r'"\u0001"')])
def test_an_unusual_separator_is_named_and_then_read(refuse, load, sign, written):
    text = f"user_id{sign}item_id{sign}timestamp\n1{sign}a{sign}5\n1{sign}b{sign}6\n"
    message = refuse(text)
    assert message.endswith(f"pass separator = {written}")
    assert load(text, separator=sign).n_events == 2
