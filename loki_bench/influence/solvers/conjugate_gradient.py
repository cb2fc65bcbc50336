"""Conjugate gradients for ``H s = b`` with a possibly indefinite H, and what they learnt of H.

Hestenes and Stiefel (1952); stopping at negative curvature as in Martens (2010, "Deep learning via
Hessian-free optimization"). A factor model's Hessian has exact zero modes (rotations of the
factors) even at a minimum, and slightly negative ones before it: a run must not go on dividing by
them. ``scipy.sparse.linalg.cg`` does: it neither stops at negative curvature nor reports it, and it
has no estimate of the extreme eigenvalues, from which the damping of the next run is chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, eigvalsh_tridiagonal

from loki_bench.errors import UnsolvedError

__all__ = ["Solution", "conjugate_gradient", "length_of_target", "scaled_conjugate_gradient"]

FloatArray = NDArray[np.floating]
Product = Callable[[FloatArray, FloatArray], FloatArray]
"""``product(vector, out)`` writes the matrix times ``vector`` into ``out`` and returns it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """What a solver found.

    Attributes
    ----------
    s : array of shape (n,)
    iterations : int
        Number of matrix-vector products.
    relative_residual : float
        ``|H s - b| / |b|``, 0 where b is zero.
    negative_curvature : bool
        Whether the run stopped because ``p^T H p <= 0`` for a search direction p.
    lambda_max, lambda_min : float
        Estimates, from inside the spectrum, of H's extreme eigenvalues; NaN where nothing was
        learnt.
    scaled_residual : float
        The relative residual in the scaled variables in which the run stopped; NaN if none were.
    """

    s: FloatArray
    iterations: int
    relative_residual: float
    negative_curvature: bool
    lambda_max: float
    lambda_min: float = float("nan")
    scaled_residual: float = float("nan")

    @classmethod
    def direct(cls, s: FloatArray) -> "Solution":
        """A solution that no iteration found: it knows nothing of H."""
        return cls(
            s=s,
            iterations=0,
            relative_residual=float("nan"),
            negative_curvature=False,
            lambda_max=float("nan"),
        )


def length_of_target(b: FloatArray) -> float:
    """``|b|``; 0 only where b is 0.

    Raises
    ------
    UnsolvedError
        The length is no number of b's type, so that no residual can be compared with it.
    """
    with np.errstate(over="ignore"):  # told in a sentence
        length = float(np.linalg.norm(b))
    if not np.isfinite(length) or (length == 0.0 and b.any()):
        size = "large" if length else "small"
        raise UnsolvedError(
            f"the gradient of the target scores is too {size} for {b.dtype}, or not a number: "
            "train the recommender with a smaller learning rate or a larger l2, or give the "
            "influence estimator precision = 'float64'"
        )
    return length


def conjugate_gradient(
    product: Product,
    b: FloatArray,
    *,
    tolerance: float,
    max_iterations: int,
    overwrite_b: bool = False,
) -> Solution:
    """Solve ``H s = b`` from ``s = 0``.

    Parameters
    ----------
    product : callable
        ``product(vector, out)`` writes ``H vector`` into ``out``; damping belongs to it.
    b : float32 or float64 array of shape (n,)
    tolerance : float, above 0
        Stops when ``|residual| <= tolerance * |b|`` (both plain 2-norms).
    max_iterations : int, 1 or more
    overwrite_b : bool
        Whether ``b`` may be written over: one array less is held.

    Returns
    -------
    Solution
        After ``max_iterations`` or at negative curvature it is the best point so far; at negative
        curvature in the very first direction it is ``b / lambda_max``-like: the steepest step of
        length ``|b| / |H b|``.

    Raises
    ------
    UnsolvedError
        A product is not finite, or see :func:`length_of_target`.
    """
    norm_b = length_of_target(b)
    s = np.zeros_like(b)
    if norm_b == 0.0:
        return Solution(
            s=s,
            iterations=0,
            relative_residual=0.0,
            negative_curvature=False,
            lambda_max=float("nan"),
        )
    axpy, dot, scal = _blas(b)
    r, p, hp = b if overwrite_b else b.copy(), b.copy(), np.empty_like(b)
    rr = float(dot(r, r))
    alphas: list[float] = []
    betas: list[float] = []
    negative = False
    while len(alphas) < max_iterations and np.sqrt(rr) > tolerance * norm_b:
        product(p, hp)
        curvature = float(dot(p, hp))
        if not np.isfinite(curvature):
            raise UnsolvedError(
                f"conjugate gradients: the Hessian product of step {len(alphas) + 1} is not "
                "finite: train the recommender with a smaller learning rate or raise its l2"
            )
        if curvature <= 0.0:
            negative = True
            if not alphas:
                length = float(np.linalg.norm(hp))
                axpy(p, s, a=norm_b / length if length > 0.0 else 1.0)
            break
        alpha = rr / curvature
        axpy(p, s, a=alpha)
        axpy(hp, r, a=-alpha)
        rr_next = float(dot(r, r))
        beta = rr_next / rr
        scal(beta, p)
        axpy(r, p, a=1.0)
        alphas.append(alpha)
        betas.append(beta)
        rr = rr_next
    if negative:
        if not alphas:
            axpy(product(s, hp), r, a=-1.0)
            rr_left = float(dot(r, r))
        else:
            rr_left = rr
        # one more Lanczos step, whose pivot is negative: zero curvature has no pivot
        alphas.append(rr / curvature if curvature < 0.0 else -float("inf"))
        rr = rr_left
    least, largest = _ritz_values(alphas, betas[: max(len(alphas) - 1, 0)])
    return Solution(
        s=s,
        iterations=len(alphas),
        relative_residual=float(np.sqrt(rr) / norm_b),
        negative_curvature=negative,
        lambda_max=largest,
        lambda_min=least,
    )


