"""Fake users from files of every form, and which rows of a file they are."""

import json

import numpy as np
import pytest
import scipy.sparse

from loki_bench.attackers.replay import Replay
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions

GENUINE = Interactions(
    np.array([0, 3, 5]),
    np.array([0, 1, 2, 2, 3], dtype=np.int32),
    n_items=4,
    user_tokens=("1", "2"),
    item_tokens=("a", "b", "c", "d"),
)
FAKE = [[3, 0, 3], [3, 1]]  # d a d, d b


def found_in(path, genuine=GENUINE, dropped_users=(), dropped_items=(), **parameters):
    replay = Replay(path=str(path), **parameters)
    return replay.fake_rows(
        replay.read(0),
        genuine,
        dropped_users=dict(dropped_users),
        dropped_items=dict(dropped_items),
    )


def rows_of(found):
    return [row.tolist() for row in found.poison]


INTER = "user_id:token\titem_id:token\ttimestamp:float\n"
TEXTS = {
    "a line a user": ("p.txt", "8 d a d\n9 d b\n"),
    "pairs": ("p.txt", "8 d\n8 a\n8 d\n9 d\n9 b\n"),
    "a table": ("p.csv", "user_id,item_id\n8,d\n9,d\n8,a\n9,b\n8,d\n"),
    "a table with times": (
        "p.csv",
        "timestamp,user_id,item_id\n3,8,d\n2,8,a\n1,8,d\n1,9,d\n2,9,b\n",
    ),
    "a table of other columns": (
        "p.csv",
        "user_id,item_id,rating\n8,d,5\n8,a,1\n8,d,5\n9,d,5\n9,b,1\n",
    ),
    ".inter": ("p.inter", INTER + "8\td\t1\n8\td\t3\n8\ta\t2\n9\td\t1\n9\tb\t2\n"),
    "equal times": ("p.inter", INTER + "8\td\t0\n8\ta\t0\n8\td\t0\n9\td\t0\n9\tb\t0\n"),
    "JSON with names": ("p.json", '{"fake_users": {"8": ["d", "a", "d"], "9": ["d", "b"]}}'),
    "JSON without": ("p.json", '{"fake_users": [["d", "a", "d"], ["d", "b"]]}'),
    "a list of lists": ("p.json", '[["d", "a", "d"], ["d", "b"]]'),
    "an object an event": (
        "p.json",
        "".join(
            json.dumps({"user_id": u, "item_id": i}) + "\n"
            for u, i in [(8, "d"), (8, "a"), (8, "d"), (9, "d"), (9, "b")]
        ),
    ),
}


@pytest.mark.parametrize("form", TEXTS)
def test_every_form_of_text_gives_the_same_fake_users(tmp_path, form):
    name, text = TEXTS[form]
    (tmp_path / name).write_text(text)
    assert rows_of(found_in(tmp_path / name)) == FAKE


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("8, d, a, d\n9, d, b\n", "sequences"),
        ("8,d ,a,d\n9,d,b\n", "sequences"),
        ("user_id,item_id\n8, d\n8, a\n8, d\n9, d\n9, b\n", "auto"),
    ],
)
def test_blanks_after_commas_are_no_part_of_a_name(tmp_path, text, form):
    (tmp_path / "p.csv").write_text(text)
    found = found_in(tmp_path / "p.csv", format=form, separator=",")
    assert rows_of(found) == FAKE


def test_a_name_that_the_dataset_has_with_a_blank_is_that_name(tmp_path):
    spaced = Interactions(
        GENUINE.offsets, GENUINE.items, n_items=4, item_tokens=("a", " a", "c", "d")
    )
    (tmp_path / "p.csv").write_text("user_id,item_id\n8, a\n8, d\n9, a\n")
    assert rows_of(found_in(tmp_path / "p.csv", spaced)) == [[1, 3], [1]]


