"""A user's own data: the four formats, and one clear sentence for every kind of bad file."""

import pytest

from loki_bench import builtin
from loki_bench.datasets.own_file import OwnFile
from loki_bench.errors import DatasetError, ParameterError

EXPECTED = {"u1": ["NA", "b"], "u2": ["b", "NA", "b"]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "data.inter",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            "u2\tb\t5\t3\nu1\tNA\t1\t1\nu2\tb\t2\t9\nu1\tb\t1\t2\nu2\tNA\t\t4.5\n",
        ),
        (
            "data.csv",
            "timestamp,item_id,user_id,note\n"
            '3,b,"u2","a, b"\n1,NA,u1,\n9,b,u2,\n2,b,u1,\n4.5,NA,u2,\n',
        ),
        (
            "data.tsv",
            "user_id\titem_id\ttimestamp\nu2\tb\t3\nu1\tNA\t1\nu2\tb\t9\nu1\tb\t2\nu2\tNA\t4.5\n",
        ),
        ("data.txt", "u2 b NA b\nu1\tNA  b\n"),
        ("DATA.TXT", "\r\nu2 b NA b\r\n\r\nu1 NA b\r\n"),
        ("mark.csv", "\ufeffuser_id,item_id,timestamp\nu1,NA,1\nu1,b,2\nu2,b,1\nu2,NA,2\nu2,b,3"),
    ],
)
def test_every_format_reads_the_same_sequences(load, name, text, named):
    assert named(load(text, name)) == EXPECTED


def test_columns_may_have_other_names_and_times_may_be_missing(load, named):
    data = load(
        "who,what\nu2,b\nu1,NA\nu2,NA\nu1,b\nu2,b\n",
        user_column="who",
        item_column="what",
        timestamp_column="",
    )
    assert named(data) == EXPECTED


def test_the_format_may_be_given_against_the_ending(load, named):
    assert named(load("u1 NA b\nu2 b NA b\n", "data.csv", format="sequences")) == EXPECTED


def test_tokens_are_never_read_as_numbers(load, named):
    tokens = ["NA", "None", "007", "7", "1e3", "1.0", "True", "-", "#N/A"]
    text = "user_id,item_id,timestamp\n" + "".join(f"u,{t},{n}\n" for n, t in enumerate(tokens))
    assert named(load(text)) == {"u": tokens}


def test_nanoseconds_keep_their_order(load, named):
    start = 1_700_000_000_000_000_000  # float64 can't tell it from the next hundred
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u,{item},{start + offset}\n" for item, offset in [("c", 3), ("a", 1), ("b", 2)]
    )
    assert named(load(text)) == {"u": ["a", "b", "c"]}


def test_the_default_k_core_is_five(load, tmp_path, named):
    lines = [f"u{u} a b c d e" for u in range(5)] + ["v a b c d f", "w a b"]
    path = tmp_path / "core.txt"
    path.write_text("\n".join(lines))
    data = OwnFile(path=str(path)).load(tmp_path, download=False)
    # f has one event; v then has four of a to d; w has two
    assert named(data) == {f"u{u}": list("abcde") for u in range(5)}


def test_a_quote_in_a_recbole_file_is_part_of_the_name(load, named):
    header = "user_id:token\titem_id:token\ttimestamp:float\n"
    assert named(load(header + 'u\t12"\t1\nu\t"x\t2\n', "q.inter")) == {"u": ['12"', '"x']}


def test_a_relative_path_starts_at_the_working_folder(tmp_path, monkeypatch, named):
    (tmp_path / "mine.txt").write_text("u a b\n")
    monkeypatch.chdir(tmp_path)
    data = OwnFile(path="mine.txt", k_core=0).load(tmp_path / "elsewhere", download=False)
    assert named(data) == {"u": ["a", "b"]}


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
@pytest.mark.parametrize("name", ["data.csv", "data.txt", "data.inter"])
def test_an_empty_file(refuse, text, name):
    assert "is empty" in refuse(text, name)


@pytest.mark.parametrize("name", ["data.csv", "data.inter"])
@pytest.mark.parametrize("end", ["", "\n", "\r", "\n\n  "])
def test_a_header_without_events(refuse, name, end):
    header = "user_id:token\titem_id:token\ttimestamp:float"
    text = header if name.endswith("inter") else "user_id,item_id,timestamp"
    assert "there is no event in it" in refuse(text + end, name)


def test_bytes_that_are_not_utf_8(refuse):
    text = "user_id,item_id,timestamp\nu,a,1\nu,caf\u00e9,2\n".encode("latin-1")
    assert "line 3: byte 0xe9 is not UTF-8" in refuse(text)


def test_a_missing_column(refuse):
    message = refuse("userid,item_id,timestamp\nu,a,1\n")
    assert "no column 'user_id' (did you mean 'userid'?)" in message
    assert "userid, item_id, timestamp" in message
    assert "user_column" in message


def test_a_missing_timestamp_column(refuse):
    assert "timestamp_column" in refuse("user_id,item_id\nu,a\n")


