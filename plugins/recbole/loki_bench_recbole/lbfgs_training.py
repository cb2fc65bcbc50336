"""Training of factor models to a point where the gradient is near zero.

Influence functions expand the loss around a minimum; stochastic steps with new negatives every
epoch never reach one. Here the negatives are frozen, and L-BFGS (Liu and Nocedal, Mathematical
Programming 1989; scipy's L-BFGS-B) minimises

    sum_s log(1 + exp(-x_s)) + l2 / 2 * sum over all rows of all tables of |row|**2

in float64 from the model's initial weights. The result is rounded to float32.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from loki_bench_recbole.compiling import compiled, compiled_sum

__all__ = ["minimise_factors", "objective_and_gradient"]

Ids = NDArray[np.int32]
Table = NDArray[np.float64]

_N_CORRECTIONS = 10  # scipy's default; each costs two vectors of the size of the weights


@compiled_sum
def _inner_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    product = 0.0
    for k in range(len(a)):
        product += a[k] * b[k]
    return product


@compiled
def objective_and_gradient(
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    gradients: tuple[Table, ...],
    l2: float,
    weights: NDArray[np.float32] | None = None,
) -> float:
    """The objective above, and its gradient written into ``gradients``.

    Parameters
    ----------
    rows : tuple of int32 arrays
        What picks the row of each term, a value for each sample.
    positives, negatives : int32 arrays
        The two items of each sample.
    tables, gradients : tuples of float64 arrays of shape (n_rows, d)
        Row table, item table, row table, item table ...
    l2 : float
        What each row is charged.
    weights : float32 array, or None
        What each sample's loss is multiplied with; None is 1 for all.
    """
    n_terms, d = len(rows), tables[0].shape[1]
    differences = np.empty((n_terms, d))
    value = 0.0
    for table, gradient in zip(tables, gradients):  # noqa: B905 - numba's zip takes no strict
        for row in range(table.shape[0]):
            value += l2 / 2 * _inner_product(table[row], table[row])
            for k in range(d):
                gradient[row, k] = l2 * table[row, k]
    for sample in range(len(positives)):
        i, j = positives[sample], negatives[sample]
        x = 0.0
        for term in range(n_terms):
            row, row_table, item_table = rows[term][sample], tables[2 * term], tables[2 * term + 1]
            for k in range(d):
                differences[term, k] = item_table[i, k] - item_table[j, k]
            x += _inner_product(row_table[row], differences[term])
        e = np.exp(-abs(x))
        loss = np.log1p(e) + max(-x, 0.0)
        slope = -(e if x >= 0 else 1.0) / (1.0 + e)
        if weights is not None:
            loss, slope = weights[sample] * loss, weights[sample] * slope
        value += loss
        for term in range(n_terms):
            row, row_table = rows[term][sample], tables[2 * term]
            row_gradient, item_gradient = gradients[2 * term], gradients[2 * term + 1]
            for k in range(d):
                row_gradient[row, k] += slope * differences[term, k]
            for k in range(d):
                item_gradient[i, k] += slope * row_table[row, k]
            for k in range(d):
                item_gradient[j, k] -= slope * row_table[row, k]
    return value


def minimise_factors(
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[NDArray[np.float32], ...],
    *,
    l2: float,
    max_iterations: int,
    tolerance: float,
    weights: NDArray[np.float32] | None = None,
) -> dict[str, float]:
    """Minimise the objective above, writing the weights into ``tables``.

    Parameters
    ----------
    rows, positives, negatives : int32 arrays
        See :func:`objective_and_gradient`.
    tables : tuple of float32 arrays of shape (n_rows, d)
        Where to start; overwritten with the answer.
    l2 : float
        What each row is charged.
    max_iterations : int
        At most so many iterations.
    weights : float32 array, or None
        See :func:`objective_and_gradient`.
    tolerance : float
        Stop when no component of the gradient is larger in size.

    Returns
    -------
    dict with ``epochs`` (iterations), ``training_loss`` (mean over samples, without L2),
    ``objective``, ``gradient_norm`` and ``largest_gradient``, the last three at the rounded
    weights that are returned.
    """
    ends = np.cumsum([table.size for table in tables])

    def shaped(flat: NDArray[np.float64]) -> tuple[Table, ...]:
        parts = np.split(flat, ends[:-1])
        return tuple(part.reshape(table.shape) for part, table in zip(parts, tables, strict=True))

    def evaluate(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gradient = np.empty_like(flat)
        parts = shaped(np.ascontiguousarray(flat))
        value = objective_and_gradient(
            rows, positives, negatives, parts, shaped(gradient), float(l2), weights
        )
        return value, gradient

    start = np.concatenate([table.ravel() for table in tables]).astype(np.float64)
    answer = minimize(
        evaluate,
        start,
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_iterations,
            "maxfun": 4 * max_iterations + 100,
            "maxcor": _N_CORRECTIONS,
            "gtol": tolerance,
            "ftol": 0.0,
        },
    )
    for table, part in zip(tables, shaped(answer.x), strict=True):
        table[:] = part
    rounded = np.concatenate([table.ravel() for table in tables]).astype(np.float64)
    value, gradient = evaluate(rounded)
    penalty = l2 / 2 * float(rounded @ rounded)
    return {
        "epochs": float(answer.nit),
        "training_loss": (value - penalty) / max(len(positives), 1),
        "objective": value,
        "gradient_norm": float(np.linalg.norm(gradient)),
        "largest_gradient": float(np.abs(gradient).max(initial=0.0)),
    }
