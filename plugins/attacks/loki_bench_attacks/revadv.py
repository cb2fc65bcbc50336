"""Gradient ascent through the training of a surrogate, unrolled."""

from typing import ClassVar

import torch
from torch import Tensor

from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.errors import ParameterError
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count
from loki_bench.seeds import generator_for, seed_for
from loki_bench_attacks.alternating_profiles import profiles_of_choice
from loki_bench_attacks.filler_ascent import ascended, relaxed_clicks, require_ascent
from loki_bench_attacks.implicit_factors import ImplicitFactorisation
from loki_bench_attacks.target_pairs import target_pairs

__all__ = ["UnrolledAttack", "adversarial_loss"]


class UnrolledAttack(Attacker):
    """After Tang et al. (2020): the attack's loss, differentiated through a surrogate's training.

    The loss is the paper's, the cross-entropy of each item to lift among all items
    (:func:`adversarial_loss`), and its exact gradient goes through the last ``n_unrolled`` steps of
    training, users' and items' factors and all that one does to the other. Ours: a step of
    training is a sweep of alternating least squares, not of stochastic gradients
    (:mod:`.implicit_factors`), target users stand for all users, and relaxed clicks are projected
    as in :mod:`.filler_ascent`; at the end the largest become fillers, as in the paper.

    Parameters
    ----------
    n_steps : int, at least 1
        Trainings of the surrogate, a step up the gradient after each.
    step : float, above 0
    n_sweeps : int, at least ``n_unrolled``
        Sweeps of the first training. Each later one starts where the last one ended, and is the
        unrolled sweeps alone.
    n_unrolled : int, at least 1
    candidate_share : float, above 0, at most 1
        Share of the catalogue among which each fake user chooses its fillers.
    """

    name: ClassVar[str] = "revadv"

    def __init__(
        self,
        *,
        n_steps: int = 15,
        step: float = 0.3,
        n_sweeps: int = 10,
        n_unrolled: int = 3,
        candidate_share: float = 0.25,
    ) -> None:
        who = f"attacker '{self.name}'"
        require_ascent(who, candidate_share=candidate_share, step=step)
        self._step, self._candidate_share = step, candidate_share
        self._n_steps = require_count(who, "n_steps", n_steps)
        self._n_sweeps = require_count(who, "n_sweeps", n_sweeps)
        self._n_unrolled = require_count(who, "n_unrolled", n_unrolled)
        if n_unrolled > n_sweeps:
            raise ParameterError(
                f"{who}: n_unrolled is {n_unrolled!r}, n_sweeps {n_sweeps!r}; expected no more "
                "unrolled than there are"
            )

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = generator_for(view.seed, "revadv")
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        users, items = map(
            torch.from_numpy, target_pairs(view, promoted, who=f"attacker '{self.name}'")
        )
        relaxed = relaxed_clicks(
            view,
            promoted,
            others,
            candidate_share=self._candidate_share,
            generator=generator,
        )
        if not len(relaxed.rooms):
            return Sequences.empty()
        model = ImplicitFactorisation(view.history)
        factors = model.start(len(relaxed.rooms), seed=seed_for(view.seed, "revadv/factors"))
        factors = model.sweeps(factors, relaxed.clicks, self._n_sweeps - self._n_unrolled)

        def gradient(clicks: Tensor) -> Tensor:
            nonlocal factors
            free = clicks.detach().clone().requires_grad_()
            trained = model.sweeps(factors, free, self._n_unrolled)
            loss = self._loss(trained.users, trained.items, users, items)
            (slope,) = torch.autograd.grad(loss, free)
            factors = trained.detached()
            return -slope

        relaxed = ascended(
            relaxed,
            gradient,
            n_steps=self._n_steps,
            step=self._step,
            who=f"attacker '{self.name}'",
        )
        return profiles_of_choice(view.budget, relaxed.chosen(), promoted, generator)

    def _loss(
        self, user_factors: Tensor, item_factors: Tensor, users: Tensor, items: Tensor
    ) -> Tensor:
        """What the clicks are moved against; of the trained factors."""
        return adversarial_loss(user_factors, item_factors, users, items)


def adversarial_loss(
    user_factors: Tensor, item_factors: Tensor, users: Tensor, items: Tensor
) -> Tensor:
    """Sum over pairs of ``-log(exp(s_ut) / sum_j exp(s_uj))``, scores s = ``<p_u, q_j>``."""
    scores = user_factors[users] @ item_factors.t()
    lifted = scores.gather(1, items[:, None])[:, 0]
    return (torch.logsumexp(scores, dim=1) - lifted).sum()
