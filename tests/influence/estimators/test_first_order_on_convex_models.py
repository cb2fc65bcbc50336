"""Ridge and logistic regression, fitted by scikit-learn, where influence functions are exact."""

import numpy as np
import pytest
import torch
from factor_doubles import random_users
from neural_doubles import following_samples
from retraining import negatives_of
from sklearn.linear_model import LogisticRegression, Ridge

from loki_bench.contracts import DifferentiableRecommender, InfluenceObjective
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.lissa import LissaInfluence
from loki_bench.interactions import Sequences

N_ITEMS, L2, TARGET = 20, 2.0, 7


class LinearScores(DifferentiableRecommender):
    """score(item) = <features of the item, w>: what an item is worth to everybody.

    A sample's row is the difference of two items' features. ``logistic``: the loss of a logistic
    regression that says which of the two was chosen; otherwise that of a ridge regression to 1.
    """

    def __init__(self, *, logistic):
        self.logistic = logistic
        self.features = np.random.default_rng(0).normal(size=(N_ITEMS, 5))
        self.weights = torch.zeros(5, dtype=torch.float64, requires_grad=True)

    @property
    def loss_is_log_probability(self):
        return self.logistic

    def fit(self, train, *, validation, seed):
        samples = self.training_samples(train, seed=seed)
        return self.fit_rows(self.rows(samples), np.ones(len(samples)))

    def fit_rows(self, rows, sample_weight):
        """scikit-learn's answer to weighted samples."""
        if self.logistic:
            choice = np.arange(len(rows)) % 2  # it wants both classes: every other row turned round
            turned = rows * (2 * choice[:, None] - 1)
            model = LogisticRegression(
                C=1 / L2, fit_intercept=False, solver="newton-cholesky", tol=1e-12
            ).fit(turned, choice, sample_weight)
        else:
            model = Ridge(alpha=L2, fit_intercept=False).fit(
                rows, np.ones(len(rows)), sample_weight
            )
        self.weights = torch.tensor(np.ravel(model.coef_), dtype=torch.float64, requires_grad=True)
        return self

    def rows(self, samples):
        return self.features[samples.positives] - self.features[samples.negatives]

    def parameters(self):
        return [self.weights]

    def training_samples(self, train, *, seed):
        return following_samples(train, seed=seed, with_histories=False)

    def sample_loss(self, samples):
        margin = torch.from_numpy(self.rows(samples)) @ self.weights
        if self.logistic:
            return torch.nn.functional.softplus(-margin)
        return 0.5 * (1 - margin).square()

    def l2_coefficients(self, samples):
        return [torch.tensor(L2, dtype=torch.float64)]

    def target_score(self, users, histories, items):
        return torch.from_numpy(self.features[items]) @ self.weights

    def score_next(self, users, histories):
        raise NotImplementedError


@pytest.fixture(scope="module", params=[True, False], ids=["logistic", "ridge"])
def regression(request):
    train = random_users(30, N_ITEMS, seed=1)
    model = LinearScores(logistic=request.param).fit(train, validation=None, seed=0)
    objective = InfluenceObjective(
        users=np.array([0], np.int32),
        histories=train.take([0]),
        items=np.array([TARGET], np.int32),
        weights=np.ones(1),
    )
    return train, model, objective


@pytest.mark.parametrize(
    "estimator",
    [
        ConjugateGradientInfluence(
            tolerance=1e-8, damping=0.0, relative_damping=0.0, sample_users=None
        ),
        LissaInfluence(tolerance=1e-8),
    ],
    ids=["cg", "lissa"],
)
def test_influence_is_the_derivative_of_scikit_learns_refit(regression, estimator):
    train, model, objective = regression
    samples = model.training_samples(train, seed=0)
    fake_users = [[3, TARGET, 1, 12], [TARGET, 4, 9], [2, 15, 11, 0, 6]]
    predicted = estimator.fit(model, train, objective, seed=0).influence(Sequences.of(fake_users))
    negatives = negatives_of(samples, objective.items, N_ITEMS, fake_users, seed=0)
    step = 1e-2
    for row, chosen, value in zip(fake_users, negatives, predicted, strict=True):
        own = model.features[row[1:]] - model.features[chosen[1:]]
        rows = np.vstack([model.rows(samples), own])
        scores = []
        for k in range(5):
            weight = np.concatenate([np.ones(len(samples)), np.full(len(own), k * step)])
            refit = LinearScores(logistic=model.logistic).fit_rows(rows, weight)
            scores.append(float(refit.target_score(None, None, [TARGET])[0].detach()))
        # fourth-order forward difference in the fake user's weight
        slope = np.dot([-25, 48, -36, 16, -3], scores) / (12 * step)
        assert value == pytest.approx(slope, rel=1e-3)
