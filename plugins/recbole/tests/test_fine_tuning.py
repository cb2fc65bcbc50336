"""A fit that is taken up goes on from its weights and AdaGrad's sums, with rows for new users."""

import pickle

import numpy as np
import pytest

from loki_bench.errors import ParameterError, UsageError
from loki_bench.interactions import Sequences
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.compiled_epoch import BLOCK_SAMPLES, INITIAL_ACCUMULATOR
from loki_bench_recbole.draws import Stream, epoch_key, shuffled_in_blocks
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.hooks import loki_bench_recommenders
from loki_bench_recbole.model_building import build_model
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.transrec import TransRec

NEW = Sequences.of([[1, 4, 2, 9], [3, 3, 8]])
RATE, L2 = 0.05, 0.01


def tables_of(model):
    return [tensor.detach().numpy().copy() for tensor in model.parameters()]


def adagrad(users, items, sums, source, seed, epochs):
    """Row-wise AdaGrad on BPR's loss, sample by sample, in float64."""
    for epoch in range(epochs):
        negatives = source.negatives(seed=seed, epoch=epoch)
        order = shuffled_in_blocks(len(source), BLOCK_SAMPLES, epoch_key(seed, Stream.ORDER, epoch))
        for s in order:
            u, i, j = source.users[s], source.positives[s], negatives[s]
            x = users[u] @ (items[i] - items[j])
            slope = -1 / (1 + np.exp(x))
            gradients = (
                (users, sums[0], u, slope * (items[i] - items[j]) + L2 * users[u]),
                (items, sums[1], i, slope * users[u] + L2 * items[i]),
                (items, sums[1], j, -slope * users[u] + L2 * items[j]),
            )
            for table, total, row, gradient in gradients:
                total[row] += np.mean(gradient**2)
                table[row] -= RATE * gradient / np.sqrt(total[row])


def test_it_goes_on_where_the_fit_ended_by_the_formula_of_its_trainer(small):
    model = BPRMF(embedding_size=4, epochs=3, learning_rate=RATE, l2=L2)
    model.fit(small, validation=None, seed=1)
    users, items = (table.astype(np.float64) for table in tables_of(model))
    sums = [total.astype(np.float64) for total in model._sums]
    more = small.with_users(NEW)
    begun = build_model(BPRMF.model_class, {"embedding_size": 4}, train=more, max_length=1, seed=2)
    new_rows = begun.get_parameter("user_embedding.weight").detach().numpy()[1:][11:]
    users = np.vstack([users, new_rows])
    sums[0] = np.append(sums[0], [INITIAL_ACCUMULATOR] * 2)
    adagrad(users, items, sums, SampleSource.of(more, from_first=True), seed=2, epochs=2)

    assert model.fine_tune(more, seed=2, epochs=2) is model
    for found, expected in zip(tables_of(model), (users, items), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5)
    assert model.fit_report["epochs"] == 2.0
    assert model.fit_report["epochs_before"] == 3.0
    assert model.n_training_samples == more.n_events


@pytest.mark.parametrize("recommender", [BPRMF, FPMC, TransRec])
def test_one_answer_and_new_users_are_known(small, recommender):
    def tuned():
        model = recommender(embedding_size=4, epochs=3).fit(small, validation=None, seed=1)
        return pickle.loads(pickle.dumps(model)).fine_tune(small.with_users(NEW), seed=2, epochs=2)

    first, again = tuned(), tuned()
    asked = np.array([0, 12], dtype=np.int32)
    histories = Sequences.of([[1], [3, 3, 8]])
    scores = first.score_next(asked, histories)
    assert scores.shape == (2, 30)
    assert np.array_equal(scores, again.score_next(asked, histories))


@pytest.mark.parametrize("recommender", [BPRMF, FPMC, TransRec])
def test_the_kept_sums_are_those_of_the_weights_that_validation_chose(cycle, recommender):
    # stopped when looks get no better, or ended at the epoch that was best
    stopped = recommender(embedding_size=4, epochs=60, validate_every=2, patience=1)
    stopped.fit(cycle.train, validation=cycle.validation, seed=0)
    best = int(stopped.fit_report["best_epoch"])
    ended = recommender(embedding_size=4, epochs=best).fit(cycle.train, validation=None, seed=0)
    for kept, expected in zip(stopped._sums, ended._sums, strict=True):
        assert np.array_equal(kept, expected)


def test_only_those_that_can_say_that_they_can():
    able = {spec.name for spec in loki_bench_recommenders() if spec.fine_tunes}
    assert able == {"bprmf", "fpmc", "transrec"}


def test_what_cannot_be_taken_up_is_refused(small):
    with pytest.raises(UsageError, match="call fit first"):
        BPRMF().fine_tune(small, seed=0, epochs=1)
    for trainer in ("torch", "lbfgs"):
        model = BPRMF(embedding_size=4, epochs=1, trainer=trainer)
        model.fit(small, validation=None, seed=0)
        with pytest.raises(ParameterError, match=f"this one has '{trainer}'"):
            model.fine_tune(small, seed=0, epochs=1)
    model = BPRMF(embedding_size=4, epochs=1).fit(small.with_users(NEW), validation=None, seed=0)
    with pytest.raises(ParameterError, match="users may only be added"):
        model.fine_tune(small, seed=0, epochs=1)


@pytest.mark.parametrize("given", [{"epochs": 0}, {"seed": -1}, {"seed": 2**63}])
def test_what_is_refused_leaves_the_fit_as_it_was(small, given):
    model = BPRMF(embedding_size=4, epochs=1).fit(small, validation=None, seed=0)
    before, report = tables_of(model), model.fit_report
    with pytest.raises(ParameterError, match=next(iter(given))):
        model.fine_tune(small.with_users(NEW), **{"seed": 1, "epochs": 1, **given})
    assert model.fit_report == report
    for found, expected in zip(tables_of(model), before, strict=True):
        assert np.array_equal(found, expected)
    model.score_next(np.array([10], np.int32), Sequences.of([[4]]))
