"""One pass over whole sequences trains on exactly the samples that every prefix makes."""

import numpy as np
import pytest
import torch

from loki_bench.contracts import TrainingSamples
from loki_bench.interactions import Sequences
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.prefix_training import Windows
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.sasrec import SASRec

ALL_AT_ONCE = {"l2": 0.0, "epochs": 1, "batch_size": 10_000, "dropout": 0.0}


def sasrec(**given):
    return SASRec(hidden_size=8, inner_size=8, attention_dropout=0.0, **ALL_AT_ONCE, **given)


@pytest.mark.parametrize("loss", ["CE", "BPR"])
@pytest.mark.parametrize("name", ["caser", "gru4rec", "narm", "sasrec"])
def test_the_shared_pass_has_the_loss_and_gradient_of_all_prefixes_one_by_one(small, loss, name):
    if name == "gru4rec":
        model = GRU4Rec(loss=loss, embedding_size=8, hidden_size=8, **ALL_AT_ONCE)
    elif name == "narm":
        model = NARM(
            loss=loss, embedding_size=8, hidden_size=6, attention_dropout=0.0, **ALL_AT_ONCE
        )
    elif name == "caser":  # reads the last three items, so most samples are not whole prefixes
        model = Caser(loss=loss, embedding_size=8, max_length=3, **ALL_AT_ONCE)
    else:
        model = sasrec(loss=loss)
    model.fit(small, validation=None, seed=3)
    # `sample_loss` runs each prefix on its own, and is tested equal to RecBole's calculate_loss
    samples = model.training_samples(small, seed=11)
    alone = model.sample_loss(samples).mean()
    gradients = torch.autograd.grad(alone, model.parameters(), allow_unused=True)

    source = SampleSource.of(small, from_first=False)
    epoch = model._epoch(small, source, seed=11)
    together = epoch(0)  # the loss before its one step, and that step's gradient

    assert together == pytest.approx(float(alone.detach()), rel=1e-5)
    optimised = epoch._optimiser.param_groups[0]["params"]
    for parameter, gradient in zip(optimised, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_a_long_sequence_is_read_in_windows_that_overlap_by_half():
    # eight places, four at a time: 0-3, then 2-5 of which 4 and 5 are new, then 4-7
    windows = Windows.of(np.array([3, 8, 4]), 4)
    assert windows.starts.tolist() == [0, 3, 5, 7, 11]
    assert windows.lengths.tolist() == [3, 4, 4, 4, 4]
    assert windows.read_before.tolist() == [0, 0, 2, 2, 0]
    # seven places: the last window ends with the sequence, and one place is new in it
    windows = Windows.of(np.array([7]), 4)
    assert windows.starts.tolist() == [0, 2, 3]
    assert windows.read_before.tolist() == [0, 2, 3]


@pytest.mark.parametrize("longest", [1, 2, 3, 5, None])
def test_every_place_is_a_sample_once(longest):
    lengths = np.array([1, 12, 2, 7, 5])
    windows = Windows.of(lengths, longest)
    places = [
        range(start + before, start + length)
        for start, length, before in zip(
            windows.starts, windows.lengths, windows.read_before, strict=True
        )
    ]
    assert sorted(place for part in places for place in part) == list(range(27))
    assert longest is None or windows.lengths.max() <= longest


def test_samples_beyond_the_longest_read_the_end_of_their_window(small):
    model = sasrec(loss="BPR", max_length=4).fit(small, validation=None, seed=3)
    samples = model.training_samples(small, seed=11)
    # of a user's n-th sample: all of the first four items, then from the start of its window
    starts = [0, 0, 0, 0, 2, 2, 4, 4, 6, 6, 7]
    rows = []
    for history in samples.histories:
        n_inputs = len(history)
        whole = int((samples.users == samples.users[len(rows)]).sum())
        start = min(starts[n_inputs - 1], max(whole - 4, 0))
        rows.append(history[start:])
    windowed = TrainingSamples(
        users=samples.users,
        last_items=samples.last_items,
        positives=samples.positives,
        negatives=samples.negatives,
        histories=Sequences.of(rows),
    )
    wanted = float(model.sample_loss(windowed).mean().detach())
    epoch = model._epoch(small, SampleSource.of(small, from_first=False), seed=11)
    assert epoch(0) == pytest.approx(wanted, rel=1e-5)


def test_only_the_latest_items_count_beyond_the_longest(small):
    model = sasrec(max_length=4).fit(small, validation=None, seed=3)
    user = np.array([2], dtype=np.int32)
    long = model.score_next(user, Sequences.of([[9, 8, 1, 2, 3, 4]]))
    cut = model.score_next(user, Sequences.of([[1, 2, 3, 4]]))
    other = model.score_next(user, Sequences.of([[2, 1, 3, 4]]))
    assert np.array_equal(long, cut)
    assert not np.array_equal(cut, other)


def test_no_position_is_read_that_no_sample_has(small):
    # the longest sequence has twelve events, so the longest history of a sample eleven
    model = sasrec(max_length=50).fit(small, validation=None, seed=3)
    assert len(model.parameters()[1]) == 11
