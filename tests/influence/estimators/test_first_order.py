"""Predicted influence against retraining with an added, weighted fake user."""

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users
from popularity import Popularity
from retraining import negatives_of, retrained

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError, ParameterError, UnsolvedError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.first_order import MOST_RESIDUAL
from loki_bench.influence.estimators.gradient_dot import GradientDotInfluence
from loki_bench.influence.estimators.leverage import LeverageInfluence
from loki_bench.influence.estimators.lissa import LissaInfluence
from loki_bench.influence.estimators.retrain import RetrainInfluence, objective_value
from loki_bench.influence.estimators.target_block import TargetBlockInfluence
from loki_bench.interactions import Interactions, Sequences

TARGET = 5


def clean(kinds, per_sample, d=4):
    train = random_users(60, 30, seed=1)
    model = ConvergedFactors(
        kinds, d=d, per_sample=per_sample, l2=0.06 if per_sample else 0.5, tolerance=1e-11
    ).fit(train, seed=0)
    objective = InfluenceObjective(
        users=np.arange(6, dtype=np.int32),
        histories=train.take(range(6)),
        items=np.full(6, TARGET, dtype=np.int32),
        weights=np.full(6, 1 / 6),
    )
    return train, model, objective


@pytest.fixture(scope="module", params=[(("user",), False), (("user", "last-item"), True)])
def converged(request):
    return clean(*request.param)


