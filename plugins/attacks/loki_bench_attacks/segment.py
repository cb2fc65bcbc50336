"""The segment attack: fake users look like the people that are to be reached."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn, rows_by_length
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_count
from loki_bench_attacks.alternating_profiles import n_fillers_of, profiles_of_choice

__all__ = ["SegmentAttack", "segment_excess"]


class SegmentAttack(Attacker):
    """The profile of Mobasher et al. (2007) for a segment: targets and the segment's own items.

    The segment are the target users; its items are those that more of them have than the share of
    all users would make one expect (:func:`segment_excess`), the ``n_segment`` with the largest
    excess. The paper's fillers get the lowest rating; without ratings that is no event at all, so
    there are none. All items of the segment are used alike often.

    Parameters
    ----------
    n_segment : int, at least 1
        How many items stand for the segment. The paper names a handful of one genre; target users
        that are drawn at random have less in common, and take more.
    """

    def __init__(self, *, n_segment: int = 100) -> None:
        self._n_segment = require_count("attacker 'segment'", "n_segment", n_segment)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        excess = segment_excess(view.history, view.goal.users)[others]
        order = np.argsort(-excess, kind="stable")[: self._n_segment]
        segment = others[order[excess[order] > 0]]
        if not len(segment):
            segment = others
        rooms = n_fillers_of(view.budget)
        chosen: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)] * len(rooms)
        for places, room in rows_by_length(np.minimum(rooms, len(segment))):
            drawn = draw_in_turn(segment, n_rows=len(places), n_draws=room, generator=generator)
            for place, own in zip(places.tolist(), drawn, strict=True):
                chosen[place] = own
        return profiles_of_choice(view.budget, chosen, promoted, generator)


def segment_excess(history: Interactions, users: NDArray[np.int32]) -> NDArray[np.float64]:
    """By how many users of a segment more than expected have each item.

    ``n(i, segment) - |segment| * n(i) / n_users``, where ``n(i)`` counts the users who have item
    ``i``, each once.

    Returns
    -------
    float64 array of shape (n_items,).
    """
    n_items = history.n_items
    pairs = np.unique(history.rows.astype(np.int64) * n_items + history.items)
    holders, items = pairs // n_items, pairs % n_items
    everybody = np.bincount(items, minlength=n_items)
    of_segment = np.bincount(items[np.isin(holders, users)], minlength=n_items)
    expected: NDArray[np.float64] = of_segment - len(users) * everybody / max(1, history.n_users)
    return expected
