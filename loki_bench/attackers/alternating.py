"""Attacks whose fake users alternate two kinds of items: filler, target, filler, target ...

A recommender that learns from consecutive events (FPMC) or from co-occurrence (BPRMF) then ties
each target to the fillers beside it; the attacks differ only in where the fillers come from.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_without_repetition, sequences_by_length
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences

__all__ = ["AlternatingAttack", "CovisitAttack", "RandomAlternatingAttack"]


class AlternatingAttack(Attacker):
    """Filler, item to lift, filler, item to lift ..., as long as there are actions.

    Fillers and items to lift (:func:`promoted_items`) are drawn for each fake user by itself, at
    random and without repetition until the pool is used up. A single action is an item to lift:
    a filler alone would waste the budget.
    """

    @abstractmethod
    def fillers(self, view: AttackerView, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """Where fillers are drawn from.

        Parameters
        ----------
        view : AttackerView
            All that the attacker is given.
        others : int32 array of shape (n_others,)
            All items that are neither lifted nor targets, rising; may be empty.

        Returns
        -------
        int32 array of shape (n,), a part of ``others``. If it is empty, fillers are drawn from
        ``others``, and if that is empty too, every action is an item to lift.
        """

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        fillers = self.fillers(view, others) if len(others) else others
        if not len(fillers):
            fillers = others
        return sequences_by_length(
            view.budget, lambda n, length: _alternating(fillers, promoted, n, length, generator)
        )


def _alternating(
    fillers: NDArray[np.int32],
    promoted: NDArray[np.int32],
    n_rows: int,
    n_actions: int,
    generator: np.random.Generator,
) -> NDArray[np.int32]:
    is_filler = np.zeros(n_actions, dtype=bool)
    if len(fillers) and n_actions > 1:
        is_filler[::2] = True
    sequences = np.empty((n_rows, n_actions), dtype=np.int32)
    for pool, places in ((fillers, is_filler), (promoted, ~is_filler)):
        sequences[:, places] = draw_without_repetition(
            pool,
            n_rows=n_rows,
            n_draws=int(places.sum()),
            generator=generator,
        )
    return sequences


class RandomAlternatingAttack(AlternatingAttack):
    """RandAlter: random item, target, random item, target ...

    A stronger baseline than it looks: in Yue et al. (RecSys 2021, "Black-Box Attacks on Sequential
    Recommenders via Data-Free Model Extraction", Fig. 6) it beats learned attacks in many cells.
    """

    def fillers(self, view: AttackerView, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """Every other item of the catalogue."""
        return others


class CovisitAttack(AlternatingAttack):
    """An item that a target user has selected, target, another such item, target ...

    The idea of fake co-visitations (Yang et al., NDSS 2017), aimed at the target users: their own
    items are what a recommender knows them by. The paper has no such baseline. Fillers are the
    different items of all target users' histories; if these hold nothing but targets, any item.
    """

    def fillers(self, view: AttackerView, others: NDArray[np.int32]) -> NDArray[np.int32]:
        """The other items in the target users' histories."""
        selected = view.history.take(view.goal.users).items
        return np.intersect1d(selected, others)
