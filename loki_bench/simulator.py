"""The recommender simulator: a weighted vote of surrogates' ranks (the paper, section 3.2, Eq. 1).

``score(i) = -1/M sum_m w_m rank_m(i)``. The weights are "ideally used to adjust the simulator to
match the target recommender"; :func:`fit_weights` does so from the few answers that an attacker may
ask of it. The paper gives no procedure: the one here is ours.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import ParameterError
from loki_bench.ranking import average_ranks

__all__ = ["fit_weights", "ranks_of_scores", "simulator_scores"]

FloatArray = NDArray[np.float64]


def ranks_of_scores(scores: NDArray[np.floating]) -> FloatArray:
    """Ranks from 1 for the highest score, ties averaged, along the last axis.

    Raises ``ParameterError`` where a score is NaN: it has no place in an order.
    """
    given = np.asarray(scores)
    if np.isnan(given).any():
        raise ParameterError("the simulator was given NaN scores to rank: check the surrogate")
    return average_ranks(-given.astype(np.float64))


def simulator_scores(ranks: NDArray[np.floating], weights: NDArray[np.floating]) -> FloatArray:
    """The preference score of each item, Eq. 1.

    Parameters
    ----------
    ranks : float array of shape (M, n_items) or (M, n_users, n_items)
        Rank of each item in each surrogate, 1 for the first, ties averaged. NaN (an item of the
        user's own history) stays NaN.
    weights : float array of shape (M,)
        w_m, finite and 0 or more.

    Returns
    -------
    float64 array of shape (n_items,) or (n_users, n_items); higher is likelier.

    Raises
    ------
    ParameterError
        No surrogate, or weights that do not fit.
    """
    votes = np.asarray(ranks, dtype=np.float64)
    strength = np.asarray(weights, dtype=np.float64)
    if votes.ndim < 2 or not len(votes) or strength.shape != (len(votes),):
        raise ParameterError(
            f"the simulator was given ranks of shape {votes.shape} and weights of shape "
            f"{strength.shape}: expected (M, n_items) and (M,) with M at least 1"
        )
    if not (np.isfinite(strength).all() and (strength >= 0).all()):
        raise ParameterError("the simulator's weights must be finite and 0 or more")
    scores: FloatArray = -np.tensordot(strength, votes, axes=1) / len(votes)
    return scores


def fit_weights(
    ranks: NDArray[np.floating],
    answers: NDArray[np.integer],
    *,
    ridge: float = 1e-3,
) -> FloatArray:
    """Weights with which the vote explains the victim's observed top-K lists best.

    Maximises the Plackett-Luce likelihood of the lists, each drawn item by item with odds
    ``exp(score)``. It is concave in the weights, so the optimum is unique up to directions that
    the lists say nothing about, where ``ridge`` decides. Only the ratios of weights change a vote:
    they are returned with mean 1.

    Parameters
    ----------
    ranks : float array of shape (M, n_queries, n_items)
        Of each surrogate for the users that the victim was asked about. NaN marks items that can't
        be shown (the user's own history): the same items for every surrogate.
    answers : int array of shape (n_queries, K)
        The items that the victim showed, best first.
    ridge : float, above 0
        Strength of the pull to small weights, for ranks scaled to [0, 1].

    Returns
    -------
    float64 array of shape (M,), 0 or more, mean 1. All 1 without any answer, or where no surrogate
    agrees with the victim.

    Raises
    ------
    ParameterError
        Shapes that do not fit, or an answer that is an item with rank NaN or out of range.
    """
    # half a second that only an attack with a query oracle has to spend
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    votes = np.asarray(ranks, dtype=np.float64)
    shown = np.asarray(answers)
    if votes.ndim != 3 or not len(votes) or shown.ndim != 2 or len(shown) != votes.shape[1]:
        raise ParameterError(
            f"fit_weights was given ranks of shape {votes.shape} and answers of shape "
            f"{shown.shape}: expected (M, n_queries, n_items) and (n_queries, K)"
        )
    if not ridge > 0:
        raise ParameterError(f"fit_weights: ridge = {ridge} must be above 0")
    n_surrogates, n_queries, n_items = votes.shape
    if not shown.size:
        return np.ones(n_surrogates)
    if shown.min() < 0 or shown.max() >= n_items:
        raise ParameterError(f"fit_weights: an answer lies outside the {n_items} items")
    if any(len(set(row)) < len(row) for row in shown.tolist()):
        raise ParameterError("fit_weights: an answer shows one item twice")
    query = np.arange(n_queries)[:, None]
    if np.isnan(votes[:, query, shown]).any():
        raise ParameterError("fit_weights: an answer shows an item that has no rank (NaN)")
    features = -votes / (n_items * n_surrogates)  # (M, n_queries, n_items)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        scores = np.tensordot(weights, features, axes=1)
        left = np.where(np.isnan(scores), -np.inf, scores)
        known = np.where(np.isnan(features), 0.0, features)
        value = 0.5 * ridge * float(weights @ weights)
        gradient = ridge * weights
        for k in range(shown.shape[1]):
            item = shown[:, k]
            total = logsumexp(left, axis=1)
            value -= float((scores[query[:, 0], item] - total).sum())
            share = np.exp(left - total[:, None])
            gradient = gradient - features[:, query[:, 0], item].sum(axis=1)
            gradient = gradient + np.einsum("qi,mqi->m", share, known)
            left[query[:, 0], item] = -np.inf
            if np.isneginf(left).all(axis=1).any():
                break  # the list is as long as what can be shown: the rest is certain
        return value, gradient

    found = minimize(
        loss,
        np.full(n_surrogates, 1.0),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * n_surrogates,
    )
    weights: FloatArray = np.maximum(found.x, 0.0)
    if weights.sum() <= 0.0:
        return np.ones(n_surrogates)
    normalised: FloatArray = weights / weights.mean()
    return normalised
