"""The compiled trainers' gradients, against RecBole's own loss and torch's autograd."""

import numpy as np
import pytest
import torch

from loki_bench.interactions import Interactions
from loki_bench_recbole.compiled_epoch import INITIAL_ACCUMULATOR, CompiledEpoch
from loki_bench_recbole.factor_training import adagrad_epoch
from loki_bench_recbole.model_building import build_model
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.translation_training import adagrad_epoch_translation, distance_scores

L2 = 0.3
LEARNING_RATE = 0.125
MODELS = {
    "bpr": ("recbole.model.general_recommender.bpr:BPR", {}),
    "fpmc": ("recbole.model.sequential_recommender.fpmc:FPMC", {"loss_type": "BPR"}),
    "transrec": ("recbole.model.sequential_recommender.transrec:TransRec", {}),
}


def touched(model, kind, u, q, i, j):
    """The rows that one sample touches, repeated as often as it touches them."""
    if kind == "bpr":
        return [
            model.user_embedding.weight[u],
            model.item_embedding.weight[i],
            model.item_embedding.weight[j],
        ]
    if kind == "fpmc":
        return [
            model.UI_emb.weight[u],
            model.LI_emb.weight[q],
            *(table.weight[item] for table in (model.IU_emb, model.IL_emb) for item in (i, j)),
        ]
    return [
        model.user_embedding.weight[u],
        *(model.item_embedding.weight[item] for item in (q, i, j)),
        *(model.bias.weight[item] for item in (i, j)),
        model.T[None],
    ]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_a_compiled_step_follows_the_gradient_of_recboles_loss_plus_l2(kind, seed):
    target, parameters = MODELS[kind]
    model = build_model(
        target,
        {"embedding_size": 7, **parameters},
        train=Interactions(np.zeros(41, np.int64), np.empty(0, np.int32), n_items=120),
        max_length=1,
        seed=seed,
    )
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        # small enough that the 1e-10 which RecBole adds inside its logarithm does not show
        for tensor in model.parameters():
            tensor.copy_(torch.from_numpy(generator.normal(size=tensor.shape, scale=0.6)))
    n = 1 if kind == "transrec" else 30  # T is common to all samples, so one at a time there
    # no row is touched twice: the gradient of the sum is then each sample's own
    users = generator.permutation(40)[:n].astype(np.int32)
    lasts, positives, negatives = generator.permutation(120)[: 3 * n].reshape(3, n).astype(np.int32)
    batch = {
        "user_id": torch.from_numpy(users).long() + 1,
        "item_id_list": torch.from_numpy(lasts).long()[:, None] + 1,
        "item_length": torch.ones(n, dtype=torch.long),
        "item_id": torch.from_numpy(positives).long() + 1,
        "neg_item_id": torch.from_numpy(negatives).long() + 1,
    }
    loss = n * model.calculate_loss(batch)
    if kind == "transrec":
        loss = loss - model.T.abs().sum()  # RecBole's regulariser, which the trainer replaces
    for ids in zip(users + 1, lasts + 1, positives + 1, negatives + 1, strict=True):
        rows = touched(model, kind, *(int(id_) for id_ in ids))
        loss = loss + L2 / 2 * sum(row.square().sum() for row in rows)
    loss.sum().backward()

    weights = {
        "bpr": lambda: [model.user_embedding.weight, model.item_embedding.weight],
        "fpmc": lambda: [
            t.weight for t in (model.UI_emb, model.IU_emb, model.LI_emb, model.IL_emb)
        ],
        "transrec": lambda: [
            model.user_embedding.weight,
            model.item_embedding.weight,
            model.bias.weight,
            model.T,
        ],
    }[kind]()
    expected = [weight.grad.numpy() for weight in weights]
    tables = [weight.detach().numpy() for weight in weights]
    expected = [g[1:] if g.ndim == 2 else g[None] for g in expected]
    tables = tuple(table[1:] if table.ndim == 2 else table[None] for table in tables)
    before = [table.copy() for table in tables]
    sums = tuple(np.full(len(table), INITIAL_ACCUMULATOR, np.float32) for table in tables)
    rates = np.float32(LEARNING_RATE), np.float32(L2)
    if kind == "transrec":
        adagrad_epoch_translation(users, lasts, positives, negatives, tables, sums, *rates)
    else:
        rows = (users,) if kind == "bpr" else (users, lasts)
        adagrad_epoch(rows, positives, negatives, tables, sums, *rates)
    for table, old, total, gradient in zip(tables, before, sums, expected, strict=True):
        # row-wise AdaGrad's first step is - learning rate x gradient / sqrt(start + mean square)
        recovered = (old - table) * np.sqrt(total)[:, None] / LEARNING_RATE
        np.testing.assert_allclose(recovered, gradient, atol=1e-5, rtol=1e-5)
        squares = np.square(gradient).mean(axis=1)
        np.testing.assert_allclose(total - INITIAL_ACCUMULATOR, squares, atol=1e-5, rtol=1e-4)


