"""Compiled fold-in: the row that training would give a user whose items are known.

Given a user's samples, each a difference of item rows ``D_s`` with a constant ``c_s`` and a weight
``w_s``, the row minimises the strictly convex

    phi(p) = sum_s w_s softplus(-(c_s + <D_s, p>)) + ridge / 2 |p|**2

by Newton's method with backtracking. With fewer samples than dimensions the step is taken in the
span of the samples (``p = D^T a``), where a user of 15 clicks costs a 15 x 15 system instead of a
64 x 64 one; the two are the same step.
"""

from math import exp, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled, compiled_inline, compiled_part
from loki_bench.influence.kernels.row_sums import dot

__all__ = ["fold_in", "solve_row_system"]

Array = NDArray[np.float64]

_GRADIENT_TOLERANCE = 1e-9
_MAX_NEWTON_STEPS = 50
_MAX_HALVINGS = 30


@compiled
def cholesky(matrix: Array, n: int) -> None:
    """Overwrite the lower triangle of the leading n x n block with its Cholesky factor."""
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j] - dot(matrix[i, :j], matrix[j, :j])
            if i == j:
                matrix[i, i] = sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]


@compiled
def cholesky_solve(factor: Array, n: int, b: Array) -> None:
    """Overwrite ``b[:n]`` with the solution of the factored system."""
    for i in range(n):
        b[i] = (b[i] - dot(factor[i, :i], b)) / factor[i, i]
    for i in range(n - 1, -1, -1):
        row = factor[i, :i]
        solved = b[i] / factor[i, i]
        b[i] = solved
        for k in range(i):
            b[k] -= solved * row[k]


@compiled
def derivatives(n: int, x: Array, w: Array, slope: Array, curvature: Array) -> float:
    """First and second derivatives of each sample's loss in its margin; returns the summed loss."""
    loss = 0.0
    for s in range(n):
        e = exp(-abs(x[s]))
        loss += w[s] * (log1p(e) + max(-x[s], 0.0))
        slope[s] = -w[s] * (e if x[s] > 0 else 1.0) / (1.0 + e)
        curvature[s] = w[s] * e / ((1.0 + e) * (1.0 + e))
    return loss


@compiled_inline
def _dual_newton(
    n: int,
    gram: Array,
    c: Array,
    w: Array,
    ridge: float,
    a: Array,
    x: Array,
    slope: Array,
    curvature: Array,
    system: Array,
    step: Array,
    residual: Array,
    moved: Array,
) -> int:
    """Newton on the coefficients ``a`` (``p = D^T a``) through the Gram matrix of ``D``."""
    for s in range(n):
        moved[s] = dot(gram[s, :n], a[:n])
        x[s] = c[s] + moved[s]
    value = derivatives(n, x, w, slope, curvature) + 0.5 * ridge * dot(a[:n], moved[:n])
    for newton in range(_MAX_NEWTON_STEPS):
        largest = 0.0
        for s in range(n):
            residual[s] = ridge * a[s] + slope[s]
            largest = max(largest, abs(residual[s]))
        if largest <= _GRADIENT_TOLERANCE:
            return newton
        # (ridge + H G)^-1 r = (r - S (ridge + S G S)^-1 S G r) / ridge with S = sqrt(H): no
        # division by a curvature that underflows for a sample that is fitted well.
        for s in range(n):
            root = sqrt(curvature[s])
            step[s] = root * dot(gram[s, :n], residual[:n])
            for t in range(s + 1):
                system[s, t] = root * gram[s, t] * sqrt(curvature[t])
            system[s, s] += ridge
        cholesky(system, n)
        cholesky_solve(system, n, step)
        for s in range(n):
            step[s] = -(residual[s] - sqrt(curvature[s]) * step[s]) / ridge
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            for s in range(n):
                a[s] += length * step[s]
            for s in range(n):
                moved[s] = dot(gram[s, :n], a[:n])
                x[s] = c[s] + moved[s]
            trial = derivatives(n, x, w, slope, curvature)
            trial += 0.5 * ridge * dot(a[:n], moved[:n])
            if trial <= value + 1e-12 * (1.0 + abs(value)):
                break
            for s in range(n):
                a[s] -= length * step[s]
            length *= 0.5
        value = trial
    return _MAX_NEWTON_STEPS