@pytest.mark.parametrize("text", ["d a d\na d\n", "d,a,d\na,d\n", "b d\n"])
def test_lines_of_items_alone_are_refused_and_no_first_item_is_lost(tmp_path, text):
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(ParameterError) as refused:
        found_in(tmp_path / "p.txt", format="sequences")
    first = text[0]
    assert f"lines begins with the name of an item ('{first}')" in str(refused.value)
    assert f"(`fake1 {first} ...`)" in str(refused.value)


def test_users_that_are_counted_may_be_called_as_items_are(tmp_path):
    numbered = Interactions(
        GENUINE.offsets, GENUINE.items, n_items=4, item_tokens=("7", "8", "9", "10")
    )
    (tmp_path / "p.txt").write_text("8 10 7 10\n9 10 8\n")
    assert rows_of(found_in(tmp_path / "p.txt", numbered)) == FAKE
    (tmp_path / "p.txt").write_text("9 10 7 10\n7 10 8\n")
    with pytest.raises(ParameterError, match="begins with the name of an item"):
        found_in(tmp_path / "p.txt", numbered)


def test_arrays_give_the_same_fake_users_by_token_and_by_id(tmp_path):
    np.savez(tmp_path / "t.npz", offsets=np.array([0, 3, 5]), items=np.array(list("dadDb".lower())))
    assert rows_of(found_in(tmp_path / "t.npz")) == FAKE
    np.savez(tmp_path / "i.npz", offsets=np.array([0, 3, 5]), items=np.array([3, 0, 3, 3, 1]))
    assert rows_of(found_in(tmp_path / "i.npz", items="ids")) == FAKE
    np.save(tmp_path / "m.npy", np.array([[3, 0, 3], [3, 1, -1]]))
    assert rows_of(found_in(tmp_path / "m.npy", items="ids")) == FAKE


def test_a_matrix_of_users_and_items_is_read_by_column_and_says_that_it_has_no_order(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[1.0, 0, 0, 5.0], [0, 1.0, 0, 1.0]]))
    found = found_in(tmp_path / "m.npy")
    assert rows_of(found) == [[0, 3], [1, 3]]
    assert "has no order" in found.notes[0]
    matrix = scipy.sparse.csr_matrix(np.array([[1, 0, 0, 1], [0, 1, 0, 1]]))
    scipy.sparse.save_npz(tmp_path / "s.npz", matrix)
    assert rows_of(found_in(tmp_path / "s.npz")) == [[0, 3], [1, 3]]


def test_whole_numbers_in_as_many_columns_as_items_are_lists_or_ratings(tmp_path):
    ratings = np.array([[0, 0, 5, 3], [4, 0, 0, 1]])
    np.save(tmp_path / "m.npy", ratings)
    for given in ({}, {"items": "ids"}):
        with pytest.raises(ParameterError, match=r"may be lists of items, or ratings.*floats"):
            found_in(tmp_path / "m.npy", **given)
    np.save(tmp_path / "m.npy", ratings.astype(float))
    assert rows_of(found_in(tmp_path / "m.npy")) == [[2, 3], [0, 3]]
    lists = np.array([[3, 0, 3, 1], [3, 1, -1, -1]])
    np.save(tmp_path / "m.npy", np.pad(lists, ((0, 0), (0, 1)), constant_values=-1))
    assert rows_of(found_in(tmp_path / "m.npy", items="ids")) == [[3, 0, 3, 1], [3, 1]]


