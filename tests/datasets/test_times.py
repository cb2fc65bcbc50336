"""Times: whole numbers, decimals, ISO 8601, forms of the user's, and what can't be ordered."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HEADER = "user_id,item_id,timestamp\n"


def rows(*times):
    """One user's events a, b, c ... at these times."""
    return HEADER + "".join(f'u,{chr(97 + n)},"{t}"\n' for n, t in enumerate(times))


def order(load, *times, **parameters):
    data = load(rows(*times), **parameters)
    return "".join(data.item_tokens[item] for item in data[0])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("3", "1", "2"), "bca"),
        (("-3", "1", "-20"), "cab"),
        (("+3", "1", "2"), "bca"),
        (("1700000000000000003", "1700000000000000001", "1700000000000000002"), "bca"),
        (("1" + "0" * 30 + "3", "1" + "0" * 30 + "1", "1" + "0" * 30 + "2"), "bca"),
        (("18446744073709551615", "18446744073709551614"), "ba"),
        (("1.5", "1.25", "1"), "cba"),
        (("4.5", "2", "9"), "bac"),
        (("9.78302101E8", "978302100", "9.783021005E8"), "bca"),
        (("978302101.0", "978302100.0"), "ba"),
        (("1700000000.0000001", "1700000000.00000001"), "ba"),
        (("2009-05-04", "2009-05-03"), "ba"),
        (("2009-05-04T23:00:57Z", "2009-05-04T23:00:56Z"), "ba"),
        (("2009-05-04 23:00:57 UTC", "2009-05-04 23:00:56 UTC"), "ba"),
        (("2009-05-04T01:00:00+02:00", "2009-05-03T23:30:00+00:00"), "ab"),
        (("2009-05-04T23:00:57.125", "2009-05-04T23:00:57.5", "2009-05-04T23:00:57"), "cab"),
        (("2009-05-04T23:00:57.000000002", "2009-05-04T23:00:57.000000001"), "ba"),
        (("1969-07-20T20:17:40Z", "1969-07-16T13:32:00Z"), "ba"),
        (("0001-01-02", "0001-01-01"), "ba"),
    ],
)
def test_events_are_in_the_order_of_their_times(load, times, expected):
    assert order(load, *times) == expected


@pytest.mark.parametrize(
    ("times", "form", "expected"),
    [
        (("31/12/2008", "01/02/2009", "02/01/2009"), "%d/%m/%Y", "acb"),
        (("12/31/2008", "01/02/2009", "02/01/2009"), "%m/%d/%Y", "abc"),
        (("9:05 04.05.2009", "9:04 04.05.2009"), "%H:%M %d.%m.%Y", "ba"),
        (("2009-05-04 01:00 +0200", "2009-05-03 23:30 +0000"), "%Y-%m-%d %H:%M %z", "ab"),
    ],
)
def test_a_form_of_the_users_own(load, times, form, expected):
    assert order(load, *times, times=form) == expected


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (("31/12/2008", "01/02/2009"), 'pass times = "%d/%m/%Y"'),
        (("12/31/2008", "01/02/2009"), 'pass times = "%m/%d/%Y"'),
        (("01/02/2009", "02/01/2009"), "does not say what is the day and what the month"),
        (("09 13, 2009", "11 02, 2010"), 'pass times = "%m %d, %Y"'),
        (
            ("Sun Dec 31 22:35:01 2000", "Mon Jan 01 22:35:01 2001"),
            'times = "%a %b %d %H:%M:%S %Y"',
        ),
        (("2014/04/07", "2014/12/31"), 'times = "%Y/%m/%d"'),
        (("2009-02-30", "2009-02-01"), "line 2: '2009-02-30' in column 'timestamp' is no date"),
        (("2009-05-04T23:00:57Z", "2009-05-04T23:00:57"), "line 3: '2009-05-04T23:00:57' in"),
        (("1", "2009-05-04"), "line 3: '2009-05-04' in column 'timestamp' is not a finite number"),
        (("2009-05-04", "noon"), "line 3: 'noon' in column 'timestamp' is not a time"),
        (("1.7e+18", "1.6e+18"), "is a float that was rounded"),
        (("1700000000000000001.0", "1700000000000000002.0"), "is a float that was rounded"),
        (("1", "", "2"), "line 3: an empty cell in column 'timestamp'"),
        (("1", "9" * 40), "is too far from the others"),
        (("1", "9" * 5000), "in column 'timestamp' has 5000 digits; is it a time?"),
        (("1", "9" * 400 + ".5"), "is a float that was rounded"),
        (("1.5", "9" * 400), "line 3: '9"),
        (("1", f"0.{'0' * 400}1"), "line 3: '0."),
        (("1", "1e-500"), "line 3: '1e-500' in column 'timestamp' is too close to 0"),
        (("1", "1e-999999999"), "line 3: '1e-999999999' in column 'timestamp' is too close to 0"),
        (("1", "1e-9999999999999999999"), "has an exponent that is too large"),
        (("1", "1e9999999999999999999"), "has an exponent that is too large"),
    ],
)
def test_times_that_can_not_be_ordered_are_refused_with_their_line(refuse, times, message):
    assert message in refuse(rows(*times))


