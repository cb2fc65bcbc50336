"""Weights multiply samples' losses: against autograd, plain arithmetic and fits without weights."""

import numpy as np
import pytest
import torch

from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.catalogue_softmax import catalogue_cross_entropy
from loki_bench_recbole.compiled_epoch import CompiledEpoch
from loki_bench_recbole.factor_training import adagrad_epoch
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.lbfgs_training import objective_and_gradient
from loki_bench_recbole.prefix_training import PrefixEpoch
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.torch_training import AdamEpoch
from loki_bench_recbole.translation_training import adagrad_epoch_translation
from loki_bench_recbole.transrec import TransRec

ALL = {
    "bprmf": lambda: BPRMF(epochs=3),
    "bprmf-torch": lambda: BPRMF(epochs=3, trainer="torch"),
    "bprmf-lbfgs": lambda: BPRMF(epochs=5, trainer="lbfgs"),
    "fpmc": lambda: FPMC(epochs=3),
    "gru4rec": lambda: GRU4Rec(epochs=2),
    "sasrec": lambda: SASRec(epochs=2),
    "sasrec-bpr": lambda: SASRec(epochs=2, loss="BPR"),
    "transrec": lambda: TransRec(epochs=3),
}
RATE, L2 = np.float32(0.1), np.float32(0.05)


def tables_of(*shapes):
    generator = np.random.default_rng(4)
    return tuple(generator.normal(size=shape).astype(np.float32) for shape in shapes)


def weighted_gradients(tables, loss):
    """What autograd makes of a loss of the tables, in float64."""
    leaves = [torch.from_numpy(t.astype(np.float64)).requires_grad_() for t in tables]
    loss(*leaves).backward()
    return [leaf.grad.numpy() for leaf in leaves]


def recovered(old, new, sums):
    """The gradient of row-wise AdaGrad's first step, whose sums began at one."""
    return (old - new) * np.sqrt(sums)[:, None] / RATE


def test_one_compiled_step_of_a_factor_model_follows_the_weighted_gradient():
    # one sample of weight 0.25: user 1 rather sees item 2 than item 0
    tables = tables_of((3, 4), (3, 4))
    sums = tuple(np.ones(3, np.float32) for _ in tables)

    def loss(users, items):
        x = users[1] @ (items[2] - items[0])
        squares = users[1].square().sum() + items[2].square().sum() + items[0].square().sum()
        return 0.25 * (torch.log1p(torch.exp(-x)) + float(L2) / 2 * squares)

    expected = weighted_gradients(tables, loss)
    before = [table.copy() for table in tables]
    ids = [np.array([n], np.int32) for n in (1, 2, 0)]
    adagrad_epoch((ids[0],), ids[1], ids[2], tables, sums, RATE, L2, np.array([0.25], np.float32))
    for old, new, total, gradient in zip(before, tables, sums, expected, strict=True):
        np.testing.assert_allclose(recovered(old, new, total), gradient, atol=2e-6)
        np.testing.assert_allclose(total - 1, np.square(gradient).mean(1), atol=1e-6)


def test_one_compiled_step_of_a_translation_model_follows_the_weighted_gradient():
    tables = tables_of((3, 4), (4, 4), (4, 1), (1, 4))
    sums = tuple(np.ones(len(table), np.float32) for table in tables)

    def loss(users, items, biases, shared):
        query = shared[0] + users[1] + items[3]
        x = biases[2, 0] - (query - items[2]).norm() - biases[0, 0] + (query - items[0]).norm()
        rows = (users[1], items[3], items[2], items[0], biases[2], biases[0], shared[0])
        return 0.25 * (
            torch.log1p(torch.exp(-x)) + float(L2) / 2 * sum(row.square().sum() for row in rows)
        )

    expected = weighted_gradients(tables, loss)
    before = [table.copy() for table in tables]
    ids = [np.array([n], np.int32) for n in (1, 3, 2, 0)]
    adagrad_epoch_translation(*ids, tables, sums, RATE, L2, np.array([0.25], np.float32))
    for old, new, total, gradient in zip(before, tables, sums, expected, strict=True):
        np.testing.assert_allclose(recovered(old, new, total), gradient, atol=2e-5)


def test_samples_without_weight_move_nothing_and_the_others_as_if_they_were_alone():
    generator = np.random.default_rng(1)
    start = tables_of((9, 5), (9, 5))
    users, positives = generator.integers(0, 9, (2, 60)).astype(np.int32)
    negatives = ((positives + 1) % 9).astype(np.int32)
    counted = generator.random(60) < 0.5
    answers = []
    for kept, weights in ((slice(None), counted.astype(np.float32)), (counted, None)):
        tables = tuple(table.copy() for table in start)
        sums = tuple(np.ones(9, np.float32) for _ in tables)
        adagrad_epoch(
            (users[kept],), positives[kept], negatives[kept], tables, sums, RATE, L2, weights
        )
        answers.append(np.concatenate(tables))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_the_lbfgs_objective_counts_a_sample_as_often_as_it_weighs():
    generator = np.random.default_rng(2)
    tables = tuple(generator.normal(size=(3, 2)) for _ in range(2))
    users, items = np.array([0, 1], np.int32), np.array([2, 0], np.int32)
    others = np.array([1, 1], np.int32)
    answers = []
    for ids, weights in (([0, 1], [3.0, 1.0]), ([0, 0, 0, 1], None)):
        gradients = tuple(np.empty_like(table) for table in tables)
        value = objective_and_gradient(
            (users[ids],),
            items[ids],
            others[ids],
            tables,
            gradients,
            0.1,
            None if weights is None else np.array(weights, np.float32),
        )
        answers.append(np.append(np.concatenate(gradients), value))
    np.testing.assert_allclose(answers[0], answers[1])