def candidates(n, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        row = rng.choice(30, 6, replace=False).tolist()
        if k % 2 and TARGET not in row:
            row[int(rng.integers(6))] = TARGET
        rows.append(row)
    return rows


ESTIMATORS = [
    lambda: ConjugateGradientInfluence(precision="float64"),
    lambda: ConjugateGradientInfluence(marginal="derivative", damping=0.1, n_negatives=2),
    lambda: ConjugateGradientInfluence(fake_user="random"),
    lambda: LissaInfluence(damping=0.1),
    lambda: ConjugateGradientInfluence(damping=0.1, n_negatives=2, negatives="per-prefix"),
    lambda: LeverageInfluence(),
    lambda: GradientDotInfluence(),
    lambda: TargetBlockInfluence(),
]


@pytest.mark.parametrize(
    ("kinds", "per_sample"),
    [(("user",), False), (("user",), True), (("user", "last-item"), True)],
)
def test_influence_is_the_derivative_of_retraining_in_the_fake_users_weight(kinds, per_sample):
    train, model, objective = clean(kinds, per_sample, d=2)
    samples = model.training_samples(train, seed=0)
    rows = candidates(2)
    negatives = negatives_of(samples, objective.items, 30, rows, seed=0)
    model.fit_samples(60, 30, samples, seed=0, start=model.flat, polish=2)
    base = objective_value(model, objective)
    predicted = (
        ConjugateGradientInfluence(tolerance=1e-9, max_iterations=3000, precision="float64")
        .fit(model, train, objective, seed=0)
        .influence(Sequences.of(rows))
    )
    for row, chosen, expected in zip(rows, negatives, predicted, strict=True):
        step = 1e-3
        values = [
            objective_value(
                retrained(model, train, samples, row, chosen, k * step, polish=1), objective
            )
            for k in range(1, 5)
        ]
        values.insert(0, base)
        # fourth-order forward difference in the weight
        slope = np.dot([-25, 48, -36, 16, -3], values) / (12 * step)
        assert slope == pytest.approx(expected, rel=1e-3)


def test_leverage_is_nearer_to_the_true_size_than_first_order():
    train, model, objective = clean(("user", "last-item"), True)
    samples = model.training_samples(train, seed=0)
    rows = candidates(8)
    negatives = negatives_of(samples, objective.items, 30, rows, seed=0)
    base = objective_value(model, objective)
    truth = np.array(
        [
            objective_value(retrained(model, train, samples, row, chosen, 1.0), objective) - base
            for row, chosen in zip(rows, negatives, strict=True)
        ]
    )
    errors = {}
    for estimator in (ConjugateGradientInfluence, LeverageInfluence):
        predicted = (
            estimator(tolerance=1e-6, precision="float64")
            .fit(model, train, objective, seed=0)
            .influence(Sequences.of(rows))
        )
        errors[estimator] = np.linalg.norm(predicted - truth) / np.linalg.norm(truth)
    assert errors[LeverageInfluence] < 0.8
    assert errors[LeverageInfluence] < 0.6 * errors[ConjugateGradientInfluence]


@pytest.mark.parametrize("make", ESTIMATORS)
def test_marginals_agree_however_they_are_asked_for(converged, make):
    train, model, objective = converged
    estimator = make().fit(model, train, objective, seed=0)
    rows = Sequences.of([*candidates(5), [], [TARGET], [3, 3, TARGET, 3]])
    rewards = estimator.sequence_rewards(rows)
    marginals = estimator.marginal_influence(rows.prefixes(), rows.items)
    np.testing.assert_allclose(rewards, marginals, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("make", [e for k, e in enumerate(ESTIMATORS) if k != 1])
def test_rewards_of_a_sequence_add_up_to_its_influence(converged, make):
    train, model, objective = converged
    estimator = make().fit(model, train, objective, seed=0)
    rows = Sequences.of([*candidates(5), [TARGET], list(range(20))])
    added = np.add.reduceat(estimator.sequence_rewards(rows), rows.offsets[:-1])
    np.testing.assert_allclose(added, estimator.influence(rows), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("make", ESTIMATORS)
def test_a_batch_answers_as_its_rows_one_by_one_and_none_is_no_answer(converged, make):
    train, model, objective = converged
    estimator = make().fit(model, train, objective, seed=0)
    rows = candidates(4)
    together = estimator.influence(Sequences.of(rows))
    alone = [estimator.influence(Sequences.of([row]))[0] for row in rows]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    assert estimator.influence(Sequences.empty()).shape == (0,)
    assert estimator.sequence_rewards(Sequences.empty()).shape == (0,)
    nobody = np.empty(0, np.int32)
    assert estimator.marginal_influence(Sequences.empty(), nobody).shape == (0,)
    assert estimator.influence(Sequences.of([[]])) == [0.0]
    assert all(isinstance(v, float) for v in estimator.report.values())


def test_only_a_model_that_learns_from_first_events_rewards_one():
    one = Sequences.of([[TARGET]])
    values = {}
    for kinds in (("user",), ("user", "last-item")):
        train, model, objective = clean(kinds, False)
        estimator = ConjugateGradientInfluence().fit(model, train, objective, seed=0)
        values[kinds] = estimator.influence(one)[0]
    assert values["user", "last-item"] == 0.0
    assert abs(values["user",]) > 1e-3


def test_a_fake_user_with_every_item_makes_no_sample(converged):
    train, model, objective = converged
    estimator = ConjugateGradientInfluence().fit(model, train, objective, seed=0)
    assert estimator.influence(Sequences.of([range(30)]))[0] == 0.0


def test_rotating_the_factors_changes_no_influence():
    train, model, objective = clean(("user",), False)
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(model.d, model.d)))
    turned = ConvergedFactors(model.kinds, d=model.d, l2=0.5)
    turned.shapes = model.shapes
    turned.load(np.concatenate([(t.detach().numpy() @ rotation).ravel() for t in model.tables]))
    rows = Sequences.of(candidates(6))
    answers = [
        ConjugateGradientInfluence(tolerance=1e-6, precision="float64")
        .fit(m, train, objective, seed=0)
        .influence(rows)
        for m in (model, turned)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_an_objective_twice_as_heavy_has_twice_the_influence(converged):
    train, model, objective = converged
    heavy = InfluenceObjective(
        users=objective.users,
        histories=objective.histories,
        items=objective.items,
        weights=2 * objective.weights,
    )
    rows = Sequences.of(candidates(4))
    answers = [
        LeverageInfluence(precision="float64").fit(model, train, o, seed=0).influence(rows)
        for o in (objective, heavy)
    ]
    np.testing.assert_allclose(2 * answers[0], answers[1], rtol=1e-9)


def test_a_model_short_of_its_minimum_is_damped_until_its_curvature_is_positive():
    train = random_users(60, 30, seed=1)
    model = ConvergedFactors(("user",), l2=0.02, max_iterations=12).fit(train, seed=0)
    objective = clean(("user",), False)[2]
    with pytest.raises(InvalidAnswerError, match=r"negative curvature, and at most 0\.05 is"):
        ConjugateGradientInfluence(damping=0.0).fit(model, train, objective, seed=0)
    damped = ConjugateGradientInfluence().fit(model, train, objective, seed=0)
    assert damped.report["negative_curvature"] == 0.0
    assert damped.report["damping"] > 0
    assert damped.report["relative_residual"] <= 1e-3


def test_without_any_l2_a_fold_in_wants_one_and_takes_it():
    train, model, objective = clean(("user",), False)
    model.table_l2 = [(0.0, 0.5)]
    with pytest.raises(InvalidAnswerError, match="fold_in_l2"):
        GradientDotInfluence().fit(model, train, objective, seed=0)
    estimator = GradientDotInfluence(fold_in_l2=1.0).fit(model, train, objective, seed=0)
    assert np.isfinite(estimator.influence(Sequences.of(candidates(3)))).all()


def test_a_zero_row_carries_no_signal_in_a_model_of_users_alone():
    train, model, objective = clean(("user",), False)
    estimator = ConjugateGradientInfluence(fake_user="transition-only")
    estimator.fit(model, train, objective, seed=0)
    np.testing.assert_array_equal(estimator.influence(Sequences.of(candidates(4))), 0)


def test_each_first_item_has_a_random_row_of_its_own():
    train, model, objective = clean(("user",), False)
    estimator = ConjugateGradientInfluence(fake_user="random")
    estimator.fit(model, train, objective, seed=0)
    users = Sequences.of([[first, last] for first in (3, 11) for last in (20, 21)])
    values = estimator.influence(users).reshape(2, 2)
    # with one row for all of them the last item would be worth the same after either first one
    assert abs(np.diff(values[:, 1] - values[:, 0])[0]) > 1e-3 * np.abs(values).max()
    rewards = estimator.sequence_rewards(users)
    np.testing.assert_allclose(rewards.reshape(-1, 2).sum(axis=1), values.ravel(), atol=1e-12)
    after = estimator.marginal_influence(users.prefixes().take([1, 3]), users.items[[1, 3]])
    np.testing.assert_allclose(after, rewards[[1, 3]], atol=1e-12)


def test_ids_outside_the_catalogue_and_bad_parameters_are_refused(converged):
    train, model, objective = converged
    estimator = ConjugateGradientInfluence().fit(model, train, objective, seed=0)
    with pytest.raises(ParameterError, match="between 0 and 29"):
        estimator.influence(Sequences.of([[30]]))
    with pytest.raises(ParameterError, match="one item a prefix"):
        estimator.marginal_influence(Sequences.of([[1]]), np.array([1, 2], np.int32))
    with pytest.raises(ParameterError, match="call fit first"):
        ConjugateGradientInfluence().influence(Sequences.empty())
    for wrong in (
        {"damping": -1.0},
        {"damping": float("nan")},
        {"damping": "1"},
        {"tolerance": 0.0},
        {"tolerance": True},
        {"max_iterations": 0},
        {"max_iterations": 20.5},
        {"curvature": "none"},
        {"fake_user": "zero"},
        {"marginal": "both"},
        {"fold_in_l2": 0.0},
        {"n_negatives": 0},
        {"n_negatives": 1.5},
        {"negatives": "each"},
        {"precision": "float16"},
    ):
        with pytest.raises(ParameterError):
            ConjugateGradientInfluence(**wrong)


@pytest.mark.parametrize("make", [*ESTIMATORS, RetrainInfluence])
def test_a_model_that_cannot_be_differentiated_is_refused_with_what_to_do(make):
    train, _, objective = clean(("user",), False)
    model = Popularity().fit(train, validation=None, seed=0)
    with pytest.raises(InvalidAnswerError, match=r"Popularity, which is not .*another surrogate"):
        make().fit(model, train, objective, seed=0)


def test_an_estimator_that_diverges_on_a_model_says_what_to_change(converged):
    train, model, objective = converged
    largest = LissaInfluence().fit(model, train, objective, seed=0).report["lambda_max"]
    with pytest.raises(InvalidAnswerError, match=r"'lissa' diverged.*larger scale or damping"):
        LissaInfluence(scale=largest / 3).fit(model, train, objective, seed=0)


def test_a_solve_that_is_cut_short_is_refused_with_the_residual_that_is_left(converged):
    train, model, objective = converged
    for estimator in (
        ConjugateGradientInfluence(max_iterations=2),
        LissaInfluence(max_iterations=2),
        LeverageInfluence(max_iterations=2),
    ):
        with pytest.raises(UnsolvedError, match=r"relative residual of 0\.\d+ after 2 prod"):
            estimator.fit(model, train, objective, seed=0)
    enough = ConjugateGradientInfluence(tolerance=0.04).fit(model, train, objective, seed=0)
    assert 1e-3 < enough.report["relative_residual"] <= MOST_RESIDUAL


def test_where_nothing_is_solved_there_is_no_residual_to_refuse(converged):
    train, model, objective = converged
    for estimator in (GradientDotInfluence(), TargetBlockInfluence()):
        report = estimator.fit(model, train, objective, seed=0).report
        assert np.isnan(report["relative_residual"])


def test_a_mean_over_fake_users_is_one_over_negatives_where_each_prefix_has_its_own(converged):
    train, model, objective = converged
    rows = Sequences.of(candidates(300))

    def spread(negatives):
        estimator = ConjugateGradientInfluence(damping=0.1, negatives=negatives)
        scorer = estimator.fit(model, train, objective, seed=0)._scorer()
        means = []
        for seed in range(12):
            rules = scorer.tables.samples
            pool = np.random.default_rng(seed).permutation(rules.negatives)
            scorer.tables = scorer.tables._replace(samples=rules._replace(negatives=pool))
            means.append(scorer.influence(rows).mean())
        return np.std(means)

    assert spread("per-prefix") < 0.5 * spread("common")


@pytest.mark.parametrize("per_sample", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        ConjugateGradientInfluence,
        LissaInfluence,
        LeverageInfluence,
        GradientDotInfluence,
        TargetBlockInfluence,
    ],
)
def test_a_target_that_nobody_has_is_lifted_by_the_first_who_selects_it(make, per_sample):
    known = random_users(40, 20, seed=1)
    train = Interactions(known.offsets, known.items, n_items=21)  # nobody has the last item
    l2 = 0.06 if per_sample else 0.5
    model = ConvergedFactors(("user",), per_sample=per_sample, l2=l2).fit(train, seed=0)
    users = np.arange(4, dtype=np.int32)
    objective = InfluenceObjective(
        users=users,
        histories=train.take(users),
        items=np.full(4, 20, dtype=np.int32),
        weights=np.full(4, 0.25),
    )
    estimator = make().fit(model, train, objective, seed=0)
    with_target, without = estimator.influence(Sequences.of([[1, 20, 3], [1, 2, 3]]))
    assert with_target > 0.1 > without
