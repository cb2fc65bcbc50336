"""Tables of text: separators, quotes, headers, and lines that don't fit."""

import gzip
import io
import tarfile
import zipfile

import pytest

HEADER = "user_id,item_id,timestamp\n"
EVENTS = {"u": ["a", "b"], "v": ["b", "c"]}
ROWS = [("u", "b", "2"), ("v", "b", "5"), ("u", "a", "1"), ("v", "c", "6")]


def table(separator, *, header=True, end="\n"):
    rows = [("user_id", "item_id", "timestamp"), *ROWS] if header else ROWS
    return end.join(separator.join(row) for row in rows) + end


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", " ", "   "])
@pytest.mark.parametrize("name", ["data.csv", "data.txt", "data.dat", "data"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_separator_with_a_header(load, named, separator, name, end):
    assert named(load(table(separator, end=end), name)) == EVENTS


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", " ", "  "])
@pytest.mark.parametrize("name", ["data.csv", "data.txt"])
def test_any_separator_without_a_header(load, refuse, named, separator, name):
    text = table(separator, header=False)
    columns = ["user_id", "item_id", "timestamp"]
    assert named(load(text, name, columns=columns)) == EVENTS
    assert named(load(text, name, user_column=0, item_column=1, timestamp_column=2)) == EVENTS
    assert "columns = [" in refuse(text, name)


def test_an_unusual_separator_is_given(load, named):
    assert named(load(table("~"), separator="~")) == EVENTS
    assert named(load(table("<>"), separator="<>")) == EVENTS


def test_columns_that_are_the_header_are_read_as_a_header(load, named):
    assert named(load(table(","), columns=["user_id", "item_id", "timestamp"])) == EVENTS


def test_columns_for_a_file_with_another_header_are_refused(refuse):
    message = refuse("a,b,c\nu,x,1\nv,y,2\n", columns=["user_id", "item_id", "timestamp"])
    assert "line 1: it looks like a header (a, b, c)" in message


def test_more_columns_than_are_named(refuse):
    message = refuse("u,x,1,5\nv,y,2,4\n", columns=["user_id", "item_id", "timestamp"])
    assert "4 cells (u, x, 1, 5), and columns names 3" in message


def test_whether_words_are_a_header_is_asked_where_columns_have_numbers(load, refuse, named):
    text = "x,y\nu,a\nu,b\n"
    given = {"user_column": 0, "item_column": 1, "timestamp_column": ""}
    assert "header = true or header = false" in refuse(text, **given)
    assert named(load(text, header=True, **given)) == {"u": ["a", "b"]}
    assert named(load("u,c\nu,a\nu,b\n", header=False, **given)) == {"u": ["c", "a", "b"]}


def test_a_number_past_the_last_column(refuse):
    assert "3 columns, numbered from 0, and item_column is 3" in refuse(
        table(","), user_column=0, item_column=3, timestamp_column=2
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_names_the_encoding(load, named, encoding):
    assert named(load(table(",").replace(",a,", ",\u00e9,").encode(encoding))) == {
        "u": ["\u00e9", "b"],
        "v": ["b", "c"],
    }


def test_an_encoding_that_is_named(load, refuse, named):
    text = table(",").replace(",a,", ",\u00e9,").encode("latin-1")
    assert named(load(text, encoding="latin-1"))["u"] == ["\u00e9", "b"]
    assert "line 4: byte 0xe9 is not UTF-8" in refuse(text)
    assert "looks like UTF-16 without a byte order mark" in refuse(table(",").encode("utf-16-le"))
    assert named(load(table(",").encode("utf-16-le"), encoding="utf-16-le")) == EVENTS


def test_a_column_that_is_not_read_may_hold_any_bytes(load, named):
    text = b"user_id,item_id,timestamp,title\nu,a,1,caf\xe9\nu,b,2,x\n"
    assert named(load(text)) == {"u": ["a", "b"]}


# ------------------------------------------------------------------------------------------ quotes


def test_quoted_cells_hold_separators_quotes_and_line_breaks(read, named):
    text = HEADER + 'u,"a, ""x""",1\nu,"b\nc",2\nv,a,3\nv,d,4\n'
    log = read(text)
    assert named(log.interactions) == {"u": ['a, "x"', "b\nc"], "v": ["a", "d"]}
    assert (log.n_lines, log.left_out) == (6, {"header": 1, "continued in quotes": 1})


def test_a_quote_over_lines_that_read_like_rows_is_refused(refuse):
    text = HEADER.replace("\n", ",title\n") + 'u,a,1,"x\nu,b,2,y\nv,a,3,z"\nv,b,4,"q, r"\n'
    message = refuse(text)
    assert "line 2: a quote opens a cell ('x') that goes on to line 4" in message


def test_a_cell_that_is_quoted_on_some_lines_only_is_the_same_name(load, named):
    assert named(load(HEADER + 'u,"a",1\nu,b,2\nv,a,1\nv,"b",2\n')) == {
        "u": ["a", "b"],
        "v": ["a", "b"],
    }


def test_times_and_headers_may_be_quoted(load, named):
    quoted = '"user_id","item_id","timestamp"\n' + "".join(
        ",".join(f'"{cell}"' for cell in row) + "\n" for row in ROWS
    )
    assert named(load(quoted)) == EVENTS
    assert named(load(quoted.replace(",", "\t"), "data.tsv")) == EVENTS


# ------------------------------------------------------------------------------- lines and comments


def test_lines_are_events_or_counted(read):
    text = "# made by hand\n# in two parts\n\n" + HEADER + "u,a,1\n\nu,b,2\n   \n,,\nv,a,1\nv,b,2\n"
    log = read(text)
    assert log.n_lines == 11
    assert log.left_out == {"comment": 2, "header": 1, "blank": 3}
    assert log.dropped["empty row"] == 1
    assert log.n_lines == sum(log.left_out.values()) + log.n_read
    assert log.n_read == log.interactions.n_events + sum(log.dropped.values())


def test_the_header_of_a_second_file_is_named_with_its_line(refuse):
    assert "line 4" in refuse(HEADER + "u,a,1\nu,b,2\n" + HEADER + "u,c,3\n")
    text = "user_id,item_id\nu,a\nu,b\nuser_id,item_id\nu,c\n"
    assert "line 4: it repeats the header" in refuse(text, timestamp_column="")


def test_separators_at_the_end_of_each_line(load, named):
    assert named(load(HEADER + "u,a,1,\nu,b,2,\n")) == {"u": ["a", "b"]}


def test_a_line_with_too_few_cells_is_named_behind_blank_lines(refuse):
    assert "line 4: column 'timestamp' is not there" in refuse(HEADER + "u,a,1\n\nu,b\n")


def test_a_header_with_blanks_around_its_names(load, named):
    assert named(load("user_id , item_id,timestamp\nu,a,1\nu,b,2\n")) == {"u": ["a", "b"]}


def test_times_that_look_like_times_are_named(refuse):
    message = refuse("user_id,item_id,when\nu,a,2009-05-04\nu,b,2009-05-05\n")
    assert "'when' looks like times" in message
    assert 'timestamp_column = ""' not in message


def test_one_column_for_two_things(refuse):
    assert refuse("user_id,item_id\nu,a\n", timestamp_column="item_id")


def test_a_file_of_one_line(load, refuse, named):
    assert "no event" in refuse(HEADER)
    assert "without a header" in refuse("1,2,3\n")


# ------------------------------------------------------------------------------------ compressions


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return out.getvalue()


def test_gzip_and_zip_and_one_in_the_other(load, named):
    import bz2
    import lzma

    text = table(",").encode()
    assert named(load(gzip.compress(text), "data.csv.gz")) == EVENTS
    assert named(load(zipped(data_dot_csv=text), "data.zip")) == EVENTS
    assert named(load(zipped(data_dot_gz=gzip.compress(text)), "data.zip")) == EVENTS
    assert named(load(bz2.compress(text), "data.csv.bz2")) == EVENTS
    assert named(load(lzma.compress(text), "data.csv.xz")) == EVENTS
    assert named(load(gzip.compress(text), "data.csv")) == EVENTS  # whatever its name is


def test_an_archive_of_several_files_is_refused(refuse):
    message = refuse(zipped(a_dot_csv="x", b_dot_csv="y"), "data.zip")
    assert "a zip archive of 2 files (a.csv, b.csv)" in message


def test_a_compressed_file_that_was_cut_short(refuse):
    packed = gzip.compress(("u,a,1\n" * 5000).encode())
    assert "check that it was written whole" in refuse(packed[: len(packed) // 2], "data.csv.gz")
    packed = zipped(data_dot_csv=table(","))
    assert "check that it was written whole" in refuse(packed[: len(packed) // 2], "data.zip")


def tarred():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("data.csv"), io.BytesIO())
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (tarred(), "a tar archive"),
        (zipped(**{"[Content_Types]_dot_xml": "x", "sheet": "y"}), "an Excel workbook"),
        (zipped(items_dot_npy="x"), "NumPy"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Excel workbook"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "a web page"),
        (b"\n<?xml version='1.0'?><Error/>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "Git LFS"),
        (b"\x28\xb5\x2f\xfd123", "Zstandard"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x80\x04\x95\x10", "a Python pickle"),
        (b"u,a,1\x00\x00\n", "binary data"),
    ],
)
def test_what_holds_no_events_is_named(refuse, content, kind):
    assert kind in refuse(content)


def test_the_line_that_tells_a_spreadsheet_the_separator(read, named):
    log = read("sep=;\n" + table(";"))
    assert named(log.interactions) == EVENTS
    assert log.left_out == {"comment": 1, "header": 1}


def test_words_are_no_header_where_they_come_again(refuse):
    text = "u1,a,b\nu2,b,a\nu3,a,b\n"
    given = {"user_column": "u1", "item_column": "a", "timestamp_column": ""}
    assert "without a header" in refuse(text, **given)
    assert "if line 1 holds an event, name all columns with columns" in refuse("u1,a\nu2,b\n")


def test_a_header_of_other_names_is_called_one_under_any_ending(refuse):
    message = refuse("userId itemId when\n1 7 3\n1 8 4\n2 7 5\n", "data.txt")
    assert (
        "it has no column 'user_id' (did you mean 'userId'?); it has userId, itemId, when"
        in message
    )
