"""A poison model's predictions for a fake user, scaled by probabilities that fall with each use."""

import numpy as np
import torch
from numpy.typing import NDArray

from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_count, require_number
from loki_bench.seeds import generator_for, seed_for
from loki_bench_attacks.alternating_profiles import n_fillers_of, profiles_of_choice
from loki_bench_attacks.implicit_factors import ImplicitFactorisation
from loki_bench_attacks.target_pairs import target_pairs

__all__ = ["PoisonModelAttack", "as_if_reached", "picked"]

_WHO = "attacker 'dp-attack'"


class PoisonModelAttack(Attacker):
    """After Huang et al. (2021): fillers are what a model that was won over predicts a fake user.

    The *poison model* is trained on the data and on the attack's goal at once; the fake user, who
    has the items to lift alone, is predicted a score for every item; each score is multiplied by
    the item's probability of selection, and the largest become fillers (:func:`picked`). So
    fillers are what those like who are to like the targets, and no item comes again and again.
    Ours: the poison model is a factorisation of clicks (:mod:`.implicit_factors`) in place of a
    neural one, so that the paper's term for the goal becomes a click of each target user on each
    item to lift (:func:`as_if_reached`), with a weight like any other click's; and it is trained
    anew after each of ``n_rounds`` parts of the fake users, not after each fake user.

    Parameters
    ----------
    decay : float, 0 to 1
        What a selected item's probability is multiplied by.
    n_rounds : int, at least 1
    n_sweeps : int, at least 1
        Sweeps of the first training; each later one goes on from the last one with two.
    """

    def __init__(self, *, decay: float = 0.9, n_rounds: int = 30, n_sweeps: int = 10) -> None:
        self._decay = require_number(_WHO, "decay", decay, most=1)
        self._n_rounds = require_count(_WHO, "n_rounds", n_rounds)
        self._n_sweeps = require_count(_WHO, "n_sweeps", n_sweeps)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = generator_for(view.seed, "dp-attack")
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        users, items = target_pairs(view, promoted, who=_WHO)
        model = ImplicitFactorisation(as_if_reached(view.history, users, items))
        rooms = n_fillers_of(view.budget)
        clicks = torch.zeros(len(rooms), view.history.n_items)
        start = model.start(len(rooms), seed=seed_for(view.seed, "dp-attack/factors"))
        factors = model.sweeps(start, clicks, self._n_sweeps)
        probabilities = np.ones(len(others))
        chosen: list[NDArray[np.int32]] = []
        lifted = torch.from_numpy(promoted.astype(np.int64))
        for part in np.array_split(np.arange(len(rooms)), min(self._n_rounds, max(1, len(rooms)))):
            if not len(part):
                continue
            if chosen:
                factors = model.sweeps(factors, clicks, 2)
            clicks[part[:, None], lifted] = 1.0
            fakes = model.fakes_of(factors.items, clicks[part])
            predicted = (fakes @ factors.items.t()).numpy()[:, others]
            for fake, scores in zip(part.tolist(), predicted, strict=True):
                places, probabilities = picked(
                    scores, probabilities, int(rooms[fake]), decay=self._decay
                )
                chosen.append(others[places])
                clicks[fake, torch.from_numpy(chosen[-1].astype(np.int64))] = 1.0
        return profiles_of_choice(view.budget, chosen, promoted, generator)


def as_if_reached(
    history: Interactions, users: NDArray[np.int64], items: NDArray[np.int64]
) -> Interactions:
    """The history with each user's items of the goal after its own."""
    added: dict[int, list[int]] = {}
    for user, item in zip(users.tolist(), items.tolist(), strict=True):
        added.setdefault(user, []).append(item)
    rows = [[*row.tolist(), *added.get(user, [])] for user, row in enumerate(history)]
    return history.with_sequences(Sequences.of(rows))


def picked(
    scores: NDArray[np.floating],
    probabilities: NDArray[np.float64],
    n: int,
    *,
    decay: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places of the n largest ``scores * probabilities``, and the probabilities after it.

    The selected ones' are multiplied by ``decay``. Once none is left at 1 all begin at 1 again.
    Scores are lifted to begin at 0, since a factor makes a negative score larger.
    """
    above = scores - scores.min() if len(scores) else scores
    order = np.argsort(-(above * probabilities), kind="stable")[:n]
    after = probabilities.copy()
    after[order] *= decay
    if len(after) and after.max() < 1:
        after[:] = 1.0
    return order, after
