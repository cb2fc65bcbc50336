"""LiSSA: the inverse Hessian applied by a Neumann recursion (Agarwal, Bullins and Hazan, 2017).

``s_{t+1} = b / scale + (I - (H + damping) / scale) s_t`` converges to ``(H + damping)^-1 b`` when
every eigenvalue of ``H + damping`` lies in (0, 2 scale). Over the whole training set this is
gradient descent with step ``1 / scale``: it needs about as many products as the condition number,
conjugate gradients about its square root. It is here because LOKI's paper uses it.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import UnsolvedError
from loki_bench.influence.solvers.conjugate_gradient import (
    Product,
    Solution,
    length_of_target,
)

__all__ = ["largest_eigenvalue", "lissa"]

FloatArray = NDArray[np.floating]

# a residual this many times its least value so far is growth, not the noise of float32
_DIVERGED = 10.0


def largest_eigenvalue(
    product: Product, like: FloatArray, *, seed: int, max_iterations: int = 100
) -> float:
    """The eigenvalue of largest size, by power iteration to one part in a thousand.

    An estimate from below: leave a margin. 0 for a matrix of zeros.
    """
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=like.shape).astype(like.dtype)
    vector /= np.linalg.norm(vector)
    out = np.empty_like(vector)
    value = 0.0
    for _ in range(max_iterations):
        product(vector, out)
        before, value = value, float(np.linalg.norm(out))
        if value == 0.0 or not np.isfinite(value) or abs(value - before) <= 1e-3 * value:
            break
        np.divide(out, value, out=vector)
    return value


def lissa(
    product: Product,
    b: FloatArray,
    *,
    scale: float,
    tolerance: float,
    max_iterations: int,
    lambda_max: float = float("nan"),
) -> Solution:
    """Solve ``H s = b`` by the recursion above, with H the product's matrix.

    Parameters
    ----------
    product : callable
        ``product(vector, out)`` writes ``H vector`` into ``out``; damping belongs to it.
    b : array of shape (n,)
    scale : float, above half of H's largest eigenvalue
    tolerance : float
        Stops when ``|H s - b| <= tolerance |b|``, which each step knows at no cost.
    max_iterations : int
    lambda_max : float
        Only reported.

    Raises
    ------
    UnsolvedError
        The residual grows: the scale is too small or H has negative curvature. The message says
        what to change. Or see :func:`length_of_target`.
    """
    norm_b = length_of_target(b)
    s = np.zeros_like(b)
    if norm_b == 0.0:
        return _solution(s, 0, 0.0, lambda_max)
    out, residual = np.empty_like(b), b.copy()
    relative, least, iterations = 1.0, 1.0, 0
    while iterations < max_iterations and relative > tolerance:
        residual /= b.dtype.type(scale)
        s += residual
        product(s, out)
        np.subtract(b, out, out=residual)
        relative = float(np.linalg.norm(residual)) / norm_b
        least = min(least, relative)
        iterations += 1
        if not np.isfinite(relative) or relative > _DIVERGED * least:
            raise UnsolvedError(
                f"influence estimator 'lissa' diverged at step {iterations}: its relative residual "
                f"rose from {least:.3g} to {relative:.3g} with scale {scale:.4g}; give it a larger "
                "scale or damping, or use 'cg', which stops at negative curvature"
            )
    return _solution(s, iterations, relative, lambda_max)


def _solution(s: FloatArray, iterations: int, relative: float, lambda_max: float) -> Solution:
    return Solution(
        s=s,
        iterations=iterations,
        relative_residual=relative,
        negative_curvature=False,
        lambda_max=lambda_max,
    )
