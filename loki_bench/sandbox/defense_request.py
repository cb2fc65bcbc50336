"""A defense from its request to its answer, in whichever process it runs.

The request holds the training data as a defense is shown it, users in a random order and without
names, so a process that is sent it (:mod:`loki_bench.sandbox.child`) can't tell who is fake.
"""

import sys
from dataclasses import dataclass

import numpy as np

from loki_bench.answer_checks import (
    NamedArrays,
    checked_keep,
    checked_report,
    checked_suspicion,
    checked_weights,
)
from loki_bench.contracts import Defense, WeightingDefense
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions
from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.timing import timed

__all__ = ["DefenseRequest", "defend_for_host"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DefenseRequest:
    """All that one defense is given.

    Attributes
    ----------
    defense : Component
    shown : Interactions
        See :func:`~loki_bench.pipeline.training_data.shown_to_defense`.
    seed : int
    weighs : bool
        Whether it is a :class:`~loki_bench.contracts.WeightingDefense`.
    """

    defense: Component
    shown: Interactions
    seed: int
    weighs: bool = False


def defend_for_host(request: DefenseRequest, ask: Ask) -> Reply:
    """Let the defense choose; ``ask`` goes unused, a defense has no question to put.

    Returns
    -------
    (arrays, report, costs)
        ``kept`` and, where the defense has one, ``suspicion``, in the order of the users shown;
        ``weights`` of their events where it weighs; its numbers about itself; and what ``keep`` or
        ``weigh`` cost. A defense that weighs and has no suspicion is taken to suspect whom it
        leaves the least.

    Raises
    ------
    InvalidAnswerError
        The answer breaks the contract.
    """
    name, shown = request.defense.name, request.shown
    defense: Defense = request.defense.build()
    if request.weighs:
        return _weighed(defense, request)
    # numba is imported to listen to its compiling; who does not use it must not wait for that
    done = timed(lambda: defense.keep(shown, seed=request.seed), compiles="numba" in sys.modules)
    arrays: NamedArrays = {"kept": checked_keep(done.value, defense=name, train=shown)}
    suspicion = checked_suspicion(defense.suspicion, defense=name, n_users=shown.n_users)
    if suspicion is not None:
        arrays["suspicion"] = suspicion
    report = checked_report(defense.report, who=f"defense '{name}'")
    return arrays, report, done.costs


def _weighed(defense: Defense, request: DefenseRequest) -> Reply:
    name, shown = request.defense.name, request.shown
    if not isinstance(defense, WeightingDefense):
        raise InvalidAnswerError(
            f"defense '{name}' is declared with the form 'weights', and is no WeightingDefense"
        )
    done = timed(lambda: defense.weigh(shown, seed=request.seed), compiles="numba" in sys.modules)
    weights = checked_weights(done.value, who=f"defense '{name}'", train=shown)
    left = np.bincount(shown.rows, weights, minlength=shown.n_users)
    suspicion = checked_suspicion(defense.suspicion, defense=name, n_users=shown.n_users)
    if suspicion is None:
        suspicion = np.where(shown.lengths > 0, 1 - left / np.maximum(shown.lengths, 1), 0.0)
    arrays: NamedArrays = {
        "kept": (left > 0) | (shown.lengths == 0),
        "suspicion": suspicion,
        "weights": weights,
    }
    report = checked_report(defense.report, who=f"defense '{name}'")
    return arrays, report, done.costs
