"""Compiled training of factor models against noise: row-wise AdaGrad on a sample's two losses.

For the score ``x = sum_k <r_k, p_k - n_k>`` of a sample (:mod:`.factor_training`) the loss is
``f(x) + weight * f(x')`` with ``f(x) = log(1 + exp(-x))`` and ``x'`` the score of the moved rows.
Steepest ascent of f in a row has a closed form, whatever x is:

    r' = r - a (p - n) / |p - n|,  p' = p - b r / |r|,  n' = n + b r / |r|

with a and b the radius in lengths of the tables of r and of p. The moves are held, so with
``s = f'(x)`` and ``t = weight * f'(x')`` the gradient of r is ``s (p - n) + t (p' - n')``, that of
p ``s r + t r'``, and that of n minus the latter. (He et al. train on batches, and move a row along
its gradient in the batch.)
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AdversarialNoise
from loki_bench_recbole.adversarial_fit import typical_length
from loki_bench_recbole.compiled_epoch import CompiledEpoch
from loki_bench_recbole.compiling import compiled
from loki_bench_recbole.factor_training import Ids, Table, Vector
from loki_bench_recbole.samples import SampleSource

__all__ = ["adversarial_epoch", "epoch_under_noise"]


def epoch_under_noise(
    source: SampleSource,
    sample_rows: tuple[Ids, ...],
    tables: tuple[Table, ...],
    *,
    noise: AdversarialNoise,
    learning_rate: float,
    l2: float,
    seed: int,
) -> CompiledEpoch:
    """The trainer of a fit against noise; ``sample_rows`` pick the row of each term."""
    scales = source.noise_scales()

    def one_pass(
        rows: tuple[Ids, ...],
        positives: Ids,
        negatives: Ids,
        weights: Vector | None,
        accumulators: tuple[Vector, ...],
    ) -> float:
        lengths: NDArray[np.float32] = np.array([typical_length(table) for table in tables])
        return adversarial_epoch(
            rows[:-1],
            positives,
            negatives,
            tables,
            accumulators,
            np.float32(learning_rate),
            np.float32(l2),
            scales[rows[-1]][:, None] * (np.float32(noise.radius) * lengths),
            np.float32(noise.weight),
        )

    # a sample's number goes with its rows, to find its user's radius in whatever order
    numbers = np.arange(len(source), dtype=np.int32)
    return CompiledEpoch(source, (*sample_rows, numbers), tables, one_pass, seed=seed)


@compiled
def adversarial_epoch(
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    accumulators: tuple[Vector, ...],
    learning_rate: np.float32,
    l2: np.float32,
    radii: Table,
    weight: np.float32,
) -> float:
    """One pass over the samples; see :func:`~loki_bench_recbole.factor_training.adagrad_epoch`.

    Parameters
    ----------
    rows, positives, negatives, tables, accumulators, learning_rate, l2
        As there; L2 is charged once a sample.
    radii : float32 array of shape (n, n_tables)
        How far a row of each table is moved in each sample.
    weight : float32
        Of the loss of the moved rows.

    Returns
    -------
    The mean of the first loss, without L2, each sample's before its own step.
    """
    n, n_terms, d = len(positives), len(rows), tables[0].shape[1]
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    tiny = np.float32(1e-18)
    total = 0.0
    # by term: |p - n|, |r|, and the gradients as multiples of (p - n) and r
    lengths = np.empty((n_terms, 2), np.float32)
    for sample in range(n):
        i, j = positives[sample], negatives[sample]
        x = zero
        away = zero  # by how much the moves lower x
        for term in range(n_terms):
            row_table, items = tables[2 * term], tables[2 * term + 1]
            row = rows[term][sample]
            margin = difference = own = zero
            for k in range(d):
                r, between = row_table[row, k], items[i, k] - items[j, k]
                margin += r * between
                difference += between * between
                own += r * r
            lengths[term, 0] = max(np.sqrt(difference), tiny)
            lengths[term, 1] = max(np.sqrt(own), tiny)
            a, b = radii[sample, 2 * term], radii[sample, 2 * term + 1]
            x += margin
            # <r', p' - n'>: the moves lower it by a |p - n| + 2 b |r|, but for what they share
            shared = two * a * b * margin / (lengths[term, 0] * lengths[term, 1])
            away += a * lengths[term, 0] + two * b * lengths[term, 1] - shared
        near = x - away
        total += max(-x, zero) + np.log(one + np.exp(-abs(x)))
        e, f = np.exp(-abs(x)), np.exp(-abs(near))
        s = -(e if x >= zero else one) / (one + e)
        t = -weight * (f if near >= zero else one) / (one + f)
        for term in range(n_terms):
            row_table, items = tables[2 * term], tables[2 * term + 1]
            row_sum, item_sum = accumulators[2 * term], accumulators[2 * term + 1]
            row = rows[term][sample]
            a, b = radii[sample, 2 * term], radii[sample, 2 * term + 1]
            both, of_r, of_d = s + t, -two * t * b / lengths[term, 1], -t * a / lengths[term, 0]
            square_r = square_i = square_j = zero
            for k in range(d):
                r, p, q = row_table[row, k], items[i, k], items[j, k]
                slope_r = both * (p - q) + of_r * r + l2 * r
                slope_p = both * r + of_d * (p - q)
                square_r += slope_r * slope_r
                square_i += (slope_p + l2 * p) ** 2
                square_j += (l2 * q - slope_p) ** 2
            row_sum[row] += square_r / np.float32(d)
            item_sum[i] += square_i / np.float32(d)
            item_sum[j] += square_j / np.float32(d)
            rate_r = learning_rate / np.sqrt(row_sum[row])
            rate_i = learning_rate / np.sqrt(item_sum[i])
            rate_j = learning_rate / np.sqrt(item_sum[j])
            for k in range(d):
                r, p, q = row_table[row, k], items[i, k], items[j, k]
                slope_p = both * r + of_d * (p - q)
                row_table[row, k] = r - rate_r * (both * (p - q) + of_r * r + l2 * r)
                items[i, k] = p - rate_i * (slope_p + l2 * p)
                items[j, k] = q - rate_j * (l2 * q - slope_p)
    return total / max(n, 1)
