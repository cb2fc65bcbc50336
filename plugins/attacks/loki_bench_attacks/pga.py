"""Projected gradient ascent through the optimality conditions of a matrix factorisation."""

from typing import Literal, TypeAlias, get_args

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
from loki_bench_attacks.implicit_factors import Factors, ImplicitFactorisation
from loki_bench_attacks.target_pairs import target_pairs

__all__ = ["ProjectedGradientAscent", "utility_gradient"]

Form: TypeAlias = Literal["extended", "paper"]

_WHO = "attacker 'pga'"


class ProjectedGradientAscent(Attacker):
    """After Li et al. (2016), for clicks: ascend the targets' scores through the optimality of MF.

    The gradient takes the factors to be optimal: a row moves by the inverse of its own
    least-squares matrix times the change of its data (:func:`utility_gradient`), and a step up is
    followed by a projection. Ours are the factorisation (of clicks, :mod:`.implicit_factors`), the
    step (:mod:`.filler_ascent`), that each fake user chooses among a draw of its own, and, unless
    ``form`` is ``"paper"``, how far a change is followed and that a score counts by how much it is
    above everybody's.

    Parameters
    ----------
    form : "extended" or "paper"
        ``"paper"`` is the sum of target users' scores with genuine users' rows held, a control: it
        reaches nobody here.
    n_steps : int, at least 1
    step : float, above 0
    candidate_share : float, above 0, at most 1
        Share of the catalogue among which each fake user chooses its fillers.
    n_sweeps : int, at least 1
        Sweeps of the first training; each step after it is followed by one.
    """

    def __init__(
        self,
        *,
        form: Form = "extended",
        n_steps: int = 15,
        step: float = 0.3,
        candidate_share: float = 0.25,
        n_sweeps: int = 10,
    ) -> None:
        if form not in get_args(Form):
            raise ParameterError(
                f"{_WHO}: form is {form!r}, expected one of {', '.join(get_args(Form))}"
            )
        require_ascent(_WHO, candidate_share=candidate_share, step=step)
        self._form, self._step, self._candidate_share = form, step, candidate_share
        self._n_steps = require_count(_WHO, "n_steps", n_steps)
        self._n_sweeps = require_count(_WHO, "n_sweeps", n_sweeps)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = generator_for(view.seed, "pga")
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        users, items = map(torch.from_numpy, target_pairs(view, promoted, who=_WHO))
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
        factors = model.start(view.budget.n_fake_users, seed=seed_for(view.seed, "pga/factors"))
        factors = model.sweeps(factors, relaxed.clicks, self._n_sweeps)

        def gradient(clicks: Tensor) -> Tensor:
            nonlocal factors
            factors = model.sweeps(factors, clicks, 1)
            return utility_gradient(model, factors, clicks, users, items, form=self._form)

        relaxed = ascended(relaxed, gradient, n_steps=self._n_steps, step=self._step, who=_WHO)
        return profiles_of_choice(view.budget, relaxed.chosen(), promoted, generator)


def utility_gradient(
    model: ImplicitFactorisation,
    factors: Factors,
    clicks: Tensor,
    users: Tensor,
    items: Tensor,
    *,
    form: Form,
) -> Tensor:
    """How the utility of some (user, item) pairs moves with each fake click.

    At the optimum ``A_j q_j = b_j`` with ``A_j = l2 + sum_u c_uj p_u p_u'`` and
    ``b_j = sum_u c_uj x_uj p_u``; with the other rows held, ``dq_j = A_j^-1 (db_j - dA_j q_j)``.
    With ``"paper"`` the utility is the sum of the pairs' scores ``<p_u, q_j>``, and a click moves
    the fake user's own row and, with it, the items' rows; the own row is ours, since without it
    no filler has a gradient. With ``"extended"`` genuine users' rows move with the items' by the
    same rule, and the utility is the pairs' scores less the mean score that all users give the
    same items.

    Returns
    -------
    float32 tensor shaped like ``clicks``.
    """
    given = factors.detached()
    free = clicks.detach().clone().requires_grad_()
    moved = model.items_of(given.users, model.fakes_of(given.items, free), free)
    likes = given.users[users]
    if form == "extended":
        everybody = model.users_of(moved)
        likes = everybody[users] - everybody.mean(dim=0)
    (slope,) = torch.autograd.grad((likes * moved[items]).sum(), free)
    return slope
