"""Names of users and items: never numbers, never missing, never written in two ways."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loki_bench.datasets import names

HEADER = "user_id,item_id,timestamp\n"


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "NULL", "null", r"\N", "  "])
def test_a_missing_id_is_never_a_name(read, refuse, named, missing):
    text = HEADER + f"u,a,1\nu,{missing},2\n{missing},a,3\nu,b,4\n"
    assert "line 3: column 'item_id' is" in refuse(text.replace(f"{missing},a,3\n", ""))
    assert "line 4: column 'user_id' is" in refuse(text)
    log = read(text, missing="drop")
    assert named(log.interactions) == {"u": ["a", "b"]}
    assert (log.dropped["no user"], log.dropped["no item"]) == (1, 1)


def test_large_ids_and_ids_that_look_like_numbers_stay_as_they_are(load, named):
    names = ["9007199254740993", "9007199254740992", "007", "7", "1e5", "0x1f", "1_000", "NA"]
    text = HEADER + "".join(f"u,{name},{at}\n" for at, name in enumerate(names))
    assert named(load(text)) == {"u": names}
    lines = "".join(
        f'{{"user_id": 9007199254740993, "item_id": "{name}", "timestamp": {at}}}\n'
        for at, name in enumerate(names)
    )
    assert named(load(lines, "data.jsonl")) == {"9007199254740993": names}


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ("a", " a", "line 3: item ' a' differs from 'a' of line 2 only in blanks"),
        ("a", "a\u00a0", "only in blanks"),
        ("12", "12.0", "line 3: item '12.0' differs from '12' of line 2 only in the '.0'"),
        ("12.0", "12", "line 3: item '12' differs from '12.0' of line 2"),
    ],
)
def test_two_spellings_of_one_name_are_refused(refuse, one, other, message):
    assert message in refuse(HEADER + f"u,{one},1\nu,{other},2\n")


def test_users_are_held_to_the_same(refuse):
    assert "user 'u ' differs from 'u'" in refuse(HEADER + "u,a,1\nu,b,2\nu ,a,1\nu ,b,2\n")


def test_names_that_all_end_in_a_zero_are_names(load, named):
    text = HEADER + "u,1.0,1\nu,2.0,2\n"
    assert named(load(text)) == {"u": ["1.0", "2.0"]}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (pa.array([12, 7]), ["12", "7"]),
        (pa.array([2**63 + 1, 7], type=pa.uint64()), [str(2**63 + 1), "7"]),
        (pa.array([12.0, 7.0]), ["12", "7"]),
        (pa.array([2**24 - 1, 7], type=pa.float32()), ["16777215", "7"]),
        (pa.array([2**11 - 1, 7], type=pa.float32()).cast(pa.float16()), ["2047", "7"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array(["x", "y"], type=pa.large_string()), ["x", "y"]),
    ],
)
def test_typed_names(load, named, tmp_path, items, expected):
    table = pa.table({"user_id": ["u", "u"], "item_id": items, "timestamp": [1, 2]})
    pq.write_table(table, tmp_path / "data.parquet")
    assert named(load((tmp_path / "data.parquet").read_bytes(), "data.parquet")) == {"u": expected}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (pa.array([1.5, 7.0]), "some are no whole numbers"),
        (pa.array([2.0**53, 7.0]), "that a float keeps exactly"),
        (pa.array([20000004.0, 20000008.0], type=pa.float32()), "holds floats (float)"),
        (pa.array([2**11, 7], type=pa.float32()).cast(pa.float16()), "holds floats (halffloat)"),
        (pa.array([None, 7.0]), "row 1: column 'item_id' is empty"),
        (pa.array([True, False]), "of the type bool"),
        (pa.array([["x"], ["y"]]), "of the type list"),
    ],
)
def test_typed_columns_that_are_no_names(refuse, tmp_path, items, message):
    table = pa.table({"user_id": ["u", "u"], "item_id": items, "timestamp": [1, 2]})
    pq.write_table(table, tmp_path / "data.parquet")
    assert message in refuse((tmp_path / "data.parquet").read_bytes(), "data.parquet")


def dictionaries(*chunks):
    """A column of one chunk for each (names, codes)."""
    return pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), some)
            for some, codes in chunks
        ]
    )


def test_chunks_with_one_dictionary_are_not_looked_up_again():
    shared = pa.array(["b", "a"])
    column = dictionaries((shared, [0, 1]), (shared, [1, 1]))
    assert names.with_one_dictionary(column) is column
    numbered = names.names_of(column)
    assert numbered.names.to_pylist() == ["a", "b"]
    assert numbered.numbers.tolist() == [1, 0, 0, 0]


def test_chunks_with_dictionaries_of_their_own_get_one():
    # the first two are equal in length, and lie elsewhere
    column = dictionaries(
        (pa.array(["b", "a"]), [0, 1]), (pa.array(["a", "b"]), [0, 1]), (pa.array(["c"]), [0])
    )
    numbered = names.names_of(column)
    assert numbered.names.to_pylist() == ["a", "b", "c"]
    assert numbered.numbers.tolist() == [1, 0, 0, 1, 2]


def test_parts_of_one_dictionary_are_other_dictionaries():
    whole = pa.array(["a", "b", "c"])
    column = dictionaries((whole.slice(0, 2), [0, 1]), (whole.slice(1, 2), [0, 1]))
    numbered = names.names_of(column)
    assert [numbered.names[number].as_py() for number in numbered.numbers] == ["a", "b", "b", "c"]


def test_names_that_are_missing_are_found_in_every_chunk():
    shared = pa.array(["u", "NaN"])
    column = dictionaries((shared, [0, 1]), (shared, [1, 0]), (pa.array(["", "v"]), [1, 0, None]))
    assert names.missing_rows(column).tolist() == [False, True, True, False, False, True, True]