def test_the_mean_loss_is_the_one_before_each_step():
    tables = (np.zeros((1, 2), np.float32), np.zeros((2, 2), np.float32))
    sums = tuple(np.ones(len(table), np.float32) for table in tables)
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    rates = np.float32(1), np.float32(0)
    loss = adagrad_epoch((zero,), zero, one, tables, sums, *rates)
    assert loss == pytest.approx(np.log(2))
    nothing = adagrad_epoch((zero[:0],), zero[:0], one[:0], tables, sums, *rates)
    assert nothing == 0


def one_after_the_other(rows, positives, negatives, tables, learning_rate, l2):
    """Row-wise AdaGrad in float64 and plain Python: the tables, and the mean loss."""
    tables = [table.astype(np.float64) for table in tables]
    sums = [np.full(len(table), INITIAL_ACCUMULATOR) for table in tables]
    total = 0.0
    for sample, (i, j) in enumerate(zip(positives, negatives, strict=True)):
        picked = [
            ((2 * term, row[sample]), (2 * term + 1, i), (2 * term + 1, j))
            for term, row in enumerate(rows)
        ]
        values = [[tables[table][id_].copy() for table, id_ in term] for term in picked]
        x = sum(row @ (liked - other) for row, liked, other in values)
        total += np.log1p(np.exp(-x))
        slope = -1 / (1 + np.exp(x))
        for term, (row, liked, other) in zip(picked, values, strict=True):
            for (table, id_), value, direction in zip(
                term, (row, liked, other), (liked - other, row, -row), strict=True
            ):
                gradient = slope * direction + l2 * value
                sums[table][id_] += np.mean(gradient**2)
                tables[table][id_] -= learning_rate * gradient / np.sqrt(sums[table][id_])
    return tables, total / len(positives)


@pytest.mark.parametrize("n_terms", [1, 2])
@pytest.mark.parametrize("n_rows", [3, 300])
@pytest.mark.parametrize("n", [1, 2, 901])
def test_samples_side_by_side_are_samples_one_after_the_other(n, n_rows, n_terms):
    # of three rows most neighbouring samples share one, of three hundred hardly any does
    generator = np.random.default_rng(n)
    start = [generator.normal(size=(n_rows, 9)).astype(np.float32) for _ in range(2 * n_terms)]
    rows = tuple(generator.integers(0, n_rows, n).astype(np.int32) for _ in range(n_terms))
    positives = generator.integers(0, n_rows, n).astype(np.int32)
    negatives = ((positives + generator.integers(1, n_rows, n)) % n_rows).astype(np.int32)
    expected, mean_loss = one_after_the_other(rows, positives, negatives, start, 0.1, 0.05)
    tables = tuple(table.copy() for table in start)
    sums = tuple(np.full(n_rows, INITIAL_ACCUMULATOR, np.float32) for _ in tables)
    loss = adagrad_epoch(
        rows, positives, negatives, tables, sums, np.float32(0.1), np.float32(0.05)
    )
    assert loss == pytest.approx(mean_loss, rel=1e-4)
    for table, reference in zip(tables, expected, strict=True):
        np.testing.assert_allclose(table, reference, atol=2e-3, rtol=2e-3)


def test_an_epoch_takes_every_sample_once_with_its_own_rows_and_negative():
    generator = np.random.default_rng(0)
    offsets = np.arange(0, 601, 6)
    train = Interactions(offsets, generator.integers(0, 40, 600).astype(np.int32), n_items=40)
    source = SampleSource.of(train, from_first=True)
    tables = (np.zeros((100, 4), np.float32), np.zeros((40, 4), np.float32))
    seen = []

    def one_pass(rows, positives, negatives, weights, sums):
        seen.append(np.stack([*rows, positives, negatives]))
        for total, table in zip(sums, tables, strict=True):
            np.testing.assert_array_equal(total, np.full(len(table), INITIAL_ACCUMULATOR, "f4"))
        return 0.5

    epoch = CompiledEpoch(source, (source.users,), tables, one_pass, seed=3)
    assert epoch(7) == 0.5
    negatives = source.negatives(seed=3, epoch=7)
    given = np.stack([source.users, source.positives, negatives])
    assert not np.array_equal(seen[0], given)
    assert sorted(seen[0].T.tolist()) == sorted(given.T.tolist())


def test_distances_come_from_inner_products():
    generator = np.random.default_rng(0)
    queries = generator.normal(size=(4, 6)).astype(np.float32)
    items = generator.normal(size=(9, 6)).astype(np.float32)
    items[3] = queries[1]  # a distance of zero must not become the root of a negative number
    biases = generator.normal(size=9).astype(np.float32)
    scores = queries @ items.T
    distance_scores(scores, np.square(queries).sum(1), np.square(items).sum(1), biases)
    direct = biases - np.linalg.norm(queries[:, None] - items[None], axis=-1)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, direct, atol=2e-3)
    far = np.arange(9) != 3
    np.testing.assert_allclose(scores[:, far], direct[:, far], atol=1e-5)