@pytest.mark.parametrize(
    "matrix", [[[1, 0, -1, 0]], [[0.5, 0.0, -0.5, 0.0]], [[0, 1, -1, -1], [1, 0, -1, -1]]]
)
def test_a_negative_entry_is_no_event(tmp_path, matrix):
    np.save(tmp_path / "m.npy", np.array(matrix))
    scipy.sparse.save_npz(tmp_path / "s.npz", scipy.sparse.csr_matrix(np.array(matrix)))
    for name in ("m.npy", "s.npz"):
        with pytest.raises(ParameterError, match=r"one for each item, holds -.*\(above 0\)"):
            found_in(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": np.array([1, 2, 3])}, "rise from 0"),
        ({"indptr": np.array([0, 3, 2])}, "rise from 0"),
        ({"indptr": np.array([0, 2, 1, 3], dtype=np.uint32)}, "no sparse matrix in rows"),
        ({"indptr": np.array([0.0, 2.0, 3.0])}, "no sparse matrix in rows"),
        ({"indices": np.array([0.0, 3.0, 1.0])}, "no sparse matrix in rows"),
        ({"indices": np.array([[0], [3], [1]])}, "rise from 0"),
        ({"data": np.array(["1", "1", "1"])}, "no sparse matrix in rows"),
        ({"data": np.array([1.0, np.nan, 1.0])}, "NaN"),
        ({"shape": np.array([2.0, 4.0])}, "no sparse matrix in rows"),
        ({"format": np.array([b"csr", b"csr"])}, "no sparse matrix in rows"),
    ],
)
def test_a_sparse_matrix_that_is_not_whole_is_refused(tmp_path, change, message):
    whole = {
        "data": np.array([1, 1, 1]),
        "indices": np.array([0, 3, 1]),
        "indptr": np.array([0, 2, 3]),
        "shape": np.array([2, 4]),
        "format": np.array(b"csr"),
    }
    np.savez(tmp_path / "s.npz", **whole)
    assert rows_of(found_in(tmp_path / "s.npz")) == [[0, 3], [1]]
    np.savez(tmp_path / "s.npz", **whole | change)
    with pytest.raises(ParameterError, match=message):
        found_in(tmp_path / "s.npz")


def test_a_file_says_what_it_is_for_in_json_and_in_comments(tmp_path):
    told = {"target_items": ["d"], "target_users": ["2"], "fake_users": [["d", "a"]]}
    (tmp_path / "p.json").write_text(json.dumps(told))
    (tmp_path / "p.txt").write_text('# target_items: ["d"]\n# target_users: ["2"]\n8 d a\n9 d b\n')
    for name in ("p.json", "p.txt"):
        found = found_in(tmp_path / name)
        assert (found.targets, found.target_users) == (("d",), ("2",))


@pytest.mark.parametrize(
    "text",
    [
        "1 a b c\n2 c d\n8 d a d\n9 d b\n",  # as the dataset
        "1 a\n2 c\n8 d a d\n9 d b\n",  # its training part
        "1 a\n1 b\n1 c\n2 c\n2 d\n8 d\n8 a\n8 d\n9 d\n9 b\n",  # pairs
        "1 a b x c\n2 c d\n7 x x\n8 d a d\n9 d b\n",  # before the k-core, which dropped x and 7
    ],
)
def test_of_a_poisoned_dataset_the_users_beyond_the_genuine_ones_are_fake(tmp_path, text):
    path = tmp_path / "p.txt"
    path.write_text(text)
    found = found_in(path, dropped_users={"7": 2}, dropped_items={"x": 3})
    assert rows_of(found) == FAKE
    asked = found_in(path, rows="beyond-genuine", dropped_users={"7": 2}, dropped_items={"x": 3})
    assert rows_of(asked) == FAKE


