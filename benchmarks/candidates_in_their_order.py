"""A million candidates as they were scored before: in their order, offset by offset, in float64.

What today's form is compared with; nothing else uses it.
"""

from math import exp

import numpy as np

from loki_bench.influence.kernels.compiling import compiled
from loki_bench.influence.kernels.row_sums import dot_difference

__all__ = ["losses_in_their_order"]


def losses_in_their_order(linear, vector, samples):
    """What ``FactorObjective.sample_losses_along`` answers."""
    out = np.empty(len(samples))
    _losses_along(
        linear.theta,
        vector,
        linear.layout.row_at(samples.users, samples.last_items),
        linear.layout.item_at(samples.positives),
        linear.layout.item_at(samples.negatives),
        linear.layout.dims,
        out,
    )
    return out


@compiled
def _losses_along(
    theta,
    vector,
    row_at,
    pos_at,
    neg_at,
    dims,
    out,
):
    n_terms, n = row_at.shape
    for s in range(n):
        x = 0.0
        dx = 0.0
        for k in range(n_terms):
            if row_at[k, s] < 0:
                continue
            d = dims[k]
            row = theta[row_at[k, s] : row_at[k, s] + d]
            pos = theta[pos_at[k, s] : pos_at[k, s] + d]
            neg = theta[neg_at[k, s] : neg_at[k, s] + d]
            x += dot_difference(row, pos, neg)
            dx += dot_difference(vector[row_at[k, s] : row_at[k, s] + d], pos, neg)
            dx += dot_difference(
                row,
                vector[pos_at[k, s] : pos_at[k, s] + d],
                vector[neg_at[k, s] : neg_at[k, s] + d],
            )
        e = exp(-abs(x))
        out[s] = -(e if x > 0 else 1.0) / (1.0 + e) * dx
