"""Random draws as functions of a seed and a counter."""

import numpy as np

from loki_bench_recbole.draws import Stream, draw_negatives, epoch_key, shuffled, shuffled_in_blocks
from loki_bench_recbole.samples import SampleSource


def splitmix64(state, n):
    """Steele et al. 2014, Fig. 16, with Python's whole numbers."""
    mask = 2**64 - 1
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def test_keys_are_splitmix64_of_splitmix64():
    inner = list(splitmix64(2**62 + 3, 2))[Stream.ORDER]
    assert int(epoch_key(2**62 + 3, Stream.ORDER, 6)) == list(splitmix64(inner, 7))[6]


def test_draws_follow_the_reference_generator():
    key = epoch_key(5, Stream.NEGATIVES, 0)
    drawn = draw_negatives(
        np.zeros(50, dtype=np.int32),
        np.array([0, 0], dtype=np.int64),
        np.empty(0, dtype=np.int32),
        1000,
        key,
    )
    assert drawn.tolist() == [(z >> 32) * 1000 >> 32 for z in splitmix64(int(key), 50)]


def test_an_order_is_a_permutation_and_keys_change_it():
    order = shuffled(100, epoch_key(0, Stream.ORDER, 0))
    assert sorted(order.tolist()) == list(range(100))
    assert order.tolist() != shuffled(100, epoch_key(0, Stream.ORDER, 1)).tolist()
    assert shuffled(0, epoch_key(0, Stream.ORDER, 0)).tolist() == []
    assert shuffled(1, epoch_key(0, Stream.ORDER, 0)).tolist() == [0]


def test_an_order_in_blocks_is_a_permutation_that_leaves_no_block_half_done():
    key = epoch_key(0, Stream.ORDER, 0)
    order = shuffled_in_blocks(10, 4, key)  # three blocks: 0-2, 3-5, 6-9
    assert sorted(order.tolist()) == list(range(10))
    block_of = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])[order]
    assert np.count_nonzero(np.diff(block_of)) == 2
    long = shuffled_in_blocks(10_000, 1000, key)
    starts = long[::1000] // 1000
    assert sorted(starts.tolist()) == list(range(10))
    assert starts.tolist() != sorted(starts.tolist())
    assert all(np.any(np.diff(long[i : i + 1000]) < 0) for i in range(0, 10_000, 1000))
    assert long.tolist() != shuffled_in_blocks(10_000, 1000, epoch_key(0, Stream.ORDER, 1)).tolist()


def test_an_order_of_one_block_is_the_plain_one():
    key = epoch_key(0, Stream.ORDER, 0)
    for n in (0, 1, 7, 8):
        assert shuffled_in_blocks(n, 8, key).tolist() == shuffled(n, key).tolist()


def test_negatives_are_uniform_over_the_items_outside_the_positives():
    n = 60_000
    positives = np.array([0, 3, 4, 9], dtype=np.int32)
    drawn = draw_negatives(
        np.zeros(n, dtype=np.int32),
        np.array([0, 4], dtype=np.int64),
        positives,
        10,
        epoch_key(3, Stream.NEGATIVES, 0),
    )
    counts = np.bincount(drawn, minlength=10)
    assert counts[positives].tolist() == [0, 0, 0, 0]
    free = counts[[1, 2, 5, 6, 7, 8]]
    # six equal cells: the standard deviation of a count is about 91
    assert np.all(np.abs(free - n / 6) < 5 * 91)


def test_negatives_are_never_positives_and_change_by_epoch(small):
    source = SampleSource.of(small, from_first=True)
    own = [set(row.tolist()) for row in small]
    epochs = [source.negatives(seed=1, epoch=epoch) for epoch in range(50)]
    for negatives in epochs:
        assert all(int(i) not in own[u] for u, i in zip(source.users, negatives, strict=True))
        assert negatives.min() >= 0
        assert negatives.max() < small.n_items
    assert not np.array_equal(epochs[0], epochs[1])
    assert np.array_equal(epochs[0], source.with_negatives(seed=1).negatives)
