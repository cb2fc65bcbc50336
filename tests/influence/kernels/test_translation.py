"""The row of a translation model's fake user is folded in by the loss's own curvature."""

import numpy as np
import pytest
from scipy.optimize import minimize

from loki_bench.influence.kernels import translation

RIDGE = 0.05


def workspace(toward, away, weight):
    work = translation.translation_workspace(*np.shape(toward))
    work.toward[:], work.away[:], work.weight[:] = toward, away, weight
    return work


def loss(work, p):
    x = np.linalg.norm(p + work.away, axis=1) - np.linalg.norm(p + work.toward, axis=1)
    return work.weight @ np.logaddexp(0.0, -x) + RIDGE / 2 * p @ p


def descent_at(work, p):
    """Minus the loss's gradient at a row; what a product with its Hessian needs is in ``work``."""
    n = len(work.x)
    work.p[:] = p
    translation._margins(work, work.p, n)
    translation.derivatives(n, work.x, work.weight, work.slope, work.curvature)
    translation._descent(work, n, RIDGE)
    return work.residual.copy()


@pytest.fixture
def drawn():
    rng = np.random.default_rng(3)
    toward = rng.normal(size=(5, 8))
    away = toward + 0.5 * rng.normal(size=(5, 8))  # no positive is less than half as far away
    return workspace(toward, away, rng.uniform(0.5, 2.0, size=5)), rng.normal(size=8) * 0.1


def test_the_residual_and_the_product_are_derivatives_of_the_loss(drawn):
    work, p = drawn
    residual = descent_at(work, p)
    assert (work.closer > 0.5 * work.farther).all()
    bends = (work.near_bend - work.far_bend).sum()
    step = 1e-5
    for k, axis in enumerate(np.eye(len(p))):
        slope = (loss(work, p + step * axis) - loss(work, p - step * axis)) / (2 * step)
        assert residual[k] == pytest.approx(-slope, abs=1e-8)
        change = descent_at(work, p - step * axis) - descent_at(work, p + step * axis)
        descent_at(work, p)
        work.direction[:] = axis
        translation._hessian_product(work, len(work.x), RIDGE + bends)
        np.testing.assert_allclose(work.product, change / (2 * step), atol=1e-7)


def test_newton_takes_few_steps_to_a_minimum(drawn):
    work, p = drawn
    work.p[:] = p
    taken = translation._fold_in(work, len(work.x), RIDGE)
    assert 1 <= taken <= 8
    assert abs(descent_at(work, work.p.copy())).max() <= 1e-5
    assert loss(work, work.p) == pytest.approx(minimize(lambda q: loss(work, q), p).fun, abs=1e-6)


@pytest.mark.parametrize(("n_here", "n_there", "seed"), [(1, 2, 18), (2, 4, 7)])
def test_a_row_at_a_kink_leaves_where_more_events_pull_it_away(n_here, n_there, seed):
    rng = np.random.default_rng(seed)
    n = n_here + n_there
    # the row lies where |z| of the first samples is 0; the others want it elsewhere
    there = 2.0 * np.eye(8)[0] + 0.3 * rng.normal(size=(n_there, 8))
    toward = np.vstack([np.zeros((n_here, 8)), there])
    work = workspace(toward, 1.5 * rng.normal(size=(n, 8)), np.ones(n))
    work.p[:] = 1e-9 * np.random.default_rng(9).normal(size=8)
    before = loss(work, work.p)
    translation._fold_in(work, n, RIDGE)
    best = minimize(lambda p: loss(work, p), -there.mean(axis=0), method="Powell").fun
    assert loss(work, work.p) < before - 0.4
    assert loss(work, work.p) <= best + 1e-6
