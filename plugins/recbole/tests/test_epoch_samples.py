"""The samples of an epoch that move a row: the same in small data, the same chances in large."""

import numpy as np
import pytest
from scipy import stats

from loki_bench.interactions import Sequences
from loki_bench.testing.planted import interactions_of
from loki_bench_recbole import compiled_epoch
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.draws import Stream, draw_negatives_among, epoch_key, shuffled_in_blocks
from loki_bench_recbole.epoch_samples import TouchedSamples
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.samples import SampleSource

N_ITEMS = 40
ROWS = [[0, 1, 2], [5, 6], [7], [8, 9, 10, 11, 12, 13, 14, 15, 16, 17], [3, 20, 21]]
USERS, ITEMS = np.array([1], np.int32), np.array([3, 30, 31], np.int32)


@pytest.fixture(scope="module")
def train():
    return interactions_of(ROWS, n_items=N_ITEMS)


@pytest.fixture(scope="module")
def source(train):
    return SampleSource.of(train, from_first=True)


@pytest.fixture(scope="module")
def moving(train):
    return MovingRows.of(
        USERS, ITEMS, n_before=train.n_users, n_users=train.n_users, n_items=N_ITEMS
    )


def test_in_small_data_they_are_those_of_a_whole_epoch(source, moving):
    touched = TouchedSamples(source, moving, seed=4, block=len(source))
    for epoch in range(20):
        order, negatives = touched(epoch)
        every = source.negatives(seed=4, epoch=epoch)
        whole = shuffled_in_blocks(len(source), len(source), epoch_key(4, Stream.ORDER, epoch))
        expected = whole[moving.touched_by(source, every)[whole]]
        assert order.tolist() == expected.tolist()
        assert negatives.tolist() == every[expected].tolist()


def test_in_large_data_each_sample_has_the_chances_of_a_whole_epoch(source, moving):
    touched, n_epochs = TouchedSamples(source, moving, seed=4, block=1), 20_000
    always = moving.always_touched_by(source)
    counts = np.zeros((len(source), N_ITEMS))
    for epoch in range(n_epochs):
        order, negatives = touched(epoch)
        assert len(set(order.tolist())) == len(order)
        np.add.at(counts, (order, negatives), 1)
    assert (counts[always].sum(axis=1) == n_epochs).all()
    for sample in range(len(source)):
        own = ROWS[source.users[sample]]
        expected = np.full(N_ITEMS, n_epochs / (N_ITEMS - len(own)))
        expected[own] = 0.0
        if not always[sample]:
            expected[~moving.items] = 0.0
        assert not counts[sample][expected == 0.0].any()
        drawn = expected > 0.0
        chi2 = ((counts[sample] - expected)[drawn] ** 2 / expected[drawn]).sum()
        assert stats.chi2.sf(chi2, drawn.sum()) > 1e-4


def test_an_epoch_is_a_function_of_its_seed_and_number(source, moving):
    epochs = {
        (seed, epoch): TouchedSamples(source, moving, seed=seed, block=1)(epoch)
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    again = TouchedSamples(source, moving, seed=1, block=1)(1)
    assert all(np.array_equal(a, b) for a, b in zip(epochs[1, 1], again, strict=True))
    assert len({tuple(order.tolist()) for order, _ in epochs.values()}) == len(epochs)


def test_where_many_items_move_every_negative_is_drawn(source, train):
    many = MovingRows.of(
        USERS, np.arange(20, dtype=np.int32), n_before=train.n_users, n_users=train.n_users,
        n_items=N_ITEMS,
    )  # fmt: skip
    one, other = (TouchedSamples(source, many, seed=4, block=n) for n in (1, len(source)))
    assert sorted(one(3)[0].tolist()) == sorted(other(3)[0].tolist())


def test_where_no_item_moves_the_samples_are_those_of_the_users(source, train):
    users_alone = MovingRows.of(
        USERS, np.empty(0, np.int32), n_before=train.n_users, n_users=train.n_users,
        n_items=N_ITEMS,
    )  # fmt: skip
    order, negatives = TouchedSamples(source, users_alone, seed=4, block=1)(0)
    assert sorted(order.tolist()) == np.flatnonzero(source.users == USERS[0]).tolist()
    assert not set(negatives.tolist()) & set(ROWS[USERS[0]])


def test_of_no_samples_none_draws_one_of_the_items():
    none, key = np.empty(0, dtype=np.int32), epoch_key(0, Stream.RARE_NEGATIVES, 0)
    found = draw_negatives_among(
        np.array([2], np.int32), 9, none, np.zeros(2, np.int64), none, 9, key
    )
    assert [len(part) for part in found] == [0, 0]


def test_rows_are_trained_alike_either_way(monkeypatch):
    """Two worlds of one kind: users who share items are shown each other's."""
    rng = np.random.default_rng(0)
    rows = [(rng.permutation(15) + 15 * (user % 2)).tolist()[:9] for user in range(120)]
    train = interactions_of(rows, n_items=130)
    poison = Sequences.of([[item, 100] * 4 for item in range(15) for _ in range(4)])
    users, items = np.arange(0, 20, 2, dtype=np.int32), np.array([100, 101], np.int32)
    histories, shown = train.take(users), []
    for block in (2**18, 100):
        monkeypatch.setattr(compiled_epoch, "BLOCK_SAMPLES", block)
        model = BPRMF(embedding_size=8, epochs=60).fit(train, validation=None, seed=1)
        model.fit_rows(train.with_users(poison), users=users, items=items, seed=2)
        scores = model.score_next(users, histories)
        shown.append((scores[:, 100:101] > scores[:, 101:]).mean(axis=1))
    assert (shown[0] > 0.9).all()
    assert (shown[1] > 0.9).all()
