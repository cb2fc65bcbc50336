"""How far predicted changes agree with true ones: ranks, sizes, signs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "agreement_of", "spearman", "spearman_within", "told_apart"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of n predictions with the truth.

    Attributes
    ----------
    n : int
    spearman : float
        Rank correlation; NaN where either side is constant or n is below 3.
    slope : float
        Least-squares factor (through 0) from prediction to truth: 1 is right, 0.5 means that
        predictions are twice too large.
    relative_error : float
        ``|prediction - truth| / |truth|`` (2-norms).
    top : float
        Share of the true top tenth (at least one) that is in the predicted one. Of things that are
        tied at its end each is in it with the same chance.
    sign : float
        Share of equal signs.
    """

    n: int
    spearman: float
    slope: float
    relative_error: float
    top: float
    sign: float


def agreement_of(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> Agreement:
    """Compare two arrays of shape (n,), n at least 1; both finite."""
    if predicted.shape != truth.shape or not len(truth):
        raise ValueError(f"shapes {predicted.shape} and {truth.shape}: expected two equal (n,)")
    k = max(1, len(truth) // 10)
    return Agreement(
        n=len(truth),
        spearman=spearman(predicted, truth),
        slope=_ratio(float(predicted @ truth), float(predicted @ predicted)),
        relative_error=_ratio(
            float(np.linalg.norm(predicted - truth)), float(np.linalg.norm(truth))
        ),
        top=float(_chances_of_top(predicted, k) @ _chances_of_top(truth, k)) / k,
        sign=float(np.mean(np.sign(predicted) == np.sign(truth))),
    )


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, ties averaged; NaN where it has no meaning."""
    if len(a) < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    # slow to import, and commands that ask for no rank correlation import this module
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


def spearman_within(
    a: NDArray[np.float64], b: NDArray[np.float64], strata: NDArray[np.str_]
) -> float:
    """Rank correlation of ranks taken inside each stratum, centred there; all shapes (n,).

    What is left of Spearman's correlation when no stratum as a whole may rank above another one.
    """
    from scipy.stats import rankdata  # see above

    own: list[NDArray[np.float64]] = []
    for values in (a, b):
        ranks = np.empty(len(values))
        for stratum in np.unique(strata):
            inside = strata == stratum
            within = rankdata(values[inside])
            ranks[inside] = (within - within.mean()) / max(len(within), 1)
        own.append(ranks)
    spread = float(np.linalg.norm(own[0]) * np.linalg.norm(own[1]))
    return float(own[0] @ own[1]) / spread if len(a) >= 3 and spread > 0.0 else float("nan")


def told_apart(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], marked: NDArray[np.bool_]
) -> float:
    """Share of pairs of a marked and another thing whose order is predicted; all shapes (n,).

    Pairs that the truth ties don't count, those that the prediction ties count half. NaN without
    a pair.
    """
    true = np.sign(truth[marked][:, None] - truth[~marked][None, :])
    guess = np.sign(predicted[marked][:, None] - predicted[~marked][None, :])
    counts = true != 0.0
    if not counts.any():
        return float("nan")
    return float(np.mean((1.0 + true[counts] * guess[counts]) / 2.0))


def _chances_of_top(values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """How likely each of n values is among the k largest where ties are broken by lot, (n,)."""
    least = np.partition(values, -k)[-k]
    above, tied = values > least, values == least
    return np.where(tied, (k - np.count_nonzero(above)) / np.count_nonzero(tied), above)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0.0 else float("nan")
