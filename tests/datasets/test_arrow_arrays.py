"""Arrays between Arrow and numpy are those that pyarrow itself makes, with pandas' help."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from loki_bench.datasets.arrow_arrays import as_numpy, of_numpy, of_texts, one_value

KINDS = [np.bool_, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64]


def values_of(kind, n=19):
    return (np.random.default_rng(0).integers(0, 2, n) * 100).astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 8, 19])
def test_numbers_and_truth_values_are_the_same_both_ways(kind, n):
    values = values_of(kind, n)
    array = of_numpy(values)
    assert array.equals(pa.array(values))
    array.validate(full=True)
    found = as_numpy(array, kind)
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("start", "length"), [(0, 5), (3, 8), (9, 10), (8, 1), (19, 0)])
def test_a_part_of_an_array_is_that_part(kind, start, length):
    part = pa.array(values_of(kind)).slice(start, length)
    np.testing.assert_array_equal(as_numpy(part, kind), values_of(kind)[start : start + length])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", [[], [4], [4, 4, 11]])
def test_chunks_are_put_together_in_memory_of_their_own(kind, ends):
    parts = [pa.array(part) for part in np.split(values_of(kind), ends)] if ends else []
    column = pa.chunked_array(parts, type=pa.from_numpy_dtype(kind))
    found = as_numpy(column, kind)
    np.testing.assert_array_equal(found, column.to_numpy())
    assert found.flags.writeable


@pytest.mark.parametrize("in_chunks", [False, True])
def test_nulls_are_what_pyarrow_makes_of_them(in_chunks):
    array = pa.array([1.5, None, 2.5])
    column = pa.chunked_array([array, array]) if in_chunks else array
    expected = [1.5, np.nan, 2.5] * (2 if in_chunks else 1)
    np.testing.assert_array_equal(as_numpy(column, np.float64), expected)


def test_what_is_no_number_is_refused():
    days = pa.array([0, 1], type=pa.int32()).cast(pa.date32())
    with pytest.raises(TypeError, match=r"^date32\[day\] is no kind of numbers$"):
        as_numpy(days, np.int32)


@pytest.mark.parametrize(
    "texts", [[], [""], ["a"], ["a", "", "\u00fc\u20ac", "\U0001f600", "b\nc"], ["a", None, ""]]
)
def test_texts_are_those_that_were_given(texts):
    array = of_texts(iter(texts))
    array.validate(full=True)
    assert array.type == pa.string()
    assert array.to_pylist() == texts
    assert array.null_count == texts.count(None)


@pytest.mark.parametrize("value", ["a", "", np.int32(-1), np.True_, np.float64(0.5)])
def test_a_value_is_itself(value):
    assert one_value(value).as_py() == value


def test_no_kind_of_file_is_read_with_pandas(tmp_path):
    rows = [(user, item, 10 * user + item) for user in range(6) for item in range(6)]
    lines = [f"{user},{item},{time}" for user, item, time in rows]
    (tmp_path / "a.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(lines))
    dates = [f"u{user}\ti{item}\t2020-01-0{item + 1}\t{item}" for user, item, _ in rows]
    (tmp_path / "b.tsv").write_text("user_id\titem_id\ttimestamp\trating\n" + "\n".join(dates))
    sequences = [" ".join(map(str, [user, *range(6)])) for user in range(6)]
    (tmp_path / "c.txt").write_text("\n".join(sequences))
    objects = [f'{{"user_id": {u}, "item_id": {i}, "timestamp": {t}.5}}' for u, i, t in rows]
    (tmp_path / "d.json").write_text("\n".join(objects))
    program = """
import sys
from pathlib import Path
from loki_bench.datasets.own_file import OwnFile
for name, parameters in (
    ("a.csv", {"where": {"item_id": ["1", "2", "3", "4", "5"]}}),
    ("b.tsv", {"min_rating": 1}),
    ("c.txt", {"format": "sequences"}),
    ("d.json", {}),
    ("a.csv", {"n_items": 6}),
):
    log = OwnFile(path=name, k_core=2, **parameters).read(Path(), download=False)
    print(name, log.interactions.n_events, len(log.dropped_items), "pandas" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "a.csv 30 0 False",
        "b.tsv 30 0 False",
        "c.txt 36 0 False",
        "d.json 36 0 False",
        "a.csv 36 0 False",
    ]
