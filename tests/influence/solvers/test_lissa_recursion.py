"""LiSSA against dense linear algebra."""

import numpy as np
import pytest
from dense_matrices import product_of, symmetric

from loki_bench.errors import UnsolvedError
from loki_bench.influence.solvers.lissa_recursion import largest_eigenvalue, lissa


def test_lissa_solves_with_the_estimated_scale():
    matrix = symmetric(np.linspace(1, 20, 12))
    b = np.arange(12.0)
    largest = largest_eigenvalue(product_of(matrix), b, seed=0)
    assert largest == pytest.approx(20, rel=0.02)
    found = lissa(product_of(matrix), b, scale=1.1 * largest, tolerance=1e-8, max_iterations=2000)
    np.testing.assert_allclose(found.s, np.linalg.solve(matrix, b), rtol=1e-6)


@pytest.mark.parametrize(("eigenvalues", "scale"), [([1.0, 2, 9], 4.0), ([-1.0, 2, 9], 10.0)])
def test_lissa_that_diverges_says_what_to_change(eigenvalues, scale):
    with pytest.raises(UnsolvedError, match="larger scale or damping"):
        lissa(
            product_of(symmetric(np.array(eigenvalues))),
            np.ones(3),
            scale=scale,
            tolerance=1e-6,
            max_iterations=10_000,
        )


@pytest.mark.parametrize(("size", "word"), [(1e25, "large"), (1e-30, "small")])
def test_lissa_refuses_a_target_whose_length_its_type_does_not_hold(size, word):
    b = np.full(3, size, dtype=np.float32)
    with pytest.raises(UnsolvedError, match=f"too {word} for float32"):
        lissa(product_of(np.eye(3, dtype=np.float32)), b, scale=1, tolerance=1e-3, max_iterations=9)
