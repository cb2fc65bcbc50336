"""Compiled sums over training samples of a factor model: margins, gradient, Hessian product.

Every table lies in one flat parameter vector ``theta``; a sample ``s`` names, for each term
``k``, where its rows start: ``row_at[k, s]`` (-1: the term is zero), ``pos_at[k, s]`` and
``neg_at[k, s]``. With ``x_s = sum_k <A_r, B_i - B_j>`` and the loss ``softplus(-x_s)``::

    g_s = -sigmoid(-x_s)          first derivative in x
    h_s = sigmoid(x_s) sigmoid(-x_s)   second derivative in x
    dx_s = sum_k <V_r, B_i - B_j> + <A_r, V_i - V_j>
    (H v)_r   += h dx (B_i - B_j) + g (V_i - V_j)
    (H v)_i/j += / -= h dx A_r + g V_r

The terms in ``g`` of a Hessian product make it indefinite away from a minimum; without them it is
the Gauss-Newton product. Two row buffers are the only temporaries: building arrays of shape
(n_samples, d) instead costs three to seven times as much on Amazon Beauty, because the product is
bound by memory traffic.
"""

from math import exp, log1p

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled
from loki_bench.influence.kernels.row_sums import dot_difference, margin_change

__all__ = [
    "add_gradient",
    "add_hessian_product",
    "margin_derivatives",
    "regularise",
]

FloatArray = NDArray[np.floating]
IndexArray = NDArray[np.int64]


@compiled
def margin_derivatives(
    theta: FloatArray,
    row_at: IndexArray,
    pos_at: IndexArray,
    neg_at: IndexArray,
    dims: IndexArray,
    slope: FloatArray,
    curvature: FloatArray,
) -> float:
    """Write ``g_s`` and ``h_s`` into ``slope`` and ``curvature``; return the summed loss."""
    n_terms, n = row_at.shape
    loss = 0.0
    for s in range(n):
        x = 0.0
        for k in range(n_terms):
            if row_at[k, s] < 0:
                continue
            d = dims[k]
            row = theta[row_at[k, s] : row_at[k, s] + d]
            pos = theta[pos_at[k, s] : pos_at[k, s] + d]
            neg = theta[neg_at[k, s] : neg_at[k, s] + d]
            x += dot_difference(row, pos, neg)
        e = exp(-abs(x))
        loss += log1p(e) + max(-x, 0.0)
        slope[s] = -(e if x > 0 else 1.0) / (1.0 + e)
        curvature[s] = e / ((1.0 + e) * (1.0 + e))
    return loss


@compiled
def add_gradient(
    theta: FloatArray,
    out: FloatArray,
    row_at: IndexArray,
    pos_at: IndexArray,
    neg_at: IndexArray,
    dims: IndexArray,
    slope: FloatArray,
) -> None:
    """Add the gradient of the summed loss to ``out``, shaped like ``theta``."""
    n_terms, n = row_at.shape
    for k in range(n_terms):
        d = dims[k]
        for s in range(n):
            if row_at[k, s] < 0:
                continue
            g = slope[s]
            row = theta[row_at[k, s] : row_at[k, s] + d]
            pos = theta[pos_at[k, s] : pos_at[k, s] + d]
            neg = theta[neg_at[k, s] : neg_at[k, s] + d]
            out_row = out[row_at[k, s] : row_at[k, s] + d]
            out_pos = out[pos_at[k, s] : pos_at[k, s] + d]
            out_neg = out[neg_at[k, s] : neg_at[k, s] + d]
            for t in range(d):
                out_row[t] += g * (pos[t] - neg[t])
            for t in range(d):
                out_pos[t] += g * row[t]
            for t in range(d):
                out_neg[t] -= g * row[t]


@compiled
def add_hessian_product(
    theta: FloatArray,
    vector: FloatArray,
    out: FloatArray,
    row_at: IndexArray,
    pos_at: IndexArray,
    neg_at: IndexArray,
    dims: IndexArray,
    slope: FloatArray,
    curvature: FloatArray,
    gauss_newton: bool,
) -> None:
    """Add the Hessian of the summed loss times ``vector`` to ``out``."""
    n_terms, n = row_at.shape
    widest = dims[0]
    for k in range(1, n_terms):  # `dims.max()` would be compiled from numpy's source
        widest = max(widest, dims[k])
    # Differences are formed once and kept in these rows: the second loop then reads L1, and the
    # compiler sees no aliasing between the tables.
    differences = np.empty((n_terms, widest), theta.dtype)
    changes = np.empty((n_terms, widest), theta.dtype)
    for s in range(n):
        dx = theta.dtype.type(0)
        for k in range(n_terms):
            if row_at[k, s] < 0:
                continue
            d = dims[k]
            row = theta[row_at[k, s] : row_at[k, s] + d]
            pos = theta[pos_at[k, s] : pos_at[k, s] + d]
            neg = theta[neg_at[k, s] : neg_at[k, s] + d]
            v_row = vector[row_at[k, s] : row_at[k, s] + d]
            v_pos = vector[pos_at[k, s] : pos_at[k, s] + d]
            v_neg = vector[neg_at[k, s] : neg_at[k, s] + d]
            difference = differences[k, :d]
            change = changes[k, :d]
            for t in range(d):
                difference[t] = pos[t] - neg[t]
                change[t] = v_pos[t] - v_neg[t]
            dx += margin_change(row, difference, v_row, change)
        c = curvature[s] * dx
        g = theta.dtype.type(0) if gauss_newton else slope[s]
        for k in range(n_terms):
            if row_at[k, s] < 0:
                continue
            d = dims[k]
            row = theta[row_at[k, s] : row_at[k, s] + d]
            v_row = vector[row_at[k, s] : row_at[k, s] + d]
            out_row = out[row_at[k, s] : row_at[k, s] + d]
            out_pos = out[pos_at[k, s] : pos_at[k, s] + d]
            out_neg = out[neg_at[k, s] : neg_at[k, s] + d]
            difference = differences[k, :d]
            change = changes[k, :d]
            for t in range(d):
                out_row[t] += c * difference[t] + g * change[t]
                difference[t] = c * row[t] + g * v_row[t]
            for t in range(d):
                out_pos[t] += difference[t]
            for t in range(d):
                out_neg[t] -= difference[t]


@compiled
def regularise(
    vector: FloatArray,
    out: FloatArray,
    starts: IndexArray,
    widths: IndexArray,
    l2: FloatArray,
    extra: float,
) -> None:
    """Set ``out`` to ``(l2 + extra) * vector``, with one ``l2`` for each table row."""
    extra_l2 = out.dtype.type(extra)
    for r in range(len(starts)):
        a = starts[r]
        d = widths[r]
        source = vector[a : a + d]
        target = out[a : a + d]
        c = l2[r] + extra_l2
        for t in range(d):
            target[t] = c * source[t]
