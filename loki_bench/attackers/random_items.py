"""The paper's Random attack: target items among randomly picked ones (section 4.2.1)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_without_repetition, sequences_by_length
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_number

__all__ = ["RandomAttack"]


class RandomAttack(Attacker):
    """Each fake user picks at random, without repetition, from a repository of its own.

    A repository holds all items to lift (:func:`promoted_items`) and randomly picked other ones.
    The paper does not say how many of each. Here ``random_per_target`` others come with every
    item to lift, and more of them where the repository would be smaller than the number of
    actions; the default, 1, makes half of the events those of targets, as in the alternating
    attacks, so that the rows of a table differ in how the budget is spent and not in how much of
    it goes to targets. Only a catalogue smaller than the number of actions makes a fake user
    repeat an item: it then goes through its repository again.

    Parameters
    ----------
    random_per_target : float, 0 or more
        Randomly picked items in a repository for each item to lift.
    """

    def __init__(self, *, random_per_target: float = 1.0) -> None:
        self.random_per_target = require_number(
            "attacker 'random'", "random_per_target", random_per_target
        )

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        return sequences_by_length(
            view.budget, lambda n, length: self._rows(promoted, others, n, length, generator)
        )

    def _rows(
        self,
        promoted: NDArray[np.int32],
        others: NDArray[np.int32],
        n_rows: int,
        n_actions: int,
        generator: np.random.Generator,
    ) -> NDArray[np.int32]:
        n_random = max(round(self.random_per_target * len(promoted)), n_actions - len(promoted))
        random_items = draw_without_repetition(
            others, n_rows=n_rows, n_draws=min(n_random, len(others)), generator=generator
        )
        repositories = np.hstack([np.tile(promoted, (n_rows, 1)), random_items])
        picks = draw_without_repetition(
            np.arange(repositories.shape[1], dtype=np.int32),
            n_rows=n_rows,
            n_draws=n_actions,
            generator=generator,
        )
        return np.take_along_axis(repositories, picks, axis=1)