def test_the_cross_entropy_of_the_catalogue_weighs_samples():
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(5, 3, generator=generator).requires_grad_()
    items = torch.randn(7, 3, generator=generator).requires_grad_()
    positives, weights = torch.tensor([0, 6, 2, 2, 5]), torch.tensor([1.0, 0.0, 0.5, 2.0, 0.25])
    catalogue_cross_entropy(outputs, items, positives, weights).backward()
    found = [outputs.grad.clone(), items.grad.clone()]
    outputs.grad = items.grad = None
    scores = torch.cat([torch.zeros(5, 1), outputs @ items.T], dim=1)
    plain = torch.nn.functional.cross_entropy(scores, positives + 1, reduction="none")
    (weights * plain).sum().backward()
    for ours, theirs in zip(found, (outputs.grad, items.grad), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_each_sample_has_the_weight_of_the_event_that_it_predicts():
    # user 0: items 5 6 7, user 1: item 8, user 2: items 9 5; the weight is the item's number
    train = Interactions(np.array([0, 3, 4, 6]), np.array([5, 6, 7, 8, 9, 5], "i4"), n_items=10)
    source = SampleSource.of(train, from_first=False).weighted(train.items.astype(np.float64))
    assert source.positives.tolist() == [6, 7, 5]
    assert source.weights.tolist() == [6, 7, 5]
    seen = []

    def one_pass(rows, positives, negatives, weights, sums):
        seen.extend(zip(positives.tolist(), weights.tolist(), strict=True))
        return 0.0

    CompiledEpoch(source, (), (), one_pass, seed=1)(0)

    def of_prefixes(inputs, users, trained, positives, negatives, generator, weights):
        seen.extend(zip(positives.tolist(), weights.tolist(), strict=True))
        return torch.zeros((), requires_grad=True)

    leaf = torch.zeros(1, requires_grad=True)
    rates = {"learning_rate": 0.1, "batch_size": 2, "seed": 1}
    PrefixEpoch(source, [leaf], of_prefixes, **rates)(0)
    assert sorted(seen) == sorted(2 * [(6, 6.0), (7, 7.0), (5, 5.0)])


def test_adam_takes_the_mean_of_the_weighted_losses_of_a_batch():
    train = Interactions(np.array([0, 3]), np.array([0, 1, 2], "i4"), n_items=4)
    source = SampleSource.of(train, from_first=True).weighted(np.array([1.0, 0.0, 3.0]))
    leaf = torch.zeros(3, requires_grad=True)
    epoch = AdamEpoch(
        source,
        [leaf],
        lambda users, last, positives, negatives: 2 * leaf[positives],
        learning_rate=0.5,
        batch_size=3,
        seed=1,
    )
    epoch(0)
    # the gradients are 2/3, 0 and 2: Adam's first step is the learning rate wherever there is one
    np.testing.assert_allclose(leaf.detach().numpy(), [-0.5, 0.0, -0.5], atol=1e-6)
    np.testing.assert_allclose(leaf.grad.numpy(), [2 / 3, 0.0, 2.0], rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_with_weight_one_for_all_the_bits_are_those_of_a_plain_fit(name, cycle):
    split = cycle
    plain = ALL[name]().fit(split.train, validation=split.validation, seed=3)
    weighted = ALL[name]().fit_weighted(
        split.train,
        validation=split.validation,
        seed=3,
        weights=np.ones(split.train.n_events),
    )
    for ours, theirs in zip(weighted.parameters(), plain.parameters(), strict=True):
        assert ours.detach().numpy().tobytes() == theirs.detach().numpy().tobytes()


@pytest.mark.parametrize("name", ["fpmc", "gru4rec", "sasrec"])
def test_who_walks_the_other_way_teaches_nothing_without_weight(name, cycle):
    back = [[(start - step) % 12 for step in range(7)] for start in range(12)] * 10
    train = cycle.train.with_users(Sequences.of(back))
    weights = np.where(train.rows < cycle.train.n_users, 1.0, 0.0)
    model = type(ALL[name]())(epochs=40).fit_weighted(
        train, validation=None, seed=3, weights=weights
    )
    test = cycle.test
    scores = model.score_next(test.users, test.histories)
    rows = np.arange(len(test.users))
    last = np.array([row[-1] for row in test.histories])
    ahead, behind = scores[rows, (last + 1) % 12], scores[rows, (last - 1) % 12]
    assert (ahead > behind).mean() > 0.9


@pytest.mark.parametrize("wrong", [[1.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [1, np.inf, 1]])
def test_weights_that_are_none_are_refused(wrong):
    train = Interactions(np.array([0, 3]), np.array([0, 1, 2], "i4"), n_items=4)
    with pytest.raises(ParameterError, match="bprmf: "):
        BPRMF().fit_weighted(train, validation=None, seed=1, weights=np.array(wrong))


@pytest.mark.parametrize("name", ["fpmc", "gru4rec", "sasrec", "transrec"])
def test_weight_on_first_events_alone_is_nothing_to_train_on(name):
    # nothing comes before a user's first event, so that no sample predicts it
    sequences = Sequences.of([[0, 1], [2, 0, 1], [], [1]])
    train = Interactions(sequences.offsets, sequences.items, n_items=4)
    weights = np.zeros(train.n_events)
    weights[train.offsets[:-1][train.lengths > 0]] = 1.0
    with pytest.raises(
        ParameterError, match="the 3 events that it learns to predict, users' first"
    ):
        ALL[name]().fit_weighted(train, validation=None, seed=0, weights=weights)
