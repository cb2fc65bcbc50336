"""What every attack promises (``contracts.Attacker``), one function a promise."""

import unittest
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_prepared, validate_poison
from loki_bench.contracts import Attacker, AttackerView, Budget
from loki_bench.errors import BrokenPromiseError, InvalidAnswerError, RejectedError
from loki_bench.interactions import Sequences
from loki_bench.testing.attacker_views import attacked_data, is_asked_to_prepare, view_for
from loki_bench.testing.subject import Subject, promise
from loki_bench.testing.surroundings import (
    contained,
    different_generators,
    watched_generators,
    watched_process,
)

__all__ = [
    "check_attacker_forgets_the_last_view",
    "check_attacker_keeps_budgets_of_none_one_and_many",
    "check_attacker_leaves_generators_alone",
    "check_attacker_leaves_its_view_alone",
    "check_attacker_leaves_the_process_alone",
    "check_attacker_prepares_named_arrays",
    "check_attacker_seed_fixes_everything",
    "check_attacker_takes_a_goal_to_demote",
    "check_attacker_takes_a_single_target",
    "check_attacker_takes_a_target_that_nobody_has",
    "check_attacker_takes_target_users_without_events",
]


@contained
def check_attacker_keeps_budgets_of_none_one_and_many(subject: Subject) -> None:
    """Budgets of 0, 1 and 7 fake users with 1, 2 and 15 actions are kept; ids are items."""
    for n_fake_users, n_actions in ((0, 5), (1, 1), (1, 2), (7, 15)):
        _poison(subject, view_for(subject, n_fake_users=n_fake_users, n_actions=n_actions))


@contained
def check_attacker_seed_fixes_everything(subject: Subject) -> None:
    """The same view gives the same sequences, whatever the process's own generators hold."""
    first, second = different_generators(lambda: _poison(subject, view_for(subject)))
    promise(
        first == second,
        subject,
        "wrote two poisons from one seed: take all randomness from view.seed",
    )


@contained
def check_attacker_leaves_generators_alone(subject: Subject) -> None:
    """No global generator (random, numpy, torch) is drawn from or seeded."""
    watched_generators(lambda: _poison(subject, view_for(subject)), subject)


@contained
def check_attacker_leaves_the_process_alone(subject: Subject) -> None:
    """No file in the working folder; argv, environment and warning filters stay as they were."""
    watched_process(lambda: _poison(subject, view_for(subject)), subject)


@contained
def check_attacker_leaves_its_view_alone(subject: Subject) -> None:
    """History and goal are as they were before."""
    view = view_for(subject)
    goal, history = view.goal, view.history
    arrays: list[NDArray[np.integer]] = [goal.items, goal.users, history.items, history.offsets]
    before = [array.copy() for array in arrays]
    _poison(subject, view)
    promise(
        all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True)),
        subject,
        "changed an array of its view",
    )


@contained
def check_attacker_forgets_the_last_view(subject: Subject) -> None:
    """One object asked twice answers the second time as a new one does."""
    used = subject.build()
    first = view_for(subject, seed=1, items=(5, 6), users=(9, 10), n_fake_users=3, n_actions=4)
    _poison(subject, first, used)
    promise(
        _poison(subject, view_for(subject), used) == _poison(subject, view_for(subject)),
        subject,
        "remembers an earlier view: keep nothing between two calls of poison",
    )


@contained
def check_attacker_prepares_named_arrays(subject: Subject) -> None:
    """What it learns for any number of fake users is named arrays of numbers or text.

    Only where its spec says that it prepares. Every other check shows a new attacker, as the host
    does, what another one prepared.
    """
    if not is_asked_to_prepare(subject):
        raise unittest.SkipTest(f"{subject} asks the victim: the host does not let it prepare")
    try:
        checked_prepared(_prepare(subject, view_for(subject)), attacker=subject.name)
    except InvalidAnswerError as error:
        raise BrokenPromiseError(str(error)) from error


@contained
def check_attacker_takes_a_single_target(subject: Subject) -> None:
    """One target item and one target user are enough of a goal."""
    _poison(subject, view_for(subject, items=(34,), users=(21,)))


@contained
def check_attacker_takes_target_users_without_events(subject: Subject) -> None:
    """A target user may have an empty history."""
    _poison(subject, view_for(subject, users=(0, 21)))


@contained
def check_attacker_takes_a_target_that_nobody_has(subject: Subject) -> None:
    """A target item may be in no history at all."""
    _poison(subject, view_for(subject, items=(39, 30)))


@contained
def check_attacker_takes_a_goal_to_demote(subject: Subject) -> None:
    """Asked to demote, it writes a valid poison, or refuses with ``RejectedError``."""
    view = view_for(subject, kind="demote", items=(0, 1))
    try:
        answer = subject.build().poison(_with_prepared(subject, view))
    except RejectedError:
        return
    _checked(subject, view, answer)


def _poison(subject: Subject, view: AttackerView, attacker: Attacker | None = None) -> Sequences:
    """What a new attacker, or the given one, writes; raises where the rules are broken."""
    used = subject.build() if attacker is None else attacker
    return _checked(subject, view, used.poison(_with_prepared(subject, view)))


def _with_prepared(subject: Subject, view: AttackerView) -> AttackerView:
    if not is_asked_to_prepare(subject):
        return view
    return replace(view, prepared=_prepare(subject, view))


def _prepare(subject: Subject, view: AttackerView) -> Mapping[str, NDArray[Any]]:
    """What a new attacker prepares, before it is told how many fake users there are."""
    unknown = Budget(n_fake_users=0, n_actions=view.budget.n_actions)
    prepared: Mapping[str, NDArray[Any]] = subject.build().prepare(replace(view, budget=unknown))
    return prepared


def _checked(subject: Subject, view: AttackerView, answer: object) -> Sequences:
    try:
        return validate_poison(
            answer,
            attacker=subject.name,
            budget=view.budget,
            n_items=attacked_data().history.n_items,
        )
    except RejectedError as error:
        budget = view.budget
        raise BrokenPromiseError(
            f"{error} (budget: {budget.n_fake_users} fake users, {budget.n_actions} actions)"
        ) from error
