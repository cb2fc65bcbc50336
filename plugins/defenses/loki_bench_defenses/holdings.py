"""Which user holds which item, as a sparse matrix of ones."""

import numpy as np
from scipy import sparse

from loki_bench.interactions import Interactions

__all__ = ["holdings"]


def holdings(train: Interactions) -> sparse.csr_matrix:
    """Float64 matrix of shape (n_users, n_items): 1 where a user has an item, however often."""
    matrix = sparse.csr_matrix(
        (np.ones(train.n_events), (train.rows, train.items)), shape=(train.n_users, train.n_items)
    )
    matrix.data[:] = 1.0
    matrix.sort_indices()
    return matrix
