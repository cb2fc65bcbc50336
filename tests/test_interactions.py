"""Ragged sequences against plain lists; k-core against brute force."""

import hashlib
import itertools
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_bench import interactions as ragged
from loki_bench.interactions import (
    Interactions,
    Sequences,
    distinct_items,
    k_core,
    locked,
    n_repeats,
)

rows_of_ids = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6)


def as_lists(sequences):
    return [row.tolist() for row in sequences]


def interactions(rows, n_items=10, **tokens):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items, **tokens)


@given(rows_of_ids)
def test_sequences_behave_like_a_list_of_lists(rows):
    sequences = Sequences.of(rows)
    assert len(sequences) == len(rows)
    assert as_lists(sequences) == rows
    assert [sequences[r].tolist() for r in range(-len(rows), 0)] == rows
    assert sequences.lengths.tolist() == [len(row) for row in rows]
    assert sequences.n_events == sum(map(len, rows))
    assert sequences.rows.tolist() == [r for r, row in enumerate(rows) for _ in row]
    assert sequences.items.dtype == np.int32
    assert sequences.offsets.dtype == np.int64


@given(rows_of_ids, st.data())
def test_take_picks_rows_in_the_given_order_with_repetition(rows, data):
    picked = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5) if rows else st.just([]))
    assert as_lists(Sequences.of(rows).take(picked)) == [rows[r] for r in picked]


@given(rows_of_ids, st.integers(0, 7), st.data())
def test_without_last_cuts_the_chosen_rows_as_slicing_does(rows, n, data):
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    sequences = Sequences.of(rows)
    cut = [row[: max(0, len(row) - n)] for row in rows]
    assert as_lists(sequences.without_last(n)) == cut
    some = sequences.without_last(n, rows=np.array(chosen, dtype=bool))
    assert as_lists(some) == [
        c if yes else row for yes, c, row in zip(chosen, cut, rows, strict=True)
    ]


@given(rows_of_ids, rows_of_ids)
def test_followed_by_and_equality_and_hash_agree_with_lists(first, second):
    a, b = Sequences.of(first), Sequences.of(second)
    assert as_lists(a.followed_by(b)) == first + second
    assert (a == b) == (first == second)
    assert a == Sequences.of(first)
    assert hash(a) == hash(Sequences.of(first))
    assert (a.digest() == b.digest()) == (first == second)


@given(rows_of_ids)
def test_fake_users_are_appended_behind_genuine_ones(rows):
    genuine = interactions([[1, 2], [3]])
    both = genuine.with_users(Sequences.of(rows))
    assert as_lists(both) == [[1, 2], [3], *rows]
    assert both.n_users == 2 + len(rows)
    assert both.n_items == 10


def test_no_sequences_at_all_is_empty_everywhere():
    empty = Sequences.empty()
    assert empty == Sequences.of([])
    assert (len(empty), empty.n_events, as_lists(empty.take([]))) == (0, 0, [])
    assert as_lists(empty.without_last(2)) == []
    assert as_lists(empty.followed_by(Sequences.of([[1]]))) == [[1]]


def test_a_row_past_the_end_is_an_index_error():
    sequences = Sequences.of([[1], [2]])
    for row in (2, -3):
        with pytest.raises(IndexError, match="of 2"):
            sequences[row]


@pytest.mark.parametrize("bad", [2**32, -(2**40)])
def test_an_id_that_would_wrap_around_is_refused(bad):
    with pytest.raises(ValueError, match=f"{bad} does not fit int32: ids are at most"):
        Sequences(np.array([0, 2]), np.array([0, bad]))


@pytest.mark.parametrize("bad", [-1, 2**31])
def test_an_id_that_is_no_int32_is_refused(bad):
    with pytest.raises(OverflowError, match="ids must lie between"):
        Sequences.of([[0], [bad]])


