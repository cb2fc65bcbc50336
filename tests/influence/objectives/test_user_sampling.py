"""Sampled products: which users are in, what they weigh, and when nothing is sampled at all."""

import numpy as np
import pytest
from factor_doubles import random_users
from neural_doubles import Recurrent, Translations

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import ParameterError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.user_sampling import draw_samples

N_USERS, N_ITEMS = 60, 25


@pytest.fixture(scope="module")
def case():
    train = random_users(N_USERS, N_ITEMS, seed=2)
    model = Translations(N_USERS, N_ITEMS)
    objective = InfluenceObjective(
        users=np.array([3, 3, 7], dtype=np.int32),
        histories=train.take([3, 3, 7]),
        items=np.array([5, 6, 5], dtype=np.int32),
        weights=np.ones(3),
    )
    return train, model, objective, model.training_samples(train, seed=0)


def test_users_of_the_objective_and_of_its_items_are_always_in_and_weigh_one(case):
    train, _, objective, samples = case
    drawn = draw_samples(samples, objective, n_users=4, seed=0)
    users = samples.users[drawn.rows]
    holders = {u for u, row in enumerate(train) if {5, 6} & set(row.tolist())}
    # a first event is no positive, but it is the last item of the event after it
    expected = holders | {3, 7}
    assert expected <= set(users.tolist())
    assert len(set(users.tolist()) - expected) == 4
    assert drawn.n_users == len(expected) + 4
    certain = np.isin(users, list(expected))
    assert (drawn.weights[certain] == 1).all()
    np.testing.assert_allclose(drawn.weights[~certain], (N_USERS - len(expected)) / 4)
    # a user is in with all its samples or with none
    assert all((users == u).sum() == (samples.users == u).sum() for u in set(users.tolist()))


@pytest.mark.parametrize("n_users", [None, N_USERS, 10**6])
def test_a_sample_of_everyone_is_everyone(case, n_users):
    _, model, objective, samples = case
    drawn = draw_samples(samples, objective, n_users=n_users, seed=0)
    assert (drawn.rows == np.arange(len(samples))).all()
    assert (drawn.weights == 1).all()
    assert drawn.n_users == N_USERS
    vector = np.random.default_rng(0).normal(size=AutogradObjective(model, samples).size)
    for curvature in ("exact", "gauss-newton"):
        np.testing.assert_array_equal(
            AutogradObjective(model, samples, drawn).hessian_product(vector, curvature=curvature),
            AutogradObjective(model, samples).hessian_product(vector, curvature=curvature),
        )


def test_the_draw_is_a_function_of_its_seed(case):
    _, _, objective, samples = case
    one, same, other = (draw_samples(samples, objective, n_users=5, seed=s).rows for s in (1, 1, 2))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_sampled_products_are_right_on_average(case):
    _, model, objective, samples = case
    exact = AutogradObjective(model, samples)
    vector = np.random.default_rng(0).normal(size=exact.size)
    wanted = exact.hessian_product(vector, curvature="gauss-newton")
    found = [
        AutogradObjective(
            model, samples, draw_samples(samples, objective, n_users=12, seed=seed)
        ).hessian_product(vector, curvature="gauss-newton")
        for seed in range(100)
    ]
    assert np.linalg.norm(found[0] - wanted) > 0.1 * np.linalg.norm(wanted)
    assert np.linalg.norm(np.mean(found, axis=0) - wanted) < 0.1 * np.linalg.norm(wanted)


def test_no_samples_at_all_and_no_objective(case):
    _, model, objective, samples = case
    train = random_users(0, N_ITEMS, seed=0)
    empty = model.training_samples(train, seed=0)
    assert not len(draw_samples(empty, objective, n_users=3, seed=0).rows)
    nothing = InfluenceObjective(
        users=np.empty(0, np.int32),
        histories=objective.histories.take([]),
        items=np.empty(0, np.int32),
        weights=np.empty(0),
    )
    assert draw_samples(samples, nothing, n_users=3, seed=0).n_users == 3


def test_the_report_says_that_products_were_sampled_and_the_answer_repeats(case):
    train, _, objective, _ = case
    model = Recurrent(N_ITEMS)
    answers = []
    for _ in range(2):
        estimator = ConjugateGradientInfluence(damping=1.0, sample_users=3, max_iterations=15)
        estimator.fit(model, train, objective, seed=4)
        answers.append(estimator.influence(random_users(4, N_ITEMS, seed=1)))
    assert (answers[0] == answers[1]).all()
    assert 3 < estimator.report["sampled_users"] < N_USERS
    assert 0 < estimator.report["sampled_share"] < 1
    everyone = ConjugateGradientInfluence(damping=1.0, sample_users=None, max_iterations=15)
    everyone.fit(model, train, objective, seed=4)
    assert everyone.report["sampled_users"] == N_USERS
    assert everyone.report["sampled_share"] == 1.0


@pytest.mark.parametrize("options", [{"sample_users": 0}, {"relative_damping": -0.1}])
def test_values_out_of_range_are_refused(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        ConjugateGradientInfluence(**options)
