"""What of a split an attacker is granted: the events that its knowledge leaves it, and no other.

Everything that an attack is given of genuine users is made from here: the histories that it is
shown, and what its surrogates are trained and validated on. The victim is trained and asked with
the whole split.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions
from loki_bench.split import Repeats, Split, SplitBounds, split_at
from loki_bench.suite.cell import Cell, CellKnowledge
from loki_bench.suite.goal import draw_goal

__all__ = ["cut_to_knowledge", "granted_data"]


def granted_data(split: Split, cell: Cell) -> Split:
    """The split as the attacker of a cell may have it; see :func:`cut_to_knowledge`."""
    if cell.knowledge is None:
        return split
    target_users = draw_goal(split, cell.protocol, cell.seed).users
    generator = np.random.default_rng(cell.seed_of("users that an attacker sees"))
    return cut_to_knowledge(split, cell.knowledge, target_users=target_users, generator=generator)


def cut_to_knowledge(
    split: Split,
    knowledge: CellKnowledge,
    *,
    target_users: NDArray[np.int32],
    generator: np.random.Generator,
) -> Split:
    """What is left of a split without the events that an attacker does not have.

    Target users lose their ``knowledge.n_hidden`` latest known events. Of the other users a share
    is seen, drawn by the generator: the first of a random order, so who is seen at a smaller share
    is seen at a larger one. Nobody else has an event left; ids and the catalogue stay as they are.
    Target users are always seen.

    Returns
    -------
    Split
        ``history`` is what is left. A user who had a validation event has one again, the last
        event that is left where the old one is gone, and trains on those before it; a single event
        trains. ``test`` is empty.
    """
    trained, known = split.train.lengths, split.history.lengths
    left = known.copy()
    left[target_users] = np.maximum(known[target_users] - knowledge.n_hidden, 0)
    left[_unseen(split.history, knowledge, target_users, generator)] = 0
    before_last = np.maximum(left - 1, np.minimum(left, 1))
    cut = np.minimum(trained, np.where(known > trained, before_last, left))
    history = split.history.with_sequences(split.history.first(left))
    repeats: Repeats = "allow" if split.repeats_are_shown else "mask"
    return split_at(history, SplitBounds(trained=cut, known=left), repeats=repeats)


def _unseen(
    users: Interactions,
    knowledge: CellKnowledge,
    target_users: NDArray[np.int32],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    others = np.setdiff1d(np.arange(users.n_users), target_users, assume_unique=True)
    order = generator.permutation(others)
    return order[round(knowledge.users * len(others)) :]
