"""Files of poison: which column orders the events, and what comments say of targets."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loki_bench.datasets.poison_files import read_poison_file
from loki_bench.datasets.reading import Reading
from loki_bench.errors import DatasetError

EVENTS = [("f", "a", 2), ("f", "b", 1), ("g", "c", 1)]
IN_ORDER = (("b", "a"), ("c",))


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="p.txt", **parameters):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_poison_file(path, Reading(dataset="replay", **parameters))

    return read_text


@pytest.fixture
def refuse(read):
    """The one sentence that refuses a file."""

    def refused(text, name="p.txt", **parameters):
        with pytest.raises(DatasetError) as caught:
            read(text, name, **parameters)
        message = str(caught.value)
        assert name in message
        assert "\n" not in message
        return message

    return refused


def parquet(tmp_path, time):
    users, items, times = zip(*EVENTS, strict=True)
    table = {"user_id": list(users), "item_id": list(items), time: list(times)}
    pq.write_table(pa.table(table), tmp_path / "x")
    return (tmp_path / "x").read_bytes()


def as_npy(matrix):
    out = io.BytesIO()
    np.save(out, np.array(matrix))
    return out.getvalue()


def as_objects(time, quote='"'):
    line = "{{'user_id': '{}', 'item_id': '{}', '{}': {}}}\n"
    return "".join(line.format(u, i, time, t) for u, i, t in EVENTS).replace("'", quote)


def written(form, time, tmp_path):
    """The name and the content of a file of the events, whose times have this name."""
    lines = as_objects(time)
    return {
        "csv": ("p.csv", f"user_id,item_id,{time}\nf,a,2\nf,b,1\ng,c,1\n"),
        "json lines": ("p.jsonl", lines),
        "literals": ("p.jsonl", as_objects(time, "'")),
        "json array": ("p.json", "[" + ",".join(lines.splitlines()) + "]"),
        "parquet": ("p.parquet", parquet(tmp_path, time)),
    }[form]


FORMS = ("csv", "json lines", "literals", "json array", "parquet")


@pytest.mark.parametrize("form", FORMS)
def test_the_column_of_times_orders_the_events_of_every_form(read, tmp_path, form):
    name, content = written(form, "timestamp", tmp_path)
    assert read(content, name).rows == IN_ORDER
    name, content = written(form, "ts", tmp_path)
    assert read(content, name, timestamp_columns=("ts",)).rows == IN_ORDER
    # nobody asked for times, and none is there
    assert read(content, name).rows == (("a", "b"), ("c",))


@pytest.mark.parametrize("form", FORMS)
def test_a_column_of_times_that_was_asked_for_and_is_nowhere_is_refused(refuse, tmp_path, form):
    name, content = written(form, "when", tmp_path)
    message = refuse(content, name, timestamp_columns=("whem",))
    assert "'whem' (did you mean 'when'?)" in message
    assert "timestamp_column" in message


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("f b a\ng c\n", "p.txt"),
        ("f\tb\nf\ta\ng\tc\n", "p.txt"),
        ('{"fake_users": {"f": ["b", "a"], "g": ["c"]}}', "p.json"),
        ('[["b", "a"], ["c"]]', "p.json"),
        (as_npy([[1, 0, 3], [2, 3, 0]]), "p.npy"),
    ],
    ids=["sequences", "pairs", "json", "json list", "npy"],
)
def test_a_column_of_times_is_refused_where_the_form_has_no_columns(read, refuse, content, name):
    assert read(content, name, timestamp_columns=()).rows
    message = refuse(content, name, timestamp_columns=("when",))
    assert "timestamp_column names 'when'" in message
    assert "leave timestamp_column out" in message


def test_a_word_that_is_no_key_is_no_column_of_times(read):
    text = as_objects("note").replace(": 2}", ': "timestamp"}')
    assert read(text, "p.jsonl").rows == (("a", "b"), ("c",))


def test_an_object_without_the_time_that_others_have_is_refused(refuse):
    text = as_objects("timestamp").replace(', "timestamp": 2', "")
    assert "line 1: an empty cell in column 'timestamp'" in refuse(text, "p.jsonl")


def test_a_parquet_file_that_was_cut_short_is_named(refuse, tmp_path):
    message = refuse(parquet(tmp_path, "timestamp")[:200], "p.parquet")
    assert "check that it was written whole" in message


@pytest.mark.parametrize(
    "text",
    [
        '{"fake_users": {"\\ud800": ["a"]}}',
        '{"fake_users": {"f": ["\\ud800"]}}',
        '{"target_items": ["\\ud800"], "fake_users": [["a"]]}',
        '[["\\ud800"]]',
    ],
)
def test_half_a_character_is_no_name(refuse, text):
    assert "is no list of names" in refuse(text, "p.json")


# ----------------------------------------------------------------------------------------- comments


LINES = "f a b\ng c d a\n"


@pytest.mark.parametrize("key", ["target_items", "targets"])
def test_comments_on_top_say_what_the_poison_is_for(read, key):
    found = read(f'#{key} :["a", 7]\n\n# made by hand\n# target_users: ["u"]\n{LINES}')
    assert (found.targets, found.target_users) == (("a", "7"), ("u",))


@pytest.mark.parametrize(
    "comment",
    [
        '# target_items: ["a"',
        "# target_items: a",
        "# target_items:",
        '# targets: ["a"],,',
        '#target_users: {"a": 1}',
        "# targets: [true]",
        "# targets: [1.5]",
        "# targets: " + "[" * 9999,
    ],
)
def test_a_comment_about_targets_that_holds_no_list_is_never_ignored(refuse, comment):
    message = refuse(f"# made by hand\n{comment}\n{LINES}")
    key = comment.strip("# ").partition(":")[0]
    assert f"line 2: its comment '{key}' holds no list of names in JSON" in message


@pytest.mark.parametrize(
    ("first", "second"),
    [("target_items", "target_items"), ("targets", "target_items"), ("target_users",) * 2],
)
def test_targets_that_are_said_twice_are_refused(refuse, first, second):
    message = refuse(f'# {first}: ["a"]\n# {second}: ["a"]\n{LINES}')
    assert "line 2: a comment above it says its target_" in message


def test_other_comments_and_users_with_such_names_are_left_alone(read):
    assert read(f"# target items: some\n# my targets: a\n{LINES}").targets == ()
    assert read("#targets: a b\n#7 c d a\n").users == ("#targets:", "#7")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"fake_users": {"f": ["b", "a"', "column 31: expecting ',' delimiter"),
        ('{"fake_users": [["b", "a"],]}', "column 28: "),
        ('{\n "target_items": ["b"],\n "fake_users": [["b"', "line 3, column 21: "),
        ('{"fake_users": [["b"]]}\n{"fake_users": [["a"]]}', "line 2, column 1: extra data"),
        ("{'fake_users': [['b', 'a']]}", "column 2: "),
        ('[["b", "a"], ["c"', "column 18: "),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"fake_users": [["\u00e9"]]}'.encode("latin-1"), "it is not written in UTF-8"),
    ],
    ids=["cut", "comma", "cut lines", "two", "quotes", "cut list", "nested", "latin-1"],
)
def test_json_of_fake_users_that_is_not_whole_is_told_from_objects_on_lines(refuse, text, why):
    said = refuse(text, "p.json")
    assert f"it is no whole JSON ({why}" in said
    assert "check that it was written whole" in said
    assert "a line" not in said


def test_events_on_lines_may_begin_with_a_key_that_poison_has(read, refuse):
    lines = '{"targets": 1, "user_id": "f", "item_id": "a"}\n' * 2
    assert read(lines, "p.jsonl").rows == (("a", "a"),)
    said = refuse(lines + '{"targets": 1, "user_id', "p.jsonl")
    assert "line 3: it is no whole JSON object (column 16: unterminated string" in said


@pytest.mark.parametrize("text", ["{}", "[]"])
def test_json_without_anything_in_it_says_what_is_expected(refuse, text):
    assert 'there is no fake user in it; expected {"target_items"' in refuse(text, "p.json")
