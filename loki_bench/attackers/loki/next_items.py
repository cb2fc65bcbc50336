"""What target users are likely to do next, by the attacker's own surrogates.

Where the attacker's knowledge is stale, the item that a sequential victim looks at when it ranks
for a target user is one that the attacker has not seen yet. Our extension: the surrogates predict
it. The clicks on a user's last item are spent on the few likeliest, and target users are imagined
with each of them as their latest event: by the agent's reward, and by the simulator.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView, InfluenceObjective
from loki_bench.interactions import Interactions, Sequences
from loki_bench.simulator import ranks_of_scores

__all__ = ["NextItems", "blocks_of", "imagined_objective", "predicted_next"]

_N_PREDICTED = 5
"""Likeliest items of each user: what a budget of three clicks in a hundred can still serve."""

_MOST_SCORES = 16_000_000
"""Scores of one surrogate that are ranked at a time (128 MB), where target users are many."""

_NOTHING = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class NextItems:
    """The likeliest next items of some users.

    Attributes
    ----------
    users : int32 array of shape (n_users,)
    items : int32 array of shape (n_users, n_items_each)
        Likeliest first; different within a row. -1 where a user has fewer.
    shares : float64 array of shape (n_users, n_items_each)
        How likely each of them is among them: adds up to 1 over a row. Of a user without any the
        first is 1, so that it is imagined as it is.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    shares: NDArray[np.float64]

    @property
    def n_each(self) -> int:
        """Items of each user."""
        return int(self.items.shape[1])

    @property
    def not_predicted(self) -> NDArray[np.int32]:
        """Users of whom no next item is predicted, int32 array of shape (n,)."""
        without: NDArray[np.int32] = self.users[(self.items == _NOTHING).all(axis=1)]
        return without

    def of(self, place: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Items of the user at a place, ascending, and their shares; none where there are none."""
        is_item = self.items[place] != _NOTHING
        items, shares = self.items[place][is_item], self.shares[place][is_item]
        order = np.argsort(items)
        return items[order], shares[order]

    def histories(self, history: Interactions, number: int) -> Sequences:
        """The users' histories with the item of that place, if any, as their latest event."""
        rows = zip(history.take(self.users), self.items[:, number], strict=True)
        return Sequences.of(
            [row if item == _NOTHING else np.append(row, item) for row, item in rows]
        )


def blocks_of(view: AttackerView) -> Iterator[NDArray[np.int64]]:
    """Places of target users of whom all items are ranked at a time: all, unless they are many."""
    n_users = len(view.goal.users)
    size = max(1, _MOST_SCORES // view.history.n_items)
    for start in range(0, n_users, size):
        yield np.arange(start, min(start + size, n_users))


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
    NextItems, or None where no user has an item left. A user who has none goes without.
    """
    parts = [_likeliest(view, excluded, places) for places in blocks_of(view)]
    items = np.concatenate([part for part, _ in parts])
    likely = np.concatenate([part for _, part in parts])
    n_each = int((items != _NOTHING).sum(axis=1).max(initial=0))
    if not n_each:
        return None
    items, likely = items[:, :n_each], likely[:, :n_each]
    likely[(items == _NOTHING).all(axis=1), 0] = 1.0
    return NextItems(
        users=view.goal.users, items=items, shares=likely / likely.sum(axis=1, keepdims=True)
    )


def _likeliest(
    view: AttackerView, excluded: NDArray[np.int32], places: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The likeliest items of some target users, -1 for none, and how likely; shape (n, 5)."""
    users = view.goal.users[places]
    known = view.history.take(users)
    likely = np.zeros((len(users), view.history.n_items))
    weights = np.array([surrogate.weight for surrogate in view.surrogates])
    weights = weights if weights.sum() > 0 else np.ones(len(weights))
    for surrogate, weight in zip(view.surrogates, weights, strict=True):
        scores = surrogate.fit().score_next(users, known).astype(np.float64)
        scores[:, excluded] = -np.inf
        if view.repeats != "allow":
            scores[known.rows, known.items] = -np.inf
        likely += weight * (scores > -np.inf) / ranks_of_scores(scores)
    order = np.argsort(-likely, axis=1, kind="stable")[:, :_N_PREDICTED]
    chosen = np.take_along_axis(likely, order, axis=1)
    return np.where(chosen > 0, order, _NOTHING).astype(np.int32), chosen


def imagined_objective(
    objective: InfluenceObjective, history: Interactions, following: NextItems
) -> InfluenceObjective:
    """The objective with each target user imagined after each of its likeliest next items.

    Samples of other users stay; those of a target user come once for each of its items, with that
    one's share of their weight.
    """
    place_of = {int(user): place for place, user in enumerate(following.users)}
    places = np.array([place_of.get(int(user), -1) for user in objective.users])
    others, own = np.flatnonzero(places < 0), np.flatnonzero(places >= 0)
    parts = [objective.histories.take(others)]
    users, items = [objective.users[others]], [objective.items[others]]
    weights = [objective.weights[others]]
    for number in range(following.n_each):
        is_imagined = own[following.shares[places[own], number] > 0]
        parts.append(following.histories(history, number).take(places[is_imagined]))
        users.append(objective.users[is_imagined])
        items.append(objective.items[is_imagined])
        weights.append(
            objective.weights[is_imagined] * following.shares[places[is_imagined], number]
        )
    return replace(
        objective,
        users=np.concatenate(users),
        histories=Sequences.of([row for part in parts for row in part]),
        items=np.concatenate(items),
        weights=np.concatenate(weights),
    )