def test_a_column_that_is_there_twice_in_a_recbole_file(refuse):
    header = "user_id:token\tuser_id:float\titem_id:token\ttimestamp:float\n"
    assert "more than one column 'user_id'" in refuse(header + "u\t1\ta\t1\n", "data.inter")


def test_a_recbole_header_without_types(refuse):
    message = refuse("user_id\titem_id\ttimestamp\nu\ta\t1\n", "data.inter")
    assert "line 1: column 'user_id' has no type" in message


@pytest.mark.parametrize("time", ["2020-01-01", "", "nan", "inf", "noon"])
def test_a_time_that_is_no_number(refuse, time):
    message = refuse(f"user_id,item_id,timestamp\nu,a,1\n\nu,b,{time}\nu,c,x\n")
    assert "line 4" in message  # the blank line counts
    assert "'timestamp'" in message


@pytest.mark.parametrize(
    ("row", "column"), [("u,,1", "item_id"), (",a,1", "user_id"), ("u", "item")]
)
def test_a_row_without_a_user_or_an_item(refuse, row, column):
    message = refuse(f"user_id,item_id,timestamp\nu,a,1\n{row}\n")
    assert f"line 3: column '{column}" in message


def test_a_row_with_too_many_cells(refuse):
    assert "line 3, saw 4" in refuse("user_id,item_id,timestamp\nu,a,1\nu,b,2,9\n")


def test_rows_that_all_have_one_cell_more_than_the_header(refuse):
    message = refuse("user_id,item_id,timestamp\n0,u,a,1\n1,u,b,2\n")
    assert "more cells than its header" in message


def test_a_quote_that_is_never_closed(refuse):
    assert "EOF inside string" in refuse('user_id,item_id,timestamp\nu,"a,1\nu,b,2\n')


def test_a_user_with_one_event(refuse, load, named):
    text = "v a b\nu a\n"
    assert "line 2: user 'u' has one event" in refuse(text, "data.txt")
    assert named(load("v a a\nu b\n", "data.txt", k_core=2)) == {"v": ["a", "a"]}


def test_a_line_with_a_user_and_no_item(refuse):
    assert "line 2: user 'u' has no item" in refuse("v a b\nu\n", "data.txt")


def test_a_user_on_two_lines(refuse, load, named):
    text = "u a b\nv a c\nu d e\n"
    assert "line 3: user 'u' was on line 1 already" in refuse(text, "data.txt")
    data = load(text, "data.txt", duplicates="drop")
    assert named(data) == {"u": ["a", "b"], "v": ["a", "c"]}


def test_a_duplicate_event(refuse, load, named):
    text = "user_id,item_id,timestamp\nu,a,1\nu,b,1\nu,a,1\n"
    assert "line 4: user 'u' and item 'a'" in refuse(text)
    assert named(load(text, duplicates="drop")) == {"u": ["a", "b"]}


def test_an_id_past_the_catalogue_and_a_negative_one(refuse, load):
    assert "line 1: item '2'" in refuse("u 1 2\n", "data.txt", n_items=2)
    assert "line 2: item '-1'" in refuse("u 1 0\nv 0 -1\n", "data.txt", n_items=2)
    assert load("u 1 0\n", "data.txt", n_items=2)[0].tolist() == [1, 0]


def test_nothing_left_after_the_k_core(refuse):
    assert "nothing is left" in refuse("u a b\nv c d\n", "data.txt", k_core=5)


def test_a_missing_file(tmp_path):
    with pytest.raises(DatasetError, match=r"dataset 'file': there is no file .*gone\.csv"):
        OwnFile(path=str(tmp_path / "gone.csv")).load(tmp_path, download=False)


def test_a_folder(tmp_path):
    (tmp_path / "data.csv").mkdir()
    with pytest.raises(DatasetError, match=r"data\.csv is a folder"):
        OwnFile(path=str(tmp_path / "data.csv")).load(tmp_path, download=False)


def test_an_ending_that_says_nothing(refuse):
    message = refuse("u a b\n", "data.dat")
    assert "neither its ending nor its one line says what it is; say it with format" in message


# --------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"format": "excel"}, "format is 'excel'; it must be one of auto, inter"),
        ({"duplicates": "keep"}, "duplicates is 'keep'"),
        ({"k_core": -1}, "k_core is -1"),
        ({"n_items": 0}, "n_items is 0"),
        ({"n_items": "many"}, "dataset 'file'"),
        ({"path": 3}, "dataset 'file'"),
        ({"seperator": ","}, "takes no parameter 'seperator'"),
    ],
)
def test_a_bad_parameter_is_refused_when_the_dataset_is_built(parameters, message):
    spec = next(s for s in builtin.loki_bench_datasets() if s.name == "file")
    with pytest.raises(ParameterError, match=message):
        spec.build({"path": "data.csv", **parameters})


def test_the_path_is_asked_for():
    spec = next(s for s in builtin.loki_bench_datasets() if s.name == "file")
    with pytest.raises(ParameterError, match="needs the parameter 'path'"):
        spec.build()
