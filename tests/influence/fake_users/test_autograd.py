"""Fake users of any differentiable recommender are scored as closed forms and torch say."""

import numpy as np
import pytest
import torch
from factor_doubles import random_users
from neural_doubles import Opaque, Recurrent

from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import sample_rules
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.interactions import Sequences


@pytest.mark.parametrize(
    "options",
    [
        {"curvature": "exact"},
        {"curvature": "gauss-newton", "fake_user": "transition-only"},
        {"curvature": "gauss-newton", "fold_in_l2": 1.0, "n_negatives": 2},
        {"curvature": "exact", "n_negatives": 2, "negatives": "per-prefix"},
    ],
)
def test_fake_users_are_scored_as_in_the_closed_form(factor_case, options):
    train, model, objective = factor_case
    closed = ConjugateGradientInfluence(precision="float64", tolerance=1e-6, damping=0.1, **options)
    automatic = ConjugateGradientInfluence(
        tolerance=1e-6, damping=0.1, relative_damping=0.0, max_iterations=300, **options
    )
    closed.fit(model, train, objective, seed=0)
    automatic.fit(Opaque(model), train, objective, seed=0)
    # more candidates than users: rows are borrowed again and again
    rows = Sequences.of([*random_users(50, 20, seed=3), [], [5]])
    np.testing.assert_allclose(automatic.influence(rows), closed.influence(rows), atol=3e-5)
    np.testing.assert_allclose(
        automatic.sequence_rewards(rows), closed.sequence_rewards(rows), atol=6e-5
    )
    few = rows.take(range(3))
    np.testing.assert_allclose(
        automatic.marginal_influence(few, np.array([5, 5, 7], np.int32)),
        closed.marginal_influence(few, np.array([5, 5, 7], np.int32)),
        atol=6e-5,
    )
    assert automatic.influence(Sequences.empty()).shape == (0,)
    assert automatic.sequence_rewards(Sequences.empty()).shape == (0,)


def test_the_model_is_as_it_was_after_scoring(factor_case):
    train, model, objective = factor_case
    before = [t.detach().clone() for t in model.parameters()]
    estimator = ConjugateGradientInfluence().fit(Opaque(model), train, objective, seed=0)
    estimator.influence(random_users(5, 20, seed=3))
    assert all((a == b).all() for a, b in zip(before, model.parameters(), strict=True))


N_ITEMS = 18


@pytest.fixture(scope="module")
def train():
    return random_users(12, N_ITEMS, seed=1)


def fake_users_on_item_5(objective, s, train, **options):
    chosen = FakeUserOptions(**options)
    item_5 = np.array([5], dtype=np.int32)
    rules = sample_rules(objective.model, train, objective.samples, item_5, chosen, seed=0)
    return AutogradFakeUsers(objective, s, chosen, train=train, rules=rules, seed=0)


@pytest.mark.parametrize("negatives", ["common", "per-prefix"])
def test_rewards_without_a_user_table_add_up_and_equal_influence_one_by_one(train, negatives):
    model = Recurrent(N_ITEMS)
    objective = AutogradObjective(model, model.training_samples(train, seed=0))
    s = np.random.default_rng(0).normal(size=objective.size)
    fakes = fake_users_on_item_5(objective, s, train, n_negatives=2, negatives=negatives)
    # so small a catalogue that later items have served as negatives
    rows = Sequences.of([*random_users(10, N_ITEMS, seed=4, low=6, high=12), [], [5], range(18)])
    assert any(fakes._draws_a_later_item(row.tolist()) for row in rows)
    assert not all(fakes._draws_a_later_item(row.tolist()) for row in rows)
    rewards = fakes.sequence_rewards(rows)
    total = fakes.influence(rows)
    for r in range(len(rows)):
        own = rewards[rows.offsets[r] : rows.offsets[r + 1]]
        np.testing.assert_allclose(own.sum(), total[r], atol=1e-9)
    few = rows.take([0, 1])
    np.testing.assert_allclose(
        fakes.marginal_influence(few.prefixes(), few.items),
        rewards[: few.n_events],
        atol=1e-9,
    )
    assert fakes.sequence_rewards(Sequences.empty()).shape == (0,)


@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_influence_without_a_user_table_is_the_gradient_of_the_samples_along_s(train, l2):
    model = Recurrent(N_ITEMS, l2=l2)
    objective = AutogradObjective(model, model.training_samples(train, seed=0))
    s = np.random.default_rng(0).normal(size=objective.size)
    fakes = fake_users_on_item_5(objective, s, train)
    row = [5, 2, 9, 11]
    made = fakes._samples([row])
    assert [h.tolist() for h in made.samples.histories] == [[5], [5, 2], [5, 2, 9]]
    loss = model.sample_loss(made.samples).sum()
    for parameter in model.parameters():
        loss = loss + 3 * 0.5 * l2 * parameter.square().sum()
    gradient = torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(loss, model.parameters())]
    ).numpy()
    found = fakes.influence(Sequences.of([row]))[0]
    assert found == pytest.approx(-gradient @ s, abs=1e-9)