@pytest.mark.parametrize(
    ("offsets", "items"),
    [([0, 1], [5, 6]), ([1, 2], [5, 6]), ([0, 2, 1], [5]), ([], []), ([0.0, 1.0], [5]), (0, [])],
)
def test_offsets_that_do_not_describe_the_items_are_refused(offsets, items):
    with pytest.raises(ValueError, match=r"offsets|integers"):
        Sequences(np.array(offsets), np.array(items, dtype=np.int64))


def test_what_was_built_does_not_change_with_the_arrays_it_was_built_from():
    offsets, items = np.array([0, 2]), np.array([4, 5], dtype=np.int32)
    sequences = Sequences(offsets, items)
    items[0] = 9
    assert as_lists(sequences) == [[4, 5]]


@pytest.mark.parametrize("through_pickle", [False, True])
def test_arrays_are_read_only_also_in_another_process(through_pickle):
    data = interactions([[1, 2], [3]])
    if through_pickle:
        data = pickle.loads(pickle.dumps(data))
    assert as_lists(data) == [[1, 2], [3]]
    for array in (data.items, data.offsets, data[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def arrays_down_to_the_owner(array):
    """An array and every array below it; what lies below the last one is not an array."""
    while isinstance(array, np.ndarray):
        yield array
        array = array.base


@pytest.mark.parametrize("protocol", [None, *range(2, pickle.HIGHEST_PROTOCOL + 1)])
def test_nobody_can_make_the_arrays_writable_not_even_through_their_base(protocol):
    data = interactions([[1, 2], [3]])
    if protocol is not None:
        data = pickle.loads(pickle.dumps(data, protocol))
    parts = (data, data.take([1, 0]), data.without_last(1), data.prefixes(), data.with_users(data))
    for part in parts:
        for array in (part.items, part.offsets, part[0], part.items[:1]):
            for held in arrays_down_to_the_owner(array):
                with pytest.raises(ValueError, match="cannot set WRITEABLE"):
                    held.setflags(write=True)
                with pytest.raises(ValueError, match="cannot set WRITEABLE"):
                    held.flags.writeable = True


def test_a_file_mapped_for_reading_is_locked_as_it_is_and_not_copied(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3, dtype=np.int32))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert locked(mapped) is mapped
    copied_on_write = np.load(tmp_path / "a.npy", mmap_mode="c")
    assert locked(copied_on_write) is not copied_on_write


def test_an_array_that_only_says_that_it_is_read_only_is_copied():
    array = np.arange(3, dtype=np.int32)
    array.flags.writeable = False
    sequences = Sequences(np.array([0, 3]), array)
    array.flags.writeable = True
    array[0] = 7
    assert as_lists(sequences) == [[0, 1, 2]]


def test_empty_and_two_dimensional_arrays_are_locked_with_their_shape():
    assert locked(np.empty((0, 3), dtype=np.int32)).shape == (0, 3)
    assert locked(np.arange(6).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_an_item_outside_the_catalogue_is_refused():
    with pytest.raises(ValueError, match="catalogue of 3"):
        interactions([[0, 3]], n_items=3)


def test_item_tokens_must_name_the_whole_catalogue():
    with pytest.raises(ValueError, match="item_tokens"):
        interactions([[0]], n_items=2, item_tokens=("a",))


def test_item_counts_include_items_without_events():
    assert interactions([[0, 2, 2], [2]], n_items=4).item_counts.tolist() == [1, 0, 3, 0]


# ------------------------------------------------------------------------------- fingerprints


@given(rows_of_ids)
def test_the_fingerprint_depends_neither_on_tokens_nor_on_the_width_of_integers(rows):
    plain = interactions(rows)
    named = Interactions(
        plain.offsets.astype(np.int32),
        plain.items.astype(np.int64),
        n_items=10,
        user_tokens=tuple(f"u{r}" for r in range(len(rows))),
        item_tokens=tuple("abcdefghij"),
    )
    big_endian = Interactions(plain.offsets.astype(">i8"), plain.items.astype(">i4"), n_items=10)
    assert plain.fingerprint() == named.fingerprint() == big_endian.fingerprint()


def test_the_fingerprint_is_the_documented_hash():
    sha = hashlib.sha256(b"interactions")
    for values, width in (([7], "q"), ([2, 0, 1], "q"), ([3, 6, 0], "i")):
        sha.update(struct.pack("<q", len(values)) + struct.pack(f"<{len(values)}{width}", *values))
    assert interactions([[3, 6], [], [0]], n_items=7).fingerprint() == sha.hexdigest()


def test_the_fingerprint_tells_catalogues_and_row_borders_apart():
    data = [
        interactions([[1, 2], [3]], n_items=10),
        interactions([[1, 2], [3]], n_items=11),
        interactions([[1], [2, 3]], n_items=10),
        interactions([[1, 2], [3], []], n_items=10),
        interactions([[2, 1], [3]], n_items=10),
    ]
    assert len({d.fingerprint() for d in data}) == len(data)


# ------------------------------------------------------------------------------------- k-core

small_data = st.lists(st.lists(st.integers(0, 4), max_size=6), max_size=5)


def subsets(n):
    return [set(s) for size in range(n + 1) for s in itertools.combinations(range(n), size)]


def is_core(rows, users, items, k):
    inside = [[i for i in rows[u] if i in items] for u in users]
    counts = [sum(row.count(i) for row in inside) for i in items]
    return all(len(row) >= k for row in inside) and all(count >= k for count in counts)


def largest_core(rows, k):
    """The largest users and items that keep k events each, by trying all of them."""
    tried = itertools.product(subsets(len(rows)), subsets(5))
    cores = [core for core in tried if is_core(rows, *core, k)]
    return max(cores, key=lambda core: len(core[0]) + len(core[1]))


@settings(max_examples=40)
@given(small_data, st.integers(1, 3))
def test_k_core_is_the_largest_part_in_which_all_have_k_events(rows, k):
    data = interactions(
        rows,
        n_items=5,
        user_tokens=tuple(f"u{u}" for u in range(len(rows))),
        item_tokens=tuple(f"i{i}" for i in range(5)),
    )
    core = k_core(data, k)
    users, items = largest_core(rows, k)
    assert core.user_tokens == tuple(f"u{u}" for u in sorted(users))
    assert core.item_tokens == tuple(f"i{i}" for i in sorted(items))
    named = [[core.item_tokens[i] for i in row] for row in core]
    assert named == [[f"i{i}" for i in rows[u] if i in items] for u in sorted(users)]


@given(small_data, st.integers(0, 4))
def test_k_core_of_a_k_core_changes_nothing(rows, k):
    core = k_core(interactions(rows, n_items=5), k)
    assert (core.lengths >= max(k, 1)).all()
    assert (core.item_counts >= max(k, 1)).all()
    assert k_core(core, k).fingerprint() == core.fingerprint()


def test_k_core_goes_on_until_it_is_stable():
    # dropping item 2 leaves the last user one event, dropping him leaves item 1 two events
    core = k_core(interactions([[0, 0, 1], [0, 1, 0], [1, 2]], n_items=3), 2)
    assert as_lists(core) == [[0, 0, 1], [0, 1, 0]]
    assert core.n_items == 2


def test_k_core_may_leave_nothing():
    core = k_core(interactions([[0, 1], [2]]), 5)
    assert (core.n_users, core.n_items, core.n_events) == (0, 0, 0)


def test_k_core_without_tokens_has_no_tokens():
    core = k_core(interactions([[3, 3], [4]]), 2)
    assert (as_lists(core), core.user_tokens, core.item_tokens) == ([[0, 0]], (), ())


@given(rows_of_ids, st.integers(1, 7))
def test_the_different_items_of_each_row_whatever_is_sorted_at_a_time(rows, piece):
    sequences = Sequences.of(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged, "_PIECE", piece)
        offsets, items = distinct_items(sequences)
        assert n_repeats(sequences) == sum(len(row) - len(set(row)) for row in rows)
    assert (offsets.dtype, items.dtype) == (np.int64, np.int32)
    parts = [items[a:b].tolist() for a, b in itertools.pairwise(offsets.tolist())]
    assert parts == [sorted(set(row)) for row in rows]