def scaled_conjugate_gradient(
    product: Product,
    b: FloatArray,
    diagonal: FloatArray | None,
    *,
    tolerance: float,
    max_iterations: int,
    overwrite_b: bool = False,
) -> Solution:
    """Solve ``H s = b`` in variables scaled by a diagonal (Jacobi's preconditioner).

    With ``D = diagonal`` it solves ``D^-1/2 H D^-1/2 y = D^-1/2 b`` and answers ``s = D^-1/2 y``.
    The run stops by the residual of the scaled system; the residual in the answer is that of
    ``H s = b`` itself, for which one more product is taken, and its extreme eigenvalues are those
    of the scaled matrix.

    Parameters
    ----------
    product, b, tolerance, max_iterations, overwrite_b
        As for :func:`conjugate_gradient`.
    diagonal : array of shape (n,) or None
        0 or more; entries below 1e-6 times their mean are raised to it. None scales nothing.
    """
    if diagonal is None:
        return conjugate_gradient(
            product,
            b,
            tolerance=tolerance,
            max_iterations=max_iterations,
            overwrite_b=overwrite_b,
        )
    least = max(1e-6 * float(diagonal.mean(dtype=np.float64)), float(np.finfo(b.dtype).tiny))
    scale = (1.0 / np.sqrt(np.maximum(diagonal, least))).astype(b.dtype)

    def scaled(vector: FloatArray, out: FloatArray) -> FloatArray:
        product(scale * vector, out)
        out *= scale
        return out

    found = conjugate_gradient(
        scaled, scale * b, tolerance=tolerance, max_iterations=max_iterations, overwrite_b=True
    )
    s = scale * found.s
    norm_b = float(np.linalg.norm(b))
    left = float(np.linalg.norm(product(s, np.empty_like(b)) - b))
    return replace(
        found,
        s=s,
        relative_residual=left / norm_b if norm_b > 0.0 else 0.0,
        scaled_residual=found.relative_residual,
    )


def _blas(
    b: FloatArray,
) -> tuple[Callable[..., object], Callable[..., float], Callable[..., object]]:
    """In-place axpy, dot and scal of the vector's type (numpy would allocate at each step)."""
    if b.dtype == np.float32:
        return blas.saxpy, blas.sdot, blas.sscal
    return blas.daxpy, blas.ddot, blas.dscal


def _ritz_values(alphas: list[float], betas: list[float]) -> tuple[float, float]:
    """Extreme eigenvalues of the Lanczos matrix that the run has built on the way."""
    if not alphas:
        return float("nan"), float("nan")
    a, beta = np.array(alphas), np.array(betas)
    diagonal = 1.0 / a
    diagonal[1:] += beta / a[:-1]
    values = eigvalsh_tridiagonal(diagonal, np.sqrt(beta) / a[:-1])
    return float(values[0]), float(values[-1])
