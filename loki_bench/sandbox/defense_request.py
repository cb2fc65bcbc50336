"""A defense from its request to its answer, in whichever process it runs.

The request holds the training data as a defense is shown it, users in a random order and without
names, so a process that is sent it (:mod:`loki_bench.sandbox.child`) can't tell who is fake.
"""

import json
import sys
from dataclasses import dataclass

from loki_bench.answer_checks import NamedArrays, checked_keep, checked_suspicion
from loki_bench.contracts import Defense
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
    """

    defense: Component
    shown: Interactions
    seed: int


def defend_for_host(request: DefenseRequest, ask: Ask) -> Reply:
    """Let the defense choose; ``ask`` goes unused, a defense has no question to put.

    Returns
    -------
    (arrays, report, costs)
        ``kept`` and, where the defense has one, ``suspicion``, in the order of the users shown;
        its numbers about itself; and what ``keep`` cost.

    Raises
    ------
    InvalidAnswerError
        The answer breaks the contract.
    """
    name, shown = request.defense.name, request.shown
    defense: Defense = request.defense.build()
    # numba is imported to listen to its compiling; who does not use it must not wait for that
    done = timed(lambda: defense.keep(shown, seed=request.seed), compiles="numba" in sys.modules)
    arrays: NamedArrays = {"kept": checked_keep(done.value, defense=name, train=shown)}
    suspicion = checked_suspicion(defense.suspicion, defense=name, n_users=shown.n_users)
    if suspicion is not None:
        arrays["suspicion"] = suspicion
    report = json.loads(json.dumps(dict(defense.report), allow_nan=False))
    return arrays, report, done.costs
