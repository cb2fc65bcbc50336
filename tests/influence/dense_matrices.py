"""Dense symmetric matrices, as solvers take them."""

import numpy as np


def product_of(matrix):
    def product(vector, out):
        out[:] = matrix @ vector
        return out

    return product


def symmetric(eigenvalues, seed=0):
    n = len(eigenvalues)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return q @ np.diag(eigenvalues) @ q.T
