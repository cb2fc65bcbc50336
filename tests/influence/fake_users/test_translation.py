"""The closed form of a translation model's fake users gives what differentiating twice gives."""

import numpy as np
import pytest
import torch
from factor_doubles import random_users
from neural_doubles import Translations

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.fake_users.samples import sample_rules
from loki_bench.influence.fake_users.translation import TranslationFakeUsers
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.interactions import Sequences

N_ITEMS = 30


@pytest.fixture(scope="module")
def case():
    train = random_users(20, N_ITEMS, seed=1)
    model = Translations(20, N_ITEMS)
    targets = InfluenceObjective(
        users=np.arange(4, dtype=np.int32),
        histories=train.take(range(4)),
        items=np.full(4, 5, dtype=np.int32),
        weights=np.full(4, 0.25),
    )
    samples = model.training_samples(train, seed=0)
    objective = AutogradObjective(model, samples)
    s = np.random.default_rng(0).normal(size=objective.size)
    return train, model, targets, objective, s


def both(case, **options):
    train, model, targets, objective, s = case
    chosen = FakeUserOptions(**options)
    rules = sample_rules(model, train, objective.samples, targets.items, chosen, seed=0)
    closed = TranslationFakeUsers(model, s, chosen, train=train, rules=rules, seed=0)
    automatic = AutogradFakeUsers(objective, s, chosen, train=train, rules=rules, seed=0)
    return closed, automatic


@pytest.mark.parametrize("negatives", ["common", "per-prefix"])
@pytest.mark.parametrize("fake_user", ["transition-only", "mean"])
def test_fake_users_with_a_fixed_row_are_scored_as_by_differentiation(case, fake_user, negatives):
    closed, automatic = both(case, fake_user=fake_user, n_negatives=2, negatives=negatives)
    rows = Sequences.of([*random_users(12, N_ITEMS, seed=3), [], [5], [5, 5, 5], [5, 7, 5]])
    np.testing.assert_allclose(closed.influence(rows), automatic.influence(rows), atol=1e-9)
    np.testing.assert_allclose(
        closed.sequence_rewards(rows), automatic.sequence_rewards(rows), atol=1e-9
    )


def test_folded_in_fake_users_are_scored_as_by_differentiation(case):
    # so much L2 that a user's loss has one minimum, whichever way it is found
    closed, automatic = both(case, fold_in_l2=2.0, n_negatives=2)
    rows = Sequences.of([*random_users(12, N_ITEMS, seed=3), [5], [5, 7, 5]])
    np.testing.assert_allclose(closed.influence(rows), automatic.influence(rows), atol=2e-4)


def test_the_folded_in_row_is_a_minimum_of_the_fake_users_own_loss(case):
    _, model, _, objective, _ = case
    d = model.tables[0].shape[1]
    row = np.array([1, 9, 4, 20, 13], dtype=np.int32)
    solutions = []
    # influence is linear in s: these directions read the row's margins off the answers
    for k in range(d):
        along = np.zeros(objective.size)
        along[-d + k] = 1.0
        solutions.append(along)
    slopes = []
    for along in solutions:
        closed, _ = both((*case[:4], along), n_negatives=1)
        slopes.append(closed.influence(Sequences.of([row]))[0])
    # the shared translation moves every margin as the row itself does, and both have the same
    # regulariser, so at the minimum: sum_s g_s D_s = -ridge p
    ridge = model.l2 * (len(row) - 1)
    shared = model.tables[3].detach().numpy()[0]
    p = np.array(slopes) / ridge + shared
    assert np.linalg.norm(p) > 0.1

    negatives = closed.tables.samples.negatives
    free = torch.tensor(p, requires_grad=True)
    items, biases = model.tables[1].detach(), model.tables[2].detach()[:, 0]
    loss = 0.5 * ridge * (free**2).sum()
    for t in range(1, len(row)):
        place = t
        while negatives[place] in row:
            place += 1
        start = model.tables[3].detach()[0] + free + items[row[t - 1]]
        score = [
            biases[i] - (start - items[i]).norm() for i in (int(row[t]), int(negatives[place]))
        ]
        loss = loss + torch.nn.functional.softplus(score[1] - score[0])
    (gradient,) = torch.autograd.grad(loss, free)
    np.testing.assert_allclose(gradient.numpy(), 0.0, atol=1e-4)


@pytest.mark.parametrize("negatives", ["common", "per-prefix"])
def test_rewards_of_a_sequence_add_up_to_its_influence(case, negatives):
    closed, _ = both(case, n_negatives=4, negatives=negatives)
    rows = Sequences.of([*random_users(10, N_ITEMS, seed=4, low=8, high=16), [], [2]])
    rewards, total = closed.sequence_rewards(rows), closed.influence(rows)
    for r in range(len(rows)):
        own = rewards[rows.offsets[r] : rows.offsets[r + 1]]
        np.testing.assert_allclose(own.sum(), total[r], atol=1e-9)
    prefixes = rows.prefixes()
    np.testing.assert_allclose(closed.marginal_influence(prefixes, rows.items), rewards, atol=1e-9)


def test_answers_do_not_depend_on_the_batch(case):
    closed, _ = both(case)
    rows = random_users(6, N_ITEMS, seed=5)
    one_by_one = np.concatenate([closed.influence(rows.take([r])) for r in range(6)])
    assert (closed.influence(rows) == one_by_one).all()
    assert closed.influence(Sequences.empty()).shape == (0,)
    assert closed.sequence_rewards(Sequences.empty()).shape == (0,)


def test_a_user_with_every_item_has_no_influence(case):
    closed, _ = both(case)
    assert closed.influence(Sequences.of([range(N_ITEMS)])) == pytest.approx(0.0)


def test_items_outside_the_catalogue_are_refused(case):
    closed, _ = both(case)
    with pytest.raises(ParameterError, match="between 0 and 29"):
        closed.influence(Sequences.of([[N_ITEMS]]))


def test_a_row_without_an_l2_term_needs_one(case):
    train, _, targets, objective, s = case
    model = Translations(20, N_ITEMS, l2=0.0)
    with pytest.raises(InvalidAnswerError, match="fold_in_l2"):
        both((train, model, targets, objective, s))
    closed, _ = both(
        (train, model, targets, AutogradObjective(model, objective.samples), s), fold_in_l2=0.5
    )
    assert np.isfinite(closed.influence(Sequences.of([[1, 2, 3]]))).all()


def test_a_translation_model_goes_through_the_closed_form_and_repeats(case):
    train, model, targets, _, _ = case
    rows = random_users(5, N_ITEMS, seed=6)
    answers = []
    for _ in range(2):
        estimator = ConjugateGradientInfluence(damping=1.0).fit(model, train, targets, seed=0)
        assert isinstance(estimator._scorer(), TranslationFakeUsers)
        assert estimator.report["gauss_newton"] == 1.0
        assert estimator.report["relative_residual"] < 1e-2
        answers.append(estimator.influence(rows))
    assert (answers[0] == answers[1]).all()
