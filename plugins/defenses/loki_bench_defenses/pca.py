"""PCASelectUsers (Mehta & Nejdl, UMUAI 2009), adapted to implicit data."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count
from loki_bench_defenses.holdings import holdings
from loki_bench_defenses.outliers import robust_z, second_mode
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["PCASelectUsers"]

LEAST_DISTANCE = 1e-12  # below it a loading is the solver's rounding
ROUNDING, ROUNDED_TO = 1e-9, 8  # of logarithms: differences that mean nothing, and their decimals
LEAST_VALUE = 1e-8  # of the largest singular value; below it the vectors are


class PCASelectUsers(ScoredDefense):
    """Users that stand out by their loadings on the first principal components of all users.

    As in the paper each user's row is standardised, users are the variables of the analysis, and
    a user's distance is the sum of squared loadings on the first components. What differs:

    - Ratings are implicit: 1 for an item that the user has, 0 for all others.
    - The paper drops a given number of users, those with the least distance. Here the number
      follows from the data: distances are compared on a logarithmic scale, and users from a second
      mode on (:func:`~loki_bench_defenses.outliers.second_mode`) are dropped.
    - The paper's fake users have little in common with anybody, and lie near the origin. Where
      genuine users share few items the opposite happens: fake users that share their targets make
      a component of their own, and lie far out. Hence ``side="both"``.

    Parameters
    ----------
    n_components : int
        Number of principal components; the paper takes 1 to 3 of them.
    side : "both" or "low"
        ``"low"`` is the paper's rule.
    """

    def __init__(self, n_components: int = 3, side: Literal["both", "low"] = "both") -> None:
        super().__init__()
        if side not in ("both", "low"):
            raise ValueError(f"side must be 'both' or 'low', got {side!r}")
        self.n_components = require_count("defense 'pca'", "n_components", n_components)
        self.side = side

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """Robust z-score of the logarithm of each user's distance, away from the suspected side."""
        suspicion = np.zeros(train.n_users)
        matrix = holdings(train)
        held = np.diff(matrix.indptr)
        usable = np.flatnonzero((held > 0) & (held < train.n_items))
        n_components = min(self.n_components, min(len(usable), train.n_items) - 1)
        if n_components < 1:
            return suspicion
        logs = np.log(distances(matrix[usable], n_components) + LEAST_DISTANCE)
        if float(np.median(np.abs(logs - np.median(logs)))) < ROUNDING:
            logs = logs.round(ROUNDED_TO)  # most users are alike: what is left is rounding
        z = robust_z(logs)
        suspicion[usable] = np.abs(z) if self.side == "both" else -z
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion)


def distances(matrix: sparse.csr_matrix, n_components: int) -> NDArray[np.float64]:
    """Sum of squared loadings of each row on the first components; rows are not constant.

    The standardised matrix is a sparse one less a constant a row, and is never written out.
    """
    n_rows, n_columns = matrix.shape
    share = np.asarray(matrix.mean(axis=1)).ravel()
    spread = np.sqrt(share * (1 - share))
    scaled, offset = sparse.diags(1 / spread) @ matrix, share / spread
    standardised = LinearOperator(
        matrix.shape,
        matvec=lambda x: scaled @ x.ravel() - offset * x.sum(),
        rmatvec=lambda y: scaled.T @ y.ravel() - np.full(n_columns, offset @ y.ravel()),
        dtype=np.float64,
    )
    # a fixed start: ARPACK would draw one from numpy's global generator
    start = np.random.default_rng(0).normal(size=min(n_rows, n_columns))
    loadings, values, _ = svds(standardised, k=n_components, v0=start)
    # users of few kinds have fewer components than are asked for
    loadings = loadings[:, values > LEAST_VALUE * values.max()]
    return np.asarray(np.square(loadings).sum(axis=1))
