"""What earlier runs tell of how long work lasts: kept for the user, and a table of others."""

import json

import platformdirs
import pytest

from loki_bench.engine import earlier_times
from loki_bench.engine.earlier_times import EarlierTimes, by_stem, stem_of

PLACE = EarlierTimes.place  # other tests have one of their own


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(EarlierTimes, "place", PLACE)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: tmp_path)
    return tmp_path / "times"


def of(dataset="beauty", n_events=200):
    return EarlierTimes(dataset=dataset, n_events=n_events)


def table(monkeypatch, **sizes):
    exact = {work.replace("_", " "): by_size for work, by_size in sizes.items()}
    monkeypatch.setattr(earlier_times, "_table", lambda: (exact, by_stem(exact)))


def test_what_a_run_took_is_known_to_the_next_one_on_the_same_data():
    of().keep({"fit of fpmc": 8.0, "a metric": 0.0})
    assert of().here() == {"fit of fpmc": 8.0, "a metric": 0.0}
    assert of("quick").here() == {}


def test_the_latest_time_counts_and_what_was_not_done_again_stays():
    of().keep({"fit of fpmc": 8.0, "fit of bprmf": 5.0})
    of().keep({"fit of fpmc": 9.0})
    of().keep({})
    assert of().here() == {"fit of fpmc": 9.0, "fit of bprmf": 5.0}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"\xff\xfe",
        b'{"a": "b", "c": null, "d": -1.0, "e": true, "f": [1.0]}',
        b'{"a": NaN, "b": Infinity}',
        b'{"a": 1%s}' % (b"0" * 400),
        b"[" * 100_000,
        b'{"a": 1.0}' + b" " * (1 << 20),
    ],
)
def test_a_damaged_file_tells_nothing_and_is_replaced(cache, content):
    of().keep({"fit of fpmc": 8.0})
    [file] = cache.iterdir()
    file.write_bytes(content)
    assert of().here() == {}
    of().keep({"fit of fpmc": 8.0})
    assert of().here() == {"fit of fpmc": 8.0}


def test_where_nothing_can_be_written_nothing_is_kept(cache):
    cache.write_text("a file in the way")
    of().keep({"fit of fpmc": 8.0})
    assert of().here() == {}


def test_the_file_and_their_number_stay_small(cache, monkeypatch):
    monkeypatch.setattr(earlier_times, "MOST_WORK", 3)
    monkeypatch.setattr(earlier_times, "MOST_DATASETS", 2)
    of().keep({"x" * 2001: 1.0, **{f"fit of {n}": 1.0 for n in range(5)}})
    assert list(of().here()) == ["fit of 2", "fit of 3", "fit of 4"]
    for dataset in ("one", "two", "three"):
        of(dataset).keep({"fit of x": 1.0})
    assert len(list(cache.iterdir())) == 2


def test_the_table_is_read_at_the_nearest_size_and_scaled_to_this_one(monkeypatch):
    table(monkeypatch, fit_of_fpmc={100: 1.0, 10_000: 50.0})
    # 200 ** 1.3 / 100 ** 1.3 = 2 ** 1.3, by hand
    assert of(n_events=200).elsewhere(["fit of fpmc"])["fit of fpmc"] == pytest.approx(
        2.4623, abs=1e-4
    )
    assert of(n_events=10_000).elsewhere(["fit of fpmc"]) == {"fit of fpmc": 50.0}


def test_a_fit_grows_faster_than_what_reads_no_event_twice(monkeypatch):
    table(monkeypatch, fit_of_x={100: 1.0}, craft_of_x={100: 1.0})
    told = of(n_events=1000).elsewhere(["fit of x", "craft of x"])
    assert told["fit of x"] == pytest.approx(19.953, abs=1e-3)  # 10 ** 1.3
    assert told["craft of x"] == pytest.approx(5.0119, abs=1e-4)  # 10 ** 0.7


def test_the_table_itself_grows_as_it_is_told():
    # from the smaller of two sizes the larger is guessed within a factor of two and a half; of a
    # fit of ten epochs, where most seconds are the same whatever the size, within three seconds
    exact, _ = earlier_times._table()
    fits = {work: sizes for work, sizes in exact.items() if work.startswith("fit of ")}
    both = [sizes for sizes in fits.values() if len(sizes) > 1]
    assert len(both) >= 3
    for sizes in both:
        small, large = min(sizes), max(sizes)
        guess = sizes[small] * (large / small) ** earlier_times.GROWTH["fit of "]
        assert 0.4 < guess / sizes[large] < 2.5 or abs(guess - sizes[large]) < 3.0


def test_other_parameters_of_a_component_tell_where_none_are_the_same(monkeypatch):
    one, two = "fit of fpmc(l2=0.1)", "fit of fpmc(l2=0.2)"
    exact = {one: {200: 4.0}, two: {200: 8.0}, "craft of loki cg(x=1) fpmc": {200: 30.0}}
    monkeypatch.setattr(earlier_times, "_table", lambda: (exact, by_stem(exact)))
    asked = ["fit of fpmc", one, "craft of loki cg bprmf", "fit of other", "a metric"]
    assert of().elsewhere(asked) == {
        "fit of fpmc": 6.0,
        one: 4.0,
        "craft of loki cg bprmf": 30.0,
    }


@pytest.mark.parametrize(
    ("work", "stem"),
    [
        ("fit of fpmc", "fit of fpmc"),
        ("fit of gru4rec(loss=BPR)", "fit of gru4rec"),
        ("fit of bprmf, bprmf (fine-tune 5)", "fit of bprmf"),
        ("repeated craft of loki cg(damping=1.0) fpmc", "repeated craft of loki"),
        ("defense by next-item", "defense by next-item"),
        ("a metric", "a metric"),
    ],
)
def test_a_stem_is_work_without_parameters(work, stem):
    assert stem_of(work) == stem


def test_the_table_of_the_package_knows_the_work_of_its_suites():
    told = of(n_events=13_030).elsewhere(["fit of bprmf", "craft of covisit", "fit of theirs"])
    assert set(told) == {"fit of bprmf", "craft of covisit"}
    assert all(0 < seconds < 60 for seconds in told.values())


def test_what_is_kept_is_plain_seconds_by_work(cache):
    of().keep({"fit of fpmc": 8.0})
    [file] = cache.iterdir()
    assert json.loads(file.read_text()) == {"fit of fpmc": 8.0}
