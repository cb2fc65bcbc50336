"""Influence through the recommenders as they are trained: the pool that LOKI learns from."""

import numpy as np
import pytest

from loki_bench.contracts import InfluenceObjective
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import sample_rules
from loki_bench.influence.fake_users.translation import TranslationFakeUsers
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.interactions import Sequences
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.sasrec import SASRec
from loki_bench_recbole.transrec import TransRec

POOL = {
    "bprmf": BPRMF(embedding_size=8, epochs=20),
    "fpmc": FPMC(embedding_size=8, epochs=20),
    "gru4rec": GRU4Rec(
        embedding_size=8, hidden_size=8, loss="BPR", epochs=20, batch_size=32, learning_rate=0.03
    ),
    "gru4rec-ce": GRU4Rec(
        embedding_size=8, hidden_size=8, epochs=20, batch_size=32, learning_rate=0.03
    ),
    "sasrec": SASRec(
        hidden_size=8, inner_size=8, n_layers=1, epochs=10, batch_size=64, learning_rate=0.03
    ),
    "transrec": TransRec(embedding_size=8, epochs=20),
}


def on_targets(train):
    return InfluenceObjective(
        users=np.arange(4, dtype=np.int32),
        histories=train.take(range(4)),
        items=np.full(4, 9, dtype=np.int32),
        weights=np.full(4, 0.25),
    )


@pytest.mark.parametrize("name", POOL)
def test_rewards_add_up_to_influence_and_repeat(cycle, name):
    model = POOL[name].fit(cycle.train, validation=None, seed=0)
    rows = Sequences.of([[8, 9, 8, 9], [2, 9, 3], [1, 2], [9], []])
    answers = []
    for _ in range(2):
        estimator = ConjugateGradientInfluence(damping=3.0, n_negatives=2, sample_users=20)
        estimator.fit(model, cycle.train, on_targets(cycle.train), seed=1)
        answers.append(estimator.sequence_rewards(rows))
    rewards, total = answers[0], estimator.influence(rows)
    assert (answers[0] == answers[1]).all()
    assert np.abs(total[:2]).min() > 0
    sums = [rewards[a:b].sum() for a, b in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]
    # the closed forms of factor models stop folding in at 1e-9, torch sums in float32
    np.testing.assert_allclose(sums, total, atol=1e-4 * np.abs(total).max())
    assert ("sampled_users" in estimator.report) == (name not in ("bprmf", "fpmc"))


@pytest.mark.parametrize("name", ["gru4rec", "transrec"])
def test_what_leads_to_a_target_is_worth_more_than_what_leads_away(cycle, name):
    model = POOL[name].fit(cycle.train, validation=None, seed=0)
    estimator = ConjugateGradientInfluence(damping=0.1, n_negatives=4)
    # users who are at item 8 are to be shown item 4
    rows = [u for u, row in enumerate(cycle.train) if row[-1] == 8][:4]
    objective = InfluenceObjective(
        users=np.array(rows, dtype=np.int32),
        histories=cycle.train.take(rows),
        items=np.full(len(rows), 4, dtype=np.int32),
        weights=np.ones(len(rows)),
    )
    estimator.fit(model, cycle.train, objective, seed=1)
    toward, away, beside = estimator.influence(
        Sequences.of([[8, 4, 8, 4, 8, 4], [8, 1, 8, 1, 8, 1], [0, 6, 0, 6, 0, 6]])
    )
    assert toward > 0
    assert toward > beside
    assert toward > away


def test_transrecs_closed_form_is_what_differentiation_gives(cycle):
    model = POOL["transrec"].fit(cycle.train, validation=None, seed=0)
    samples = model.training_samples(cycle.train, seed=0)
    objective = AutogradObjective(model, samples)
    s = np.random.default_rng(0).normal(size=objective.size).astype(np.float32)
    options = FakeUserOptions(fake_user="mean", n_negatives=2)
    targets = on_targets(cycle.train).items
    rules = sample_rules(model, cycle.train, samples, targets, options, seed=0)
    closed = TranslationFakeUsers(model, s, options, train=cycle.train, rules=rules, seed=0)
    automatic = AutogradFakeUsers(objective, s, options, train=cycle.train, rules=rules, seed=0)
    rows = Sequences.of([[8, 9, 8, 9], [2, 9, 3], [1, 1], [9], []])
    wanted = automatic.influence(rows)
    np.testing.assert_allclose(closed.influence(rows), wanted, atol=1e-5 * np.abs(wanted).max())


def test_transrecs_tables_are_its_parameters(cycle):
    model = POOL["transrec"].fit(cycle.train, validation=None, seed=0)
    tables = model.translation_tables()
    start = tables.shared + tables.users[3] + tables.items[7]
    expected = tables.biases - np.linalg.norm(start - tables.items, axis=1)
    found = model.score_next(np.array([3], dtype=np.int32), Sequences.of([[5, 7]]))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
