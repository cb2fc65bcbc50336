"""The simulator's weights w_m, fitted to a few answers of the victim (the paper, Eq. 1).

The paper says that the weights "adjust the simulator to match the target recommender" and that an
attacker receives limited feedback from it, but not how one follows from the other: this is our
way, through :func:`loki_bench.simulator.fit_weights`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView, Recommender, Surrogate
from loki_bench.errors import RejectedError
from loki_bench.simulator import fit_weights, ranks_of_scores

__all__ = ["with_fitted_weights"]

_MOST_QUERIES = 300
"""A few weights need no more lists, and the ranks of all items are held for every user asked."""


class _SurrogateOfWeight:
    """A surrogate with another vote."""

    def __init__(self, surrogate: Surrogate, weight: float) -> None:
        self.name, self.weight, self.train = surrogate.name, weight, surrogate.train
        self._surrogate = surrogate

    def fit(self) -> Recommender:
        return self._surrogate.fit()


def with_fitted_weights(view: AttackerView, *, seed: int) -> AttackerView:
    """The view with surrogates whose weights explain the victim's lists best.

    The target users are asked for first, then others at random, as far as the queries go and
    ``_MOST_QUERIES`` at most; no user of whom no event is known. A list that is cut short by the
    catalogue is left out.

    Parameters
    ----------
    view : AttackerView
        With an oracle and at least one surrogate.
    seed : int
        Draws the other users.

    Returns
    -------
    AttackerView; the weights are 0 or more, with mean 1.

    Raises
    ------
    RejectedError
        There is no oracle.
    """
    if view.oracle is None:
        raise RejectedError(
            "attacker 'loki' was granted no queries to fit its weights to; grant some in the "
            "suite's table [knowledge], or leave out the parameter weights"
        )
    asked = _users_to_ask(view, min(view.oracle.n_left, _MOST_QUERIES), seed)
    lists = [view.oracle.top_k(int(user)) for user in asked]
    longest = max(map(len, lists), default=0)
    whole = [len(shown) == longest for shown in lists]
    users = asked[np.array(whole, dtype=bool)]
    answers = np.array([shown for shown, is_whole in zip(lists, whole, strict=True) if is_whole])
    if not answers.size or not view.surrogates:
        return view
    hides = view.repeats != "allow"
    ranks = np.stack(
        [_ranks(surrogate.fit(), view, users, hides=hides) for surrogate in view.surrogates]
    )
    weights = fit_weights(ranks, answers)
    return replace(
        view,
        surrogates=tuple(
            _SurrogateOfWeight(surrogate, float(weight))
            for surrogate, weight in zip(view.surrogates, weights, strict=True)
        ),
    )


def _users_to_ask(view: AttackerView, n: int, seed: int) -> NDArray[np.int32]:
    """Target users first; of users without an event a surrogate knows no more than of anybody."""
    known = view.history.lengths > 0
    others = np.setdiff1d(np.flatnonzero(known).astype(np.int32), view.goal.users)
    drawn = np.random.default_rng(seed).permutation(others)
    asked = np.concatenate([view.goal.users[known[view.goal.users]], drawn])
    return asked.astype(np.int32)[:n]


def _ranks(
    model: Recommender, view: AttackerView, users: NDArray[np.int32], *, hides: bool
) -> NDArray[np.float64]:
    """Rank of every item for each user; NaN where the user has it and lists hide such items."""
    known = view.history.take(users)
    scores = model.score_next(users, known).astype(np.float64)
    if not hides:
        return ranks_of_scores(scores)
    scores[known.rows, known.items] = -np.inf  # last, so that they lift nobody
    ranks = ranks_of_scores(scores)
    ranks[known.rows, known.items] = np.nan
    return ranks
