"""Users whose steps from item to item are unlike those of others, under a small model of these."""

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count
from loki_bench_defenses.consecutive_pairs import consecutive_pairs
from loki_bench_defenses.outliers import second_mode
from loki_bench_defenses.profile import popularity_z
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["NextItemModel"]

N_FOLDS = 3
N_ROUNDS = 2
TRIMMED = 0.1
OVERSAMPLED = 8


class NextItemModel(ScoredDefense):
    """How well other users' steps explain a user's own.

    The model is the positive pointwise mutual information of consecutive items, cut to a low rank
    by singular values (Levy & Goldberg, NIPS 2014, for words): rare pairs are judged by the company
    that their items keep, where counts alone say nothing. It is fitted three times, each on the
    users outside one fold, and a user is scored by the model that has not seen the user; users with
    the same sequence are in one fold, so copies do not speak for each other. It is fitted again
    without the tenth of users that fit worst. The suspicion is the distance of a user's mean score
    from the median, in standard deviations for a user with as many steps, to either side: fake
    users who share pairs are too well explained, others are not explained at all. The threshold is
    where a second mode begins. No attack was looked at for any of this.

    Parameters
    ----------
    rank : int
        Singular values kept.
    """

    def __init__(self, rank: int = 16) -> None:
        super().__init__()
        self.rank = require_count("defense 'next-item'", "rank", rank)

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """Absolute distance from the median in standard deviations; 0 for users without a step."""
        suspicion = np.zeros(train.n_users)
        users, before, after = consecutive_pairs(train)
        judged, rows, n_steps = np.unique(users, return_inverse=True, return_counts=True)
        if len(judged) < 2 or min(train.n_users, train.n_items) < 3:
            return suspicion
        folds = np.array([zlib.crc32(train[user].tobytes()) % N_FOLDS for user in judged])
        trusted = np.ones(len(judged), dtype=bool)
        z = np.zeros(len(judged))
        for _ in range(N_ROUNDS):
            scores = np.zeros(len(users))
            for fold in range(N_FOLDS):
                known = (trusted & (folds != fold))[rows]
                asked = (folds == fold)[rows]
                model = self._model(before[known], after[known], train.n_items)
                if model is not None and asked.any():
                    left, right = model
                    scores[asked] = (left[before[asked]] * right[after[asked]]).sum(axis=1)
            means = np.bincount(rows, scores) / n_steps
            spare = len(users) - len(judged)
            within = float(np.square(scores - means[rows]).sum()) / spare if spare else 0.0
            z = popularity_z(means, within, n_steps)
            trusted = z > np.quantile(z, TRIMMED)
        suspicion[judged] = np.abs(z)
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion)

    def _model(
        self, before: NDArray[np.int32], after: NDArray[np.int32], n_items: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Vectors of items before and after a step, or None where there is nothing to learn."""
        if not len(before):
            return None
        counts = sparse.csr_matrix(
            (np.ones(len(before)), (before, after)), shape=(n_items, n_items)
        )
        counts.sum_duplicates()
        pairs = counts.tocoo()
        of_before = np.bincount(before, minlength=n_items)[pairs.row]
        of_after = np.bincount(after, minlength=n_items)[pairs.col]
        information = np.log(pairs.data * len(before) / (of_before * of_after)).clip(0)
        matrix = sparse.csr_matrix((information, (pairs.row, pairs.col)), shape=counts.shape)
        rank = min(self.rank, n_items - 2)
        if rank < 1 or not matrix.nnz or not information.any():
            return None
        left, values, right = largest_singular_values(matrix, rank)
        return left * np.sqrt(values), right * np.sqrt(values)


def largest_singular_values(
    matrix: sparse.csr_matrix, rank: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The largest singular values, about, with left and right vectors as columns.

    The randomised range finder of Halko, Martinsson & Tropp (SIAM Review 2011) with two power
    iterations, from a fixed start: the same bits for the same matrix.
    """
    width = min(rank + OVERSAMPLED, *matrix.shape)
    start = np.random.default_rng(0).normal(size=(matrix.shape[1], width))
    basis, _ = np.linalg.qr(matrix @ start)
    for _ in range(2):
        basis, _ = np.linalg.qr(matrix.T @ basis)
        basis, _ = np.linalg.qr(matrix @ basis)
    inner, values, right = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    return basis @ inner[:, :rank], values[:rank], right[:rank].T