def test_rows_without_names_stand_for_the_users_by_their_place(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('[["a", "b", "c"], ["c", "d"], ["d", "a", "d"], ["d", "b"]]')
    assert rows_of(found_in(path)) == FAKE
    path.write_text('[["a", "d"], ["b", "d"], ["c", "d"]]')  # none of them is genuine
    assert rows_of(found_in(path)) == [[0, 3], [1, 3], [2, 3]]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "p.txt",
            "8 d x\n9 d b\n",
            "p.txt, user '8': the dataset has no item 'x'; items are named",
        ),
        ("p.txt", "8 d y\n9 d b\n", "no item 'y': its k_core dropped it, with 2 events"),
        ("p.json", "[[3, 0], [3, 1]]", "named like 'a'; .* say so with items = \"ids\""),
        ("p.json", "[]", "there is no fake user in it"),
        ("p.json", '{"fake_users": {}}', "there is no fake user in it"),
        ("p.json", '{"fake_users": {"8": ["d"], "8": ["a"]}}', "the key '8' twice"),
        ("p.csv", "user_id,item_id\n8,d\n8,\n", "needs a value there; take such rows out$"),
        ("p.json", '[["a"], []]', "row 2 has no item; leave that user out"),
        ("p.json", '{"poison": [["a"]]}', "keys 'poison'; expected"),
        ("p.json", '{"fake_users": [["a"]], "items": 3}', "unknown key 'items'"),
        ("p.json", '{"target_items": ["z"], "fake_users": [["a"]]}', "no target 'z'"),
        ("p.json", '{"target_items": ["a", "a"], "fake_users": [["a"]]}', "target 'a' twice"),
        ("p.json", '{"target_users": ["9"], "fake_users": [["a"]]}', "no target user '9'"),
        ("p.txt", "1 a b c\n2 c d\n", "users of the dataset with their own events"),
        ("p.txt", "1 d a\n8 d b\n", r'rows = "all".*the same one without the fake users'),
        ("p.txt", "1 a b c\n8 d b\n", "1 genuine users are not in it"),
        ("p.txt", "8 d a\n9 d b c\n8 d b\n", "user '8' was on line 1 already"),
    ],
)
def test_what_is_no_poison_of_this_dataset_is_refused_with_what_to_do(
    tmp_path, name, text, message
):
    (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError, match=message):
        found_in(tmp_path / name, dropped_items={"y": 2})


def test_a_file_that_numbers_its_fake_users_as_genuine_ones_are_needs_one_word(tmp_path):
    (tmp_path / "p.txt").write_text("1 d a d\n2 d b\n")
    assert rows_of(found_in(tmp_path / "p.txt", rows="all")) == FAKE


def test_broken_arrays_are_refused(tmp_path):
    cases = {
        "o.npy": (np.array([["d"]], dtype=object), "Python objects"),
        "w.npy": (np.eye(3), "a column for each item"),
        "v.npy": (np.zeros(3), "expected a matrix"),
        "n.npy": (np.full((1, 4), np.nan), "NaN"),
    }
    for name, (array, message) in cases.items():
        np.save(tmp_path / name, array)
        with pytest.raises(ParameterError, match=message):
            found_in(tmp_path / name)
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00")
    np.savez(tmp_path / "b.npz", offsets=np.array([0, 9]), items=np.array(["d"]))
    np.savez(tmp_path / "x.npz", first=np.eye(4), second=np.eye(4))
    for name, message in (
        ("cut.npy", "whole NumPy"),
        ("b.npz", "'offsets'"),
        ("x.npz", "arrays f"),
    ):
        with pytest.raises(ParameterError, match=message):
            found_in(tmp_path / name)


def test_the_name_is_the_files_unless_given():
    assert Replay(path="~/out/loki-{seed}.json").label == "loki"
    assert Replay(path="p.csv.gz").label == "p"
    assert Replay(path="p.csv", name="of 2023").label == "of 2023"
    assert Replay(path="loki-{seed}.json").path_for(3) == "loki-3.json"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"path": 3}, "path is 3"),
        ({"path": "p", "rows": "some"}, "attacker 'replay': rows is 'some'"),
        ({"path": "p", "items": 1}, "items is 1"),
        ({"path": "p", "name": ""}, "name is ''"),
        ({"path": "p", "columns": 2}, "attacker 'replay': columns is 2"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(parameters, message):
    with pytest.raises(ParameterError, match=message):
        Replay(**parameters)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"attacker 'replay'.*none\.csv: No such file"):
        found_in(tmp_path / "none.csv")
