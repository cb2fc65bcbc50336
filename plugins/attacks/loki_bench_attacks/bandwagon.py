"""The bandwagon attack: fake users select what everybody selects, some other items, and targets."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_without_repetition
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count, require_number
from loki_bench_attacks.alternating_profiles import n_fillers_of, profiles_of_choice

__all__ = ["BandwagonAttack", "most_visited"]

_WHO = "attacker 'bandwagon'"


class BandwagonAttack(Attacker):
    """The profile of Mobasher et al. (2007): targets, selected items, filler items.

    The selected items are the ``n_selected`` most visited ones, so that a fake user has something
    in common with many; the fillers are drawn from all others. In the paper the selected items and
    the target get the highest rating and fillers a random one. Here an event is all there is to
    give: the selected items are ``selected_share`` of what is no target.

    Parameters
    ----------
    n_selected : int, at least 1
        Size of the set of most visited items; equal numbers of visits to the lower id.
    selected_share : float, 0 to 1
        Share of a fake user's events on items that are no targets.
    """

    def __init__(self, *, n_selected: int = 20, selected_share: float = 0.5) -> None:
        self._n_selected = require_count(_WHO, "n_selected", n_selected)
        self._selected_share = require_number(_WHO, "selected_share", selected_share, most=1)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        selected = most_visited(view.history.item_counts, others, self._n_selected)
        rest = np.setdiff1d(others, selected)
        chosen = [
            self._chosen(selected, rest, room, generator)
            for room in n_fillers_of(view.budget).tolist()
        ]
        return profiles_of_choice(view.budget, chosen, promoted, generator)

    def _chosen(
        self,
        selected: NDArray[np.int32],
        rest: NDArray[np.int32],
        room: int,
        generator: np.random.Generator,
    ) -> NDArray[np.int32]:
        n_selected = min(round(self._selected_share * room), len(selected))
        n_rest = min(room - n_selected, len(rest))
        n_selected = min(room - n_rest, len(selected))
        return np.concatenate(
            [
                draw_without_repetition(pool, n_rows=1, n_draws=n, generator=generator)[0]
                for pool, n in ((selected, n_selected), (rest, n_rest))
            ]
        )


def most_visited(counts: NDArray[np.int64], items: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """The n of the items with the most events, most first; equal counts keep their order."""
    return items[np.argsort(-counts[items], kind="stable")[:n]]
