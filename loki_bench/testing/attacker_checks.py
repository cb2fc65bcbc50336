"""What every attack promises (``contracts.Attacker``), one function a promise."""

import unittest
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_prepared, validate_poison
from loki_bench.contracts import Attacker, AttackerView, Budget, DifferentiableRecommender
from loki_bench.errors import BrokenPromiseError, InvalidAnswerError, RejectedError
from loki_bench.interactions import Sequences
from loki_bench.testing.attacker_views import (
    attacked_data,
    is_asked_to_prepare,
    takes_lengths,
    view_for,
)
from loki_bench.testing.subject import Subject, checks_report, promise
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
    "check_attacker_reports_plain_data",
    "check_attacker_seed_fixes_everything",
    "check_attacker_takes_a_goal_to_demote",
    "check_attacker_takes_a_single_target",
    "check_attacker_takes_a_target_that_nobody_has",
    "check_attacker_takes_target_users_without_events",
    "check_attacker_writes_as_many_events_as_the_host_drew",
    "check_attacker_writes_some_fake_user",
]

LENGTHS = (5, 1, 3, 12, 2, 1)


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
    """History, goal and budget are as they were before, and so is what a surrogate learnt."""
    view = view_for(subject)
    _watch_what_is_shown(subject, view, lambda: _poison(subject, view))
    if takes_lengths(subject):
        drawn = view_for(subject, n_actions=12, lengths=LENGTHS)
        attacker = subject.build()  # whether it keeps to them is another check's question
        _watch_what_is_shown(
            subject, drawn, lambda: attacker.poison(_with_prepared(subject, drawn))
        )


@contained
def check_attacker_writes_as_many_events_as_the_host_drew(subject: Subject) -> None:
    """Fake user i has ``view.budget.lengths[i]`` events, of none, one and many fake users.

    Only where its spec says that it takes lengths.
    """
    for lengths in ((), (4,), LENGTHS):
        _poison(subject, view_for(subject, n_actions=12, lengths=lengths))


@contained
def check_attacker_writes_some_fake_user(subject: Subject) -> None:
    """Of 6 fake users that it may write, to promote, it writes at least one.

    Not of ``none``, the null attack.
    """
    promise(
        subject.name == "none" or len(_poison(subject, view_for(subject))) > 0,
        subject,
        "wrote no fake user of the 6 that its budget gives it: a row of it would be the clean "
        "victim",
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
def check_attacker_reports_plain_data(subject: Subject) -> None:
    """Its ``report`` after ``poison``, where it has one, is a mapping of names to plain data."""
    for n_fake_users in (0, 6):
        attacker = subject.build()
        view = view_for(subject, n_fake_users=n_fake_users)
        attacker.poison(
            _with_prepared(subject, view)
        )  # what it answers is another check's question
        checks_report(subject, getattr(attacker, "report", {}))


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
    _checked(subject, view.budget, answer)


def _poison(subject: Subject, view: AttackerView, attacker: Attacker | None = None) -> Sequences:
    """What a new attacker, or the given one, writes; raises where the rules are broken."""
    used = subject.build() if attacker is None else attacker
    lengths = view.budget.lengths
    # the attack could change the lengths that it is shown, and be judged by those
    drawn = replace(view.budget, lengths=None if lengths is None else lengths.copy())
    return _checked(subject, drawn, used.poison(_with_prepared(subject, view)))


def _watch_what_is_shown(subject: Subject, view: AttackerView, work: Callable[[], object]) -> None:
    before = [array.copy() for array in _shown(view)]
    work()
    after = _shown(view)
    promise(
        len(before) == len(after)
        and all(np.array_equal(a, b) for a, b in zip(after, before, strict=True)),
        subject,
        "changed an array of its view, or the parameters of a surrogate that it was lent: work on "
        "copies, as copy.deepcopy(surrogate.fit()) is one",
    )


def _shown(view: AttackerView) -> list[NDArray[Any]]:
    """All arrays that an attack is shown, the parameters of its surrogates among them."""
    goal, history, lengths = view.goal, view.history, view.budget.lengths
    shown: list[NDArray[Any]] = [goal.items, goal.users, history.items, history.offsets]
    shown += [] if lengths is None else [lengths]
    for surrogate in view.surrogates:
        model = surrogate.fit()
        if isinstance(model, DifferentiableRecommender):
            shown += [parameter.detach().numpy() for parameter in model.parameters()]
    return shown


def _with_prepared(subject: Subject, view: AttackerView) -> AttackerView:
    if not is_asked_to_prepare(subject):
        return view
    return replace(view, prepared=_prepare(subject, view))


def _prepare(subject: Subject, view: AttackerView) -> Mapping[str, NDArray[Any]]:
    """What a new attacker prepares, before it is told how many fake users there are."""
    lengths = view.budget.lengths
    unknown = Budget(
        n_fake_users=0,
        n_actions=view.budget.n_actions,
        lengths=None if lengths is None else lengths[:0],
    )
    prepared: Mapping[str, NDArray[Any]] = subject.build().prepare(replace(view, budget=unknown))
    return prepared


def _checked(subject: Subject, budget: Budget, answer: object) -> Sequences:
    try:
        return validate_poison(
            answer,
            attacker=subject.name,
            budget=budget,
            n_items=attacked_data().history.n_items,
        )
    except RejectedError as error:
        raise BrokenPromiseError(
            f"{error} (budget: {budget.n_fake_users} fake users, {budget.n_actions} actions)"
        ) from error
