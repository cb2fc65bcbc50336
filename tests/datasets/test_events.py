"""From tokens and times to sequences: ids, order, duplicates, k-core."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_bench.datasets.events import Events, log_of
from loki_bench.datasets.filters import SequenceFilters
from loki_bench.datasets.names import Names
from loki_bench.datasets.parameters import check_choice, check_k_core
from loki_bench.datasets.times import Times
from loki_bench.errors import DatasetError, ParameterError


def events_of(rows, *, timed=True):
    """Events from (user, item, time) triples, on lines 2, 3, ..."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    times = np.array(columns[2], dtype=np.float64)
    return Events(
        source="data.csv",
        users=Names.of(columns[0]),
        items=Names.of(columns[1]),
        times=Times(keys=(times,), unit="", form="decimals") if timed else None,
        place=lambda event: f"line {event + 2}",
    )


def interactions_of(events, **filters):
    return log_of(events, SequenceFilters(**filters)).interactions


def named(interactions):
    """What the interactions say in the words of the file: {user: [item, ...]}."""
    return {
        interactions.user_tokens[u]: [interactions.item_tokens[i] for i in row]
        for u, row in enumerate(interactions)
    }


def test_events_are_sorted_by_time_within_each_user():
    rows = [("ann", "a", 3), ("bob", "a", 1), ("ann", "b", 1), ("bob", "c", 0), ("ann", "c", 2)]
    data = interactions_of(events_of(rows), k_core=0)
    assert named(data) == {"ann": ["b", "c", "a"], "bob": ["c", "a"]}


def test_events_at_one_time_stay_in_the_order_of_the_file():
    rows = [("u", item, 5) for item in ("d", "a", "c", "b")]
    assert named(interactions_of(events_of(rows), k_core=0)) == {"u": ["d", "a", "c", "b"]}


def test_without_times_the_order_of_the_file_is_the_order_of_events():
    rows = [("v", "b", 0), ("u", "z", 0), ("v", "a", 0), ("u", "b", 0), ("v", "b", 0)]
    data = interactions_of(events_of(rows, timed=False), k_core=0)
    assert named(data) == {"u": ["z", "b"], "v": ["b", "a", "b"]}


def test_whole_number_tokens_become_ids_in_the_order_of_numbers():
    rows = [("10", "200", 0), ("9", "30", 0), ("10", "4", 1), ("9", "200", 1)]
    data = interactions_of(events_of(rows), k_core=0)
    assert (data.user_tokens, data.item_tokens) == (("9", "10"), ("4", "30", "200"))
    assert [row.tolist() for row in data] == [[1, 2], [2, 0]]


def test_tokens_that_look_alike_are_different_items():
    rows = [("u", token, time) for time, token in enumerate(["NA", "nan", "1", "01", "1.0", " 1"])]
    assert named(interactions_of(events_of(rows), k_core=0)) == {"u": [r[1] for r in rows]}


times_all_different = st.lists(
    st.tuples(st.sampled_from("uvw"), st.sampled_from("abcd")), min_size=1, max_size=12
)


@given(times_all_different, st.randoms(use_true_random=False))
def test_neither_ids_nor_fingerprint_depend_on_the_order_of_lines(pairs, shuffler: random.Random):
    rows = [(user, item, time) for time, (user, item) in enumerate(pairs)]
    rows += [(user, "a", time) for time, user in enumerate("uvw", start=100)]  # nobody has one only
    rows += [(user, "b", time) for time, user in enumerate("uvw", start=200)]
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    one, other = (interactions_of(events_of(r), k_core=0) for r in (rows, shuffled))
    assert named(one) == named(other)
    assert one.fingerprint() == other.fingerprint()


# --------------------------------------------------------------------------------- duplicates


def test_a_repetition_of_user_item_and_time_is_an_error_that_gives_its_line():
    rows = [("u", "a", 1), ("u", "b", 1), ("v", "a", 1), ("u", "a", 1), ("u", "a", 1)]
    with pytest.raises(DatasetError, match=r"data\.csv, line 5: user 'u' and item 'a'.*\"drop\""):
        interactions_of(events_of(rows), k_core=0)


def test_dropped_duplicates_leave_the_first():
    rows = [("u", "a", 1), ("u", "b", 1), ("u", "a", 1), ("u", "a", 2)]
    data = interactions_of(events_of(rows), k_core=0, duplicates="drop")
    assert named(data) == {"u": ["a", "b", "a"]}


def test_the_same_item_at_another_time_is_an_event_of_its_own():
    rows = [("u", "a", 1), ("u", "a", 2)]
    assert named(interactions_of(events_of(rows), k_core=0)) == {"u": ["a", "a"]}


def test_a_user_whose_second_event_was_a_duplicate_has_one_event():
    rows = [("u", "a", 1), ("u", "a", 1)]
    with pytest.raises(DatasetError, match="line 2: user 'u' has one event only"):
        interactions_of(events_of(rows), k_core=0, duplicates="drop")


# ------------------------------------------------------------------------------ k-core, n_items


def test_a_user_with_one_event_is_an_error_unless_the_k_core_drops_him():
    rows = [("u", "a", 1), ("u", "a", 2), ("v", "a", 3)]
    for k_core in (0, 1):
        with pytest.raises(DatasetError, match=r"line 4: user 'v' has one event.*k_core = 2"):
            interactions_of(events_of(rows), k_core=k_core)
    assert named(interactions_of(events_of(rows), k_core=2)) == {"u": ["a", "a"]}


def test_nothing_left_after_the_k_core_is_an_error():
    rows = [("u", "a", 1), ("u", "b", 2)]
    with pytest.raises(
        DatasetError, match=r"nothing is left of 1 users and 2 items.*smaller k_core"
    ):
        interactions_of(events_of(rows), k_core=5)


def test_no_event_is_an_error():
    with pytest.raises(DatasetError, match=r"data\.csv: there is no event"):
        interactions_of(events_of([]), k_core=0)


def test_the_whole_catalogue_is_kept_where_its_size_is_given_and_nothing_is_dropped():
    data = interactions_of(events_of([("u", "3", 1), ("u", "0", 2)]), k_core=0, n_items=5)
    assert (data.n_items, data.item_tokens) == (5, ("0", "1", "2", "3", "4"))
    assert data[0].tolist() == [3, 0]
    assert (
        interactions_of(events_of([("u", "3", 1), ("u", "0", 2)]), k_core=1, n_items=5).n_items == 2
    )


@pytest.mark.parametrize("token", ["5", "-1", "x", "1.0", "007", "", "१"])
def test_an_id_outside_the_catalogue_is_an_error_that_gives_its_line(token):
    rows = [("u", "0", 1), ("u", token, 2)]
    with pytest.raises(DatasetError, match=f"line 3: item '{token}' is not one.*0 to 4"):
        interactions_of(events_of(rows), k_core=0, n_items=5)


@pytest.mark.parametrize("k_core", [-1, 2.0, True, "5", None])
def test_a_k_core_that_is_no_count_is_refused(k_core):
    with pytest.raises(ParameterError, match="dataset 'toy': k_core is"):
        check_k_core(k_core, dataset="toy")


def test_duplicates_must_be_error_or_drop():
    choices = ("error", "drop")
    assert check_choice("drop", "duplicates", choices, dataset="toy") == "drop"
    with pytest.raises(ParameterError, match="duplicates is 'keep'"):
        check_choice("keep", "duplicates", choices, dataset="toy")