def test_a_form_that_a_cell_does_not_have(refuse):
    message = refuse(rows("01/02/2009", "2009-02-01"), times="%d/%m/%Y")
    assert "line 3: '2009-02-01' in column 'timestamp' is not of the form '%d/%m/%Y'" in message


def test_times_are_kept_beside_the_sequences(read):
    log = read(HEADER + "v,a,978302103\nu,b,978302102\nu,a,978302101\nv,b,978302104\n")
    assert log.times.values.tolist() == [978302101, 978302102, 978302103, 978302104]
    assert log.times.unit == "seconds since 1970"
    log = read(rows("2009-05-04T23:00:58Z", "1970-01-01T00:00:01Z"))
    assert log.times.values.tolist() == [1_000_000, 1_241_478_058_000_000]
    assert log.times.unit == "microseconds since 1970"
    log = read(rows("1.5", "1.25"))
    assert (log.times.values.tolist(), log.times.scale) == ([125, 150], 100)


def test_numbers_past_64_bits_are_kept_less_an_origin(read):
    log = read(rows(10**30 + 5, 10**30 + 2))
    assert log.times.values.tolist() == [0, 3]
    assert log.times.origin == 10**30 + 2


def test_a_file_without_times_says_so(read):
    log = read("user_id,item_id\nu,a\nu,b\n", timestamp_column="")
    assert log.times is None
    assert log.notes == ("the file has no times: the order of its rows is the order of events",)


def test_a_date_and_a_clock_in_two_columns(load, named):
    text = "user_id;item_id;frame;date\nu;b;5;2016-05-09\nu;c;1;2016-05-10\nu;a;4;2016-05-09\n"
    data = load(text, timestamp_column=["date", "frame"])
    assert named(data) == {"u": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("units", "finest"),
    [((1, 1000), "milliseconds"), ((1000, 10**6), "microseconds"), ((1, 10**9), "nanoseconds")],
)
def test_two_units_in_one_file(read, named, units, finest):
    first, second = 1_600_000_000, 1_600_000_050
    text = rows(second * units[0], (first - 7) * units[1], first * units[0], second * units[1] + 1)
    log = read(text)
    assert named(log.interactions) == {"u": ["b", "c", "a", "d"]}
    assert finest in log.notes[0]


def test_times_that_are_missing_in_disguise_get_a_note(read):
    assert any("far from the others" in n for n in read(rows(0, 1_600_000_000)).notes)
    assert not read(rows(0, 5, 100_000)).notes


# -------------------------------------------------------------------------------- typed, in Parquet


@pytest.fixture
def typed(tmp_path):
    def parquet(times, type_):
        path = tmp_path / "data.parquet"
        names = [chr(97 + n) for n in range(len(times))]
        column = pa.array(times, type=type_)
        pq.write_table(
            pa.table({"user_id": ["u"] * len(names), "item_id": names, "timestamp": column}), path
        )
        return path.read_bytes()

    return parquet


@pytest.mark.parametrize(
    ("times", "type_"),
    [
        ([3, 1, 2], pa.int64()),
        ([3, 1, 2], pa.int16()),
        ([2**63 + 3, 2**63 + 1, 2**63 + 2], pa.uint64()),
        ([3.5, 1.0, 2.25], pa.float64()),
        ([3, 1, 2], pa.timestamp("ns")),
        ([3, 1, 2], pa.timestamp("s", tz="Europe/Berlin")),
        ([3, 1, 2], pa.date32()),
        (["3", "1", "2"], pa.string()),
    ],
)
def test_typed_times(load, named, typed, times, type_):
    assert named(load(typed(times, type_), "data.parquet")) == {"u": ["b", "c", "a"]}


@pytest.mark.parametrize(
    ("times", "type_", "message"),
    [
        ([2.0**53 + 2, 2.0**54], pa.float64(), "is a float that was rounded"),
        ([1.6e9, 1.7e9], pa.float32(), "is a float that was rounded"),
        ([1, 2.0**24], pa.float32(), "row 2: '16777216.0' in column 'timestamp' is a float that"),
        ([1, 2.0**11], pa.float16(), "row 2: '2048.0' in column 'timestamp' is a float that was"),
        ([1.0, float("nan")], pa.float64(), "row 2: 'nan' in column 'timestamp' is not a finite"),
        ([1, None], pa.int64(), "row 2: an empty cell in column 'timestamp'"),
        ([[1], [2]], pa.list_(pa.int64()), "no time; name another column"),
    ],
)
def test_typed_times_that_can_not_be_ordered(refuse, typed, times, type_, message):
    assert message in refuse(typed(times, type_), "data.parquet")


def test_values_are_read_only(read):
    log = read(rows(1, 2))
    with pytest.raises(ValueError, match="read-only"):
        log.times.values[0] = 3
    assert log.times.values.dtype == np.int64