@compiled_part
def _margins(n: int, difference: Array, c: Array, p: Array, x: Array) -> None:
    for s in range(n):
        x[s] = c[s] + dot(difference[s], p)


@compiled_part
def _row_hessian(n: int, difference: Array, curvature: Array, ridge: float, system: Array) -> None:
    """Lower triangle of ``ridge I + D^T H D``."""
    width = difference.shape[1]
    for t in range(width):
        for u in range(t + 1):
            system[t, u] = 0.0
        system[t, t] = ridge
    for s in range(n):
        row = difference[s]
        for t in range(width):
            scaled = curvature[s] * row[t]
            target = system[t, : t + 1]
            for u in range(t + 1):
                target[u] += scaled * row[u]


@compiled_inline
def _primal_newton(
    n: int,
    difference: Array,
    c: Array,
    w: Array,
    ridge: float,
    p: Array,
    x: Array,
    slope: Array,
    curvature: Array,
    system: Array,
    step: Array,
) -> int:
    """Newton on the row itself, for users with more samples than dimensions."""
    width = len(p)
    _margins(n, difference, c, p, x)
    value = derivatives(n, x, w, slope, curvature) + 0.5 * ridge * dot(p, p)
    for newton in range(_MAX_NEWTON_STEPS):
        for t in range(width):
            step[t] = ridge * p[t]
        for s in range(n):
            row = difference[s]
            for t in range(width):
                step[t] += slope[s] * row[t]
        largest = 0.0
        for t in range(width):
            largest = max(largest, abs(step[t]))
        if largest <= _GRADIENT_TOLERANCE * max(1.0, float(n)):
            return newton
        _row_hessian(n, difference, curvature, ridge, system)
        cholesky(system, width)
        cholesky_solve(system, width, step)
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            for t in range(width):
                p[t] -= length * step[t]
            _margins(n, difference, c, p, x)
            trial = derivatives(n, x, w, slope, curvature) + 0.5 * ridge * dot(p, p)
            if trial <= value + 1e-12 * (1.0 + abs(value)):
                break
            for t in range(width):
                p[t] += length * step[t]
            length *= 0.5
        value = trial
    return _MAX_NEWTON_STEPS


@compiled_inline
def fold_in(
    n: int,
    difference: Array,
    gram: Array,
    c: Array,
    w: Array,
    ridge: float,
    a: Array,
    p: Array,
    x: Array,
    slope: Array,
    curvature: Array,
    system: Array,
    step: Array,
    residual: Array,
    moved: Array,
) -> int:
    """Minimise phi over the row of a user with ``n`` samples; returns the Newton steps taken.

    Starts from ``a`` (fewer samples than dimensions; ``gram`` must then hold ``D D^T``) or from
    ``p``, and writes ``p`` and the margins ``x`` with their ``slope`` and ``curvature``. The other
    arrays are workspace of shape (m, m) and (m,) with m at least max(n, d) where it is used.
    """
    width = len(p)
    if n > width:
        return _primal_newton(n, difference, c, w, ridge, p, x, slope, curvature, system, step)
    steps = _dual_newton(
        n, gram, c, w, ridge, a, x, slope, curvature, system, step, residual, moved
    )
    for t in range(width):
        p[t] = 0.0
    for s in range(n):
        row = difference[s]
        for t in range(width):
            p[t] += a[s] * row[t]
    return steps


@compiled_part
def solve_row_system(
    n: int,
    difference: Array,
    gram: Array,
    curvature: Array,
    ridge: float,
    b: Array,
    system: Array,
    step: Array,
) -> None:
    """Overwrite ``b`` with ``(ridge I + D^T H D)^-1 b``, K_pp of a folded-in row."""
    width = len(b)
    if n > width:
        _row_hessian(n, difference, curvature, ridge, system)
        cholesky(system, width)
        cholesky_solve(system, width, b)
        return
    for s in range(n):
        root = sqrt(curvature[s])
        step[s] = root * dot(difference[s], b)
        for t in range(s + 1):
            system[s, t] = root * gram[s, t] * sqrt(curvature[t])
        system[s, s] += ridge
    cholesky(system, n)
    cholesky_solve(system, n, step)
    for s in range(n):
        root = sqrt(curvature[s])
        row = difference[s]
        for t in range(width):
            b[t] -= root * step[s] * row[t]
    for t in range(width):
        b[t] /= ridge
