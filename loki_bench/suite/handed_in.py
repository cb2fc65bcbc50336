"""Poison that a suite names by a file: it is read here, and the suite is fitted to what it says.

What the suite leaves unsaid (targets, target users, budget) is taken from the file; what it says
is checked against it. A cell is given the content of the fake users and never their path.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import LokiBenchError, SuiteError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Sequences
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import AttackerSpec
from loki_bench.split import Split
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.budgets import budgets_of
from loki_bench.suite.cell import CellBudget, DatasetRef
from loki_bench.suite.components import HANDED_IN, ComponentRef, handed_in
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.suite import Choice, Suite

if TYPE_CHECKING:
    from loki_bench.attackers.replay import Replay

__all__ = ["HandedIn", "fitted_to_poison", "read_poison"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HandedIn:
    """The poison of one seed, as one of the suite's attackers names it.

    Attributes
    ----------
    choice : Choice
        The suite's attacker.
    seed : int
    component : ComponentRef
        What stands for it in a cell.
    poison : Sequences
    source : str
        The file's name, for messages.
    targets, target_users : tuple of str
        By token, what the file says that it was written for; empty where it says nothing.
    is_for_this_seed : bool
        Whether each seed has a file of its own.
    most_frequent : str
        The items that it selects most, for messages.
    notes : tuple of str
        What whoever publishes a number from it should know.
    """

    choice: Choice
    seed: int
    component: ComponentRef
    poison: Sequences
    source: str
    targets: tuple[str, ...]
    target_users: tuple[str, ...]
    is_for_this_seed: bool
    most_frequent: str
    notes: tuple[str, ...]

    @property
    def longest(self) -> int:
        """Events of the longest fake user."""
        return int(self.poison.lengths.max())

    def budget_in(self, budgets: Sequence[CellBudget], n_users: int) -> CellBudget:
        """The smallest of the budgets that holds it; none with genuine lengths does.

        Raises ``SuiteError`` where none does.
        """
        found = [
            (budget.fake_users, budget.actions, budget)
            for budget in budgets
            if budget.actions != GENUINE
            and budget.actions >= self.longest
            and budget.n_fake_users >= len(self.poison)
        ]
        if not found:
            raise SuiteError(
                f"table 'budget': {self.source} has {len(self.poison)} fake users of up to "
                f"{self.longest} events, more than the suite allows; leave fake_users and actions "
                f"out, and they are taken from it (fake_users = {len(self.poison) / n_users!r}, "
                f"actions = {self.longest})"
            )
        return min(found, key=lambda one: one[:2])[2]


def read_poison(suite: Suite, registry: Registry, log: EventLog) -> tuple[HandedIn, ...]:
    """The poison of each seed for each of the suite's attackers that is one.

    Raises
    ------
    SuiteError
        A file can't be read, or is not about this dataset; two have the same name.
    """
    found: list[HandedIn] = []
    labels: dict[str, Choice] = {}
    for choice in suite.attackers:
        if choice.name != HANDED_IN:
            continue
        try:
            spec, origin = registry.find(AttackerSpec, HANDED_IN)
            replay: Replay = spec.build(choice.parameters)
            found += _of_each_seed(choice, replay, suite.seeds, log, origin.version)
        except LokiBenchError as error:
            raise SuiteError(f"suite '{suite.name}': {error}") from error
        if labels.setdefault(replay.label, choice) is not choice:
            raise SuiteError(
                f"suite '{suite.name}': two poisons are called '{replay.label}'; give one of "
                'them a name: { name = "replay", parameters = { path = "...", name = "..." } }'
            )
    return tuple(found)


def _of_each_seed(
    choice: Choice, replay: "Replay", seeds: Sequence[int], log: EventLog, version: str
) -> Iterable[HandedIn]:
    read: dict[str, HandedIn] = {}
    for seed in seeds:
        path = replay.path_for(seed)
        if path not in read:
            named = replay.read(seed)
            found = replay.fake_rows(
                named,
                log.interactions,
                dropped_users=log.dropped_users,
                dropped_items=log.dropped_items,
            )
            read[path] = HandedIn(
                choice=choice,
                seed=seed,
                component=handed_in(
                    found.poison.digest(), version=version, label=replay.label, name=replay.name
                ),
                poison=found.poison,
                source=named.path.name,
                targets=found.targets,
                target_users=found.target_users,
                is_for_this_seed=replay.is_for_each_seed,
                most_frequent=", ".join(f"{token} {n}" for token, n in found.most_frequent),
                notes=found.notes,
            )
        yield replace(read[path], seed=seed)


def fitted_to_poison(
    suite: Suite, found: Sequence[HandedIn], log: EventLog, split: Split, dataset: DatasetRef
) -> tuple[Suite, tuple[str, ...]]:
    """The suite with what its poison says, and notes for whoever runs it.

    Raises
    ------
    SuiteError
        Suite and poison, or two poisons, contradict each other; or it can't be known which items
        a poison was written for. The message says what to write.
    """
    notes = [note for one in found for note in one.notes]
    suite = _with_goal(suite, found, log, split)
    for one in found:
        if not one.targets and not suite.protocol.targets:
            if len(suite.seeds) > 1 and not one.is_for_this_seed:
                raise SuiteError(
                    f"suite '{suite.name}': {one.source} does not say which items it is for, and "
                    f"each of the {len(suite.seeds)} seeds draws others; name them in the table "
                    '[protocol] as targets = ["..."]; its fake users select most: '
                    f"{one.most_frequent}"
                )
            notes.append(
                f"{one.source} does not say which items it is for: those that seed {one.seed} "
                "draws are measured"
            )
    suite = _with_budget(suite, found, split)
    budgets = budgets_of(suite.budget, dataset)
    for one in found:
        one.budget_in(budgets, dataset.n_users)
    return suite, tuple(dict.fromkeys(notes))


def _with_goal(suite: Suite, found: Sequence[HandedIn], log: EventLog, split: Split) -> Suite:
    """Targets and target users: taken from the poison where the suite says nothing of them."""
    data = log.interactions
    said = suite.protocol.model_fields_set
    if not said & {"targets", "n_targets", "target_popularity"}:
        told = {one.targets: one for one in found if one.targets}
        if told and not _is_drawn(suite, found, split, data.item_tokens, "targets"):
            suite = _taken(suite, "targets", told)
    if not said & {"target_users", "n_target_users"}:
        told = {one.target_users: one for one in found if one.target_users}
        if told and not _is_drawn(suite, found, split, data.user_tokens, "target_users"):
            suite = _taken(suite, "target_users", told)
    for one in found:
        goal = draw_goal(split, suite.protocol, one.seed)
        for key, tokens, drawn, names in (
            ("targets", one.targets, goal.items, data.item_tokens),
            ("target_users", one.target_users, goal.users, data.user_tokens),
        ):
            if tokens and not _are_these(tokens, drawn, names):
                measured = ", ".join(_token(names, int(i)) for i in drawn[:5])
                listed = ", ".join(f'"{token}"' for token in tokens)
                raise SuiteError(
                    f"suite '{suite.name}': {one.source} was written for other {key} than seed "
                    f"{one.seed} measures ({measured}{', ...' if len(drawn) > 5 else ''}); leave "
                    f"targets, target_users and their numbers out of [protocol], or write "
                    f"{key} = [{listed}]"
                )
    return suite


def _taken(suite: Suite, key: str, told: dict[tuple[str, ...], HandedIn]) -> Suite:
    if len(told) > 1:
        one, other, *_ = told.values()
        raise SuiteError(
            f"suite '{suite.name}': {one.source} and {other.source} were written for different "
            f"{key}, and a suite measures the same for all; give each a suite of its own"
        )
    return suite.with_keys({"protocol": {key: list(next(iter(told)))}})


def _is_drawn(
    suite: Suite, found: Sequence[HandedIn], split: Split, names: Sequence[str], key: str
) -> bool:
    """Whether each poison is for what its seed draws anyway."""
    try:
        for one in found:
            goal = draw_goal(split, suite.protocol, one.seed)
            told, drawn = (
                (one.targets, goal.items) if key == "targets" else (one.target_users, goal.users)
            )
            if told and not _are_these(told, drawn, names):
                return False
    except SuiteError:  # the data has too few to draw from
        return False
    return True


def _are_these(tokens: Sequence[str], drawn: NDArray[np.int32], names: Sequence[str]) -> bool:
    return set(tokens) == {_token(names, int(number)) for number in drawn}


def _token(names: Sequence[str], number: int) -> str:
    return names[number] if names else str(number)


def _with_budget(suite: Suite, found: Sequence[HandedIn], split: Split) -> Suite:
    """The budget that holds every poison, where the suite says nothing of it."""
    said = suite.budget.model_fields_set
    taken: dict[str, object] = {}
    if "fake_users" not in said:
        n_most, n_users = max(len(one.poison) for one in found), split.history.n_users
        if n_most > n_users:
            raise SuiteError(
                f"suite '{suite.name}': a poison has {n_most} fake users and the dataset "
                f"{n_users} genuine ones; at most as many are injected"
            )
        taken["fake_users"] = n_most / n_users
    if "actions" not in said:
        taken["actions"] = max(one.longest for one in found)
    return suite.with_keys({"budget": taken}) if taken else suite
