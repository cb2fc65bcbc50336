"""Conjugate gradients against dense linear algebra."""

import numpy as np
import pytest
from dense_matrices import product_of, symmetric

from loki_bench.errors import UnsolvedError
from loki_bench.influence.solvers.conjugate_gradient import (
    conjugate_gradient,
    scaled_conjugate_gradient,
)


def test_conjugate_gradients_solve_and_learn_the_extreme_eigenvalues():
    matrix = symmetric(np.linspace(1, 20, 12))
    b = np.arange(12.0)
    found = conjugate_gradient(product_of(matrix), b, tolerance=1e-12, max_iterations=50)
    np.testing.assert_allclose(found.s, np.linalg.solve(matrix, b), rtol=1e-8)
    assert found.iterations <= 13
    assert found.relative_residual <= 1e-12
    assert not found.negative_curvature
    assert found.lambda_max == pytest.approx(20, rel=1e-6)
    assert found.lambda_min == pytest.approx(1, rel=1e-6)


def test_the_tolerance_is_relative_to_the_norm_of_b_whatever_its_scale():
    matrix = symmetric(np.geomspace(0.01, 10, 40))
    b = np.random.default_rng(1).normal(size=40)
    runs = [
        conjugate_gradient(product_of(matrix), scale * b, tolerance=1e-3, max_iterations=500)
        for scale in (1e-8, 1.0, 1e8)
    ]
    iterations = [run.iterations for run in runs]
    assert max(iterations) - min(iterations) <= 1  # rounding
    for scale, run in zip((1e-8, 1.0, 1e8), runs, strict=True):
        residual = np.linalg.norm(matrix @ run.s - scale * b) / np.linalg.norm(scale * b)
        assert residual == pytest.approx(run.relative_residual, rel=1e-6)
        assert residual <= 1e-3


def test_conjugate_gradients_stop_at_negative_curvature_and_say_so():
    matrix = symmetric(np.array([-2.0, 1, 2, 3, 4, 5]))
    found = conjugate_gradient(product_of(matrix), np.ones(6), tolerance=1e-12, max_iterations=50)
    assert found.negative_curvature
    assert found.lambda_min < 0
    assert np.isfinite(found.s).all()


def test_negative_curvature_in_the_first_direction_gives_a_step_along_b():
    found = conjugate_gradient(
        product_of(-2 * np.eye(3)), np.array([1.0, 0, 0]), tolerance=1e-6, max_iterations=9
    )
    assert found.negative_curvature
    np.testing.assert_allclose(found.s, [0.5, 0, 0])
    assert found.lambda_min == pytest.approx(-2)


def test_the_right_side_stays_unless_it_may_be_written_over_and_the_solution_is_the_same():
    matrix = symmetric(np.linspace(-1, 20, 12))  # at negative curvature, too
    for b in (np.arange(12.0), matrix @ np.ones(12)):
        given, options = b.copy(), {"tolerance": 1e-9, "max_iterations": 30}
        kept = conjugate_gradient(product_of(matrix), given, **options)
        assert (given == b).all()
        found = conjugate_gradient(product_of(matrix), given, overwrite_b=True, **options)
        assert (found.s == kept.s).all()
        assert found.relative_residual == kept.relative_residual
        assert (given != b).any()


def test_a_consistent_system_with_zero_modes_is_solved_orthogonally_to_them():
    matrix = symmetric(np.array([0.0, 0, 1, 2, 3]))
    b = matrix @ np.ones(5)
    found = conjugate_gradient(product_of(matrix), b, tolerance=1e-10, max_iterations=9)
    np.testing.assert_allclose(found.s, np.linalg.pinv(matrix) @ b, atol=1e-9)


def test_a_zero_right_side_needs_no_product():
    found = conjugate_gradient(
        product_of(np.eye(2) * np.nan), np.zeros(2), tolerance=1e-3, max_iterations=5
    )
    assert found.iterations == 0
    np.testing.assert_array_equal(found.s, [0, 0])


def test_a_product_that_is_not_finite_is_an_error():
    with pytest.raises(UnsolvedError, match="not finite"):
        conjugate_gradient(
            product_of(np.eye(2) * np.nan), np.ones(2), tolerance=1e-3, max_iterations=5
        )


def test_scaling_by_the_diagonal_gives_the_same_solution_in_fewer_products():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(60, 60))
    sizes = 10.0 ** rng.uniform(-3, 3, 60)
    matrix = sizes[:, None] * (factor @ factor.T / 60 + np.eye(60)) * sizes[None, :]
    b = rng.normal(size=60)

    product = product_of(matrix)
    options = {"tolerance": 1e-10, "max_iterations": 2000}
    plain = conjugate_gradient(product, b, **options)
    scaled = scaled_conjugate_gradient(product, b, np.diag(matrix).copy(), **options)
    np.testing.assert_allclose(scaled.s, np.linalg.solve(matrix, b), rtol=1e-4)
    assert scaled.iterations < plain.iterations / 3
    assert scaled.relative_residual == pytest.approx(
        np.linalg.norm(matrix @ scaled.s - b) / np.linalg.norm(b)
    )
    assert scaled.scaled_residual <= 1e-10
    assert np.isnan(plain.scaled_residual)
    unscaled = scaled_conjugate_gradient(product, b, None, **options)
    assert (unscaled.s == plain.s).all()


def test_scaling_takes_zeros_on_the_diagonal_and_an_empty_right_side():
    def product(vector, out):
        out[:] = vector
        return out

    options = {"tolerance": 1e-8, "max_iterations": 50}
    b = np.array([1.0, 2.0, 3.0])
    found = scaled_conjugate_gradient(product, b, np.array([0.0, 1.0, 1.0]), **options)
    np.testing.assert_allclose(found.s, b, rtol=1e-6)
    assert not scaled_conjugate_gradient(product, 0 * b, np.ones(3), **options).s.any()


@pytest.mark.parametrize(("size", "word"), [(1e25, "large"), (1e-30, "small")])
def test_a_target_whose_length_its_type_does_not_hold_is_refused(size, word):
    b = np.full(3, size, dtype=np.float32)
    with pytest.raises(UnsolvedError, match=f"too {word} for float32.*precision = 'float64'"):
        conjugate_gradient(
            product_of(np.eye(3, dtype=np.float32)), b, tolerance=1e-3, max_iterations=9
        )
    found = conjugate_gradient(
        product_of(np.eye(3)), b.astype(np.float64), tolerance=1e-3, max_iterations=9
    )
    np.testing.assert_allclose(found.s, b)
