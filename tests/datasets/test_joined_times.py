"""Times of several files: one order of all events, or a sentence."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loki_bench.datasets.joined_times import joined_times
from loki_bench.datasets.own_file import OwnFile
from loki_bench.datasets.times import Times
from loki_bench.errors import DatasetError


@pytest.fixture
def order(tmp_path):
    """The items of one user whose events lie in several files, a in the first, b in the next."""

    def read(*files, **parameters):
        paths = []
        item = ord("a")
        for number, times in enumerate(files):
            if isinstance(times, pa.Array):
                path = tmp_path / f"{number}.parquet"
                names = [chr(item + at) for at in range(len(times))]
                columns = {"user_id": ["u"] * len(names), "item_id": names, "timestamp": times}
                pq.write_table(pa.table(columns), path)
            else:
                path = tmp_path / f"{number}.csv"
                rows = [f"u,{chr(item + at)},{time}\n" for at, time in enumerate(times)]
                path.write_text("user_id,item_id,timestamp\n" + "".join(rows))
            item += len(times)
            paths.append(str(path))
        data = OwnFile(path=paths, k_core=0, **parameters).load(tmp_path, download=False)
        return "".join(data.item_tokens[item] for item in data[0])

    return read


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([["3"], ["1", "2"]], "bca"),
        ([["1.5"], ["1", "2"]], "bac"),
        ([["2021-01-01T00:00:00.123456789"], ["2020-12-31", "2021-01-02"]], "bac"),
        ([["1600000000000003"], ["1600000000000000.5", "1600000000000004.25"]], "bac"),
        # more digits than 64 bits hold, and floats tell them apart
        ([["1600000000000001", "1600000000000003"], ["1600000000.123456"]], "abc"),
        ([["100000000000001"], ["100000000000000.5", "0.00000000001"]], "cba"),
    ],
)
def test_events_of_all_files_are_in_the_order_of_their_times(order, files, expected):
    assert order(*files) == expected


@pytest.mark.parametrize("far", ["9999-01-01", "1600-01-01"])
def test_dates_too_far_for_the_finest_unit_are_refused(order, far):
    with pytest.raises(DatasetError, match=r"nanoseconds since 1970, and some of file 2 are too"):
        order(["2021-01-01T00:00:00.123456789"], [far])


@pytest.mark.parametrize(
    "files",
    [
        [["1600000000000000001"], ["1600000000000000002", "0.1234567890123"]],
        [["9007199254740993"], ["9007199254740992", "0.1234567890123"]],
        [["5"], ["0.000000000000000000000001"]],
        [["1600000000000000001"], pa.array([1.5]), ["1600000000000000002"]],
    ],
)
def test_numbers_that_only_floats_could_hold_and_would_not_tell_apart_are_refused(order, files):
    with pytest.raises(DatasetError, match="too many digits to be compared"):
        order(*files)


@pytest.mark.parametrize(
    ("zoned", "plain"),
    [
        (["2021-01-01T00:00:00Z"], ["2021-01-01T00:00:01"]),
        (["2021-01-01T00:00:00+02:00"], ["2021-01-01"]),
        (pa.array([0], pa.timestamp("s", tz="UTC")), ["2021-01-01T00:00:01"]),
        (["2021-01-01T00:00:00Z"], pa.array([0], pa.timestamp("s"))),
    ],
)
def test_a_time_zone_in_one_file_alone_is_refused(order, zoned, plain):
    with pytest.raises(DatasetError, match="file 1 have a time zone, and those of file 2 have no"):
        order(zoned, plain)
    with pytest.raises(DatasetError, match="file 2 have a time zone, and those of file 1 have no"):
        order(plain, zoned)


def test_a_second_column_of_times_is_brought_to_one_scale_too(tmp_path):
    paths = []
    for name, rows in (("a", "u,x,1,2\nu,y,1,0\n"), ("b", "u,z,1,1.5\n")):
        (tmp_path / f"{name}.csv").write_text("user_id,item_id,day,at\n" + rows)
        paths.append(str(tmp_path / f"{name}.csv"))
    loader = OwnFile(path=paths, timestamp_column=["day", "at"], k_core=0)
    data = loader.load(tmp_path, download=False)
    assert [data.item_tokens[item] for item in data[0]] == ["y", "z", "x"]


def test_two_units_that_64_bits_do_not_hold_together_get_a_note():
    # tenths: nanoseconds of 1990 beside seconds of 2020
    values = np.array([6_400_000_000_000_000_000, 16_000_000_000])
    found = joined_times([Times(keys=(values,), unit="", form="decimals", scale=10)], source="x")
    assert found.keys[0].tolist() == values.tolist()
    assert "in another unit" in found.notes[0]
