"""What target users are likely to do next, by the attacker's own surrogates.

Where the attacker's knowledge is stale, the item that a sequential victim looks at when it ranks
for a target user is one that the attacker has not seen yet. Our extension: the surrogates predict
it. The clicks on a user's last item are spent on the few likeliest, and target users are imagined
with each of them as their latest event: by the agent's reward, and by the simulator.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView, InfluenceObjective
from loki_bench.interactions import Interactions, Sequences
from loki_bench.simulator import ranks_of_scores

__all__ = ["NextItems", "imagined_objective", "predicted_next"]

_N_PREDICTED = 5
"""Likeliest items of each user: what a budget of three clicks in a hundred can still serve."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NextItems:
    """The likeliest next items of some users.

    Attributes
    ----------
    users : int32 array of shape (n_users,)
    items : int32 array of shape (n_users, n_items_each)
        Likeliest first; different within a row.
    shares : float64 array of shape (n_users, n_items_each)
        How likely each of them is among them: above 0, adds up to 1 over a row.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    shares: NDArray[np.float64]

    @property
    def n_each(self) -> int:
        """Items of each user."""
        return int(self.items.shape[1])

    def histories(self, history: Interactions, number: int) -> Sequences:
        """The users' histories with the item of that place as their latest event."""
        rows = history.take(self.users)
        return Sequences.of(
            [np.append(row, item) for row, item in zip(rows, self.items[:, number], strict=True)]
        )


def predicted_next(view: AttackerView, excluded: NDArray[np.int32]) -> NextItems | None:
    """The likeliest next items of the target users, by the mean reciprocal rank of the surrogates.

    An item that the user already has comes again only where repeats are shown.

    Parameters
    ----------
    view : AttackerView
        With at least one surrogate.
    excluded : int32 array of shape (n,)
        Items that are never predicted: those to promote.

    Returns
    -------
    NextItems, or None where some user has no item left.
    """
    users = view.goal.users
    known = view.history.take(users)
    likely = np.zeros((len(users), view.history.n_items))
    for surrogate in view.surrogates:
        scores = surrogate.fit().score_next(users, known).astype(np.float64)
        scores[:, excluded] = -np.inf
        if view.repeats != "allow":
            scores[known.rows, known.items] = -np.inf
        likely += surrogate.weight * (scores > -np.inf) / ranks_of_scores(scores)
    n_each = min(_N_PREDICTED, int((likely > 0).sum(axis=1).min(initial=_N_PREDICTED)))
    if not n_each:
        return None
    order = np.argsort(-likely, axis=1, kind="stable")[:, :n_each]
    chosen = np.take_along_axis(likely, order, axis=1)
    return NextItems(
        users=users,
        items=order.astype(np.int32),
        shares=chosen / chosen.sum(axis=1, keepdims=True),
    )


def imagined_objective(
    objective: InfluenceObjective, history: Interactions, following: NextItems
) -> InfluenceObjective:
    """The objective with each target user imagined after each of its likeliest next items.

    Samples of other users stay; those of a target user come once for each item, with its share of
    their weight.
    """
    place_of = {int(user): place for place, user in enumerate(following.users)}
    places = np.array([place_of.get(int(user), -1) for user in objective.users])
    others, own = np.flatnonzero(places < 0), np.flatnonzero(places >= 0)
    parts = [objective.histories.take(others)]
    users, items = [objective.users[others]], [objective.items[others]]
    weights = [objective.weights[others]]
    for number in range(following.n_each):
        parts.append(following.histories(history, number).take(places[own]))
        users.append(objective.users[own])
        items.append(objective.items[own])
        weights.append(objective.weights[own] * following.shares[places[own], number])
    return replace(
        objective,
        users=np.concatenate(users),
        histories=Sequences.of([row for part in parts for row in part]),
        items=np.concatenate(items),
        weights=np.concatenate(weights),
    )
