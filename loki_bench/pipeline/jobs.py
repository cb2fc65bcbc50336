"""The work of a cell as pure functions: fit a surrogate, craft a poison, evaluate a victim.

Each runs in a worker process on one thread. What goes in and comes out is pickled, and files are
named, not sent; nothing here touches the store, so a job runs the same on this machine and on a
cluster. What is timed is the work itself: fit and rank, craft, measure. Reading the dataset,
importing a component and compiling its loops are not, or the first cells would look slow.
"""

import json
import pickle
import platform
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import (
    checked_keep,
    checked_prepared,
    checked_suspicion,
    lists_given_by,
    ranks_given_by,
    validate_poison,
)
from loki_bench.content_ids import canonical_json
from loki_bench.contracts import Budget, Defended, Goal, Outcome, Recommender
from loki_bench.engine.timing import Timed, peak_memory_bytes, timed
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.pipeline.training_data import DefenseAnswer, TrainingData, shown_to_defense
from loki_bench.records.stored_file import StoredFile
from loki_bench.sandbox import attack_request, defense_request
from loki_bench.sandbox.attack_request import AttackRequest, Component, SurrogateRequest, poison_of
from loki_bench.sandbox.confinement import NOT_CONFINED
from loki_bench.sandbox.defense_request import DefenseRequest
from loki_bench.sandbox.machine_code import is_own
from loki_bench.sandbox.parent import run_isolated
from loki_bench.sandbox.query_oracle import Oracle
from loki_bench.seeds import generator_for, seed_for
from loki_bench.split import Split, leave_one_out
from loki_bench.suite.cell import Cell, ComponentRef, SurrogateRef
from loki_bench.suite.goal import draw_goal, draw_placebo_goal
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits

__all__ = [
    "DataFolder",
    "Poison",
    "Validated",
    "VictimRanks",
    "craft",
    "defend",
    "evaluate",
    "fit_surrogate",
    "measure",
    "prepare",
    "show_lists",
    "validate",
]

Prepared: TypeAlias = dict[str, NDArray[Any]]

_NO_LISTS = np.empty((0, 0), dtype=np.int32)


@dataclass(frozen=True)
class DataFolder:
    """Where workers find the dataset: files that all of them map or read, none is sent.

    Attributes
    ----------
    offsets, items : StoredFile
        Arrays of :class:`~loki_bench.interactions.Interactions` as ``.npy`` files.
    tokens : StoredFile
        JSON with ``n_items`` and the lists ``user_tokens`` and ``item_tokens``.
    limits : Limits
        What a process that a job starts may take.
    """

    offsets: StoredFile
    items: StoredFile
    tokens: StoredFile
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class Poison:
    """A poison that kept the rules, what the attacker reports of itself, and what it asked."""

    poison: Sequences
    report: dict[str, Any]
    n_queries: int = 0


@dataclass(frozen=True, kw_only=True)
class VictimRanks:
    """The ranks that one trained victim gives.

    Attributes
    ----------
    target_ranks : float64 array of shape (n_target_users, n_targets)
    test_ranks : float64 array of shape (n_test_users,)
    n_training_samples : int or None
    report : dict
        The recommender's numbers about its fit.
    """

    target_ranks: NDArray[np.float64]
    test_ranks: NDArray[np.float64]
    n_training_samples: int | None
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The ranks of validation events, given what came before them.

    Attributes
    ----------
    ranks : float64 array of shape (n_validation_users,)
    report : dict
        The recommender's numbers about its fit.
    """

    ranks: NDArray[np.float64]
    report: dict[str, Any]


def validate(data: DataFolder, recommender: ComponentRef, seed: int) -> Timed[Validated]:
    """Train a recommender on genuine users' training events and rank their validation events.

    No test event is touched: parameters may be selected by this.
    """
    split = _loaded(data)[1]
    model: Recommender = recommender.build()
    return timed(lambda: _validate(split, recommender.name, model, seed))


def fit_surrogate(data: DataFolder, cell: Cell, surrogate: SurrogateRef) -> Timed[bytes]:
    """Train a surrogate on what the attacker may see; returns the pickled recommender.

    Its seed is the surrogate's own role: never the victim's, even for the victim's class.
    """
    split, _ = _prepared(data, cell)
    recommender: Recommender = surrogate.recommender.build()
    seed = seed_for(cell.seed, f"surrogate/{surrogate.recommender.name}")
    # What the attacker knows, used as a platform would: the last known event validates.
    return timed(
        lambda: pickle.dumps(recommender.fit(split.train, validation=split.validation, seed=seed))
    )


def prepare(data: DataFolder, cell: Cell, surrogates: tuple[StoredFile, ...]) -> Timed[Prepared]:
    """Let the attacker learn what serves every number of fake users; see :func:`craft`."""
    order = replace(
        _order(data, cell, surrogates), budget=Budget(n_fake_users=0, n_actions=cell.budget.actions)
    )
    oracle = Oracle(_NO_LISTS, n_granted=0, attacker=cell.attacker.name)
    arrays, _, spent = _carried_out(data, cell, "prepare_for_host", order, oracle)
    # again, where the attacker's code can't reach
    prepared = checked_prepared(arrays, attacker=cell.attacker.name)
    return replace(spent, value=prepared)


def craft(
    data: DataFolder,
    cell: Cell,
    surrogates: tuple[StoredFile, ...],
    lists: NDArray[np.int32] | None = None,
    prepared: Prepared | None = None,
) -> Timed[Poison]:
    """Let the attacker write its fake users, and check what it wrote.

    With isolation ``process`` its code runs in a process of its own, which is told nothing but the
    order (:mod:`loki_bench.sandbox.parent`); ``in-process`` runs it here.

    Parameters
    ----------
    surrogates : tuple of StoredFile
        The fitted surrogates of the cell, in its order.
    lists : int32 array of shape (n_users, K) or None
        What the query oracle answers; None where the cell has none.
    prepared : dict of str to array, or None
        What :func:`prepare` gave; None where the attacker does not prepare.

    Raises
    ------
    RejectedError
        The answer breaks the rules, or one query too many was asked.
    """
    order = replace(_order(data, cell, surrogates), prepared=prepared)
    oracle = Oracle(
        _NO_LISTS if lists is None else lists,
        n_granted=order.queries or 0,
        attacker=cell.attacker.name,
    )
    arrays, report, spent = _carried_out(data, cell, "craft_for_host", order, oracle)
    try:
        written: object = poison_of(arrays)
    except (KeyError, ValueError):
        written = arrays
    poison = validate_poison(  # again, where the attacker's code can't reach
        written,
        attacker=cell.attacker.name,
        budget=order.budget,
        n_items=order.history.n_items,
    )
    return replace(spent, value=Poison(poison=poison, report=report, n_queries=oracle.n_asked))


def _carried_out(
    data: DataFolder,
    cell: Cell,
    function: str,
    order: AttackRequest | DefenseRequest,
    oracle: Oracle,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], Timed[Any]]:
    """What a function for an attack or a defense makes of its order, and its cost."""
    module = attack_request if isinstance(order, AttackRequest) else defense_request
    who = f"attacker '{cell.attacker.name}'"
    if isinstance(order, DefenseRequest):
        who = f"defense '{order.defense.name}'"
    began = time.perf_counter()
    try:
        if cell.isolation == "process":
            answer = run_isolated(
                who,
                f"{module.__name__}:{function}",
                order,
                answer=oracle.answer,
                seconds=data.limits.seconds,
                memory_gib=data.limits.memory_gib,
                closed=Path(data.offsets.path).parent,
                own_code=all(map(is_own, _targets(cell))),
            )
            arrays, report, costs = answer.arrays, answer.report, answer.costs
            memory, confined = answer.peak_memory_bytes, answer.confinement
        else:
            arrays, report, costs = getattr(module, function)(order, oracle.answer)
            memory, confined = peak_memory_bytes(), NOT_CONFINED
    finally:
        oracle.settle()  # first: what came after a question too many does not count
    process = {
        "isolation": cell.isolation,
        "confined": confined.summary,
        "confinement": confined.as_json(),
        "start_seconds": time.perf_counter() - began - sum(costs.values()),
    }
    spent: Timed[Any] = Timed(
        None, peak_memory_bytes=memory, host=platform.node(), process=process, **costs
    )
    return arrays, report, spent


def _targets(cell: Cell) -> list[str]:
    """Every component whose code may run in the process of an attack or a defense."""
    components = [cell.attacker, *(used.recommender for used in cell.surrogates)]
    components += [one for one in (cell.influence, cell.defense) if one is not None]
    return [component.target for component in components]


def show_lists(data: DataFolder, cell: Cell) -> Timed[NDArray[np.int32]]:
    """What the victim, trained on genuine users alone, shows each of them.

    An int32 array of shape (n_users, K), see :func:`loki_bench.answer_checks.lists_given_by`. It is
    the clean victim of the grid, bit for bit, given the events 1 .. T - 1 that attackers know.
    """
    split, _ = _prepared(data, cell)
    victim: Recommender = cell.victim.build()
    name = cell.victim.name
    length = 0 if cell.oracle is None else cell.oracle.list_length

    def lists() -> NDArray[np.int32]:
        seed = seed_for(cell.seed, f"victim/{name}")
        victim.fit(split.train, validation=split.validation, seed=seed)
        return lists_given_by(
            victim,
            name=name,
            users=np.arange(len(split.history), dtype=np.int32),
            histories=split.history,
            k=length,
            n_items=split.history.n_items,
        )

    return timed(lists)


def defend(data: DataFolder, cell: Cell, poison: Sequences) -> Timed[DefenseAnswer]:
    """Let the defense choose among genuine and fake users, and check what it answers.

    It is shown training events alone, see
    :func:`~loki_bench.pipeline.training_data.shown_to_defense`.
    """
    if cell.defense is None:
        raise ValueError("the cell has no defense")
    split, _ = _prepared(data, cell)
    shown, order = shown_to_defense(
        split.train.with_users(poison), generator_for(cell.seed, "defense-order")
    )
    name = cell.defense.name
    ordered = DefenseRequest(
        defense=_component(cell.defense),
        shown=shown,
        seed=seed_for(cell.seed, f"defense/{name}"),
    )
    nobody = Oracle(_NO_LISTS, n_granted=0, attacker=name)  # a defense has nothing to ask
    arrays, report, spent = _carried_out(data, cell, "defend_for_host", ordered, nobody)
    kept = checked_keep(arrays.get("kept"), defense=name, train=shown)
    suspicion = checked_suspicion(arrays.get("suspicion"), defense=name, n_users=shown.n_users)
    place = np.argsort(order)  # of each user of the host's order among those shown
    filtered = DefenseAnswer(
        kept=kept[place],
        suspicion=None if suspicion is None else suspicion[place],
        report=report,
    )
    return replace(spent, value=filtered)


def evaluate(data: DataFolder, cell: Cell, trained_on: TrainingData) -> Timed[VictimRanks]:
    """Train the victim from scratch on genuine plus fake users and rank.

    Early stopping sees validation events of genuine users only; target items and test events are
    ranked for genuine users only, dropped ones included, given events 1 .. T - 1.
    """
    split, goal = _prepared(data, cell)
    victim: Recommender = cell.victim.build()
    return timed(lambda: _evaluate(split, goal, cell, victim, trained_on))


def measure(
    data: DataFolder,
    cell: Cell,
    metrics: tuple[ChosenMetric, ...],
    poison: Sequences,
    clean: VictimRanks,
    attacked: VictimRanks,
    defended: Defended | None,
) -> Timed[dict[str, float]]:
    """Every metric of the suite, computed from ranks and sequences alone."""
    split, goal = _prepared(data, cell)
    return timed(lambda: _measure(split, goal, metrics, poison, clean, attacked, defended))


def _validate(split: Split, name: str, model: Recommender, seed: int) -> Validated:
    held_out = split.validation
    model.fit(split.train, validation=held_out, seed=seed_for(seed, f"tune/{name}"))
    ranks = ranks_given_by(
        model,
        name=name,
        users=held_out.users,
        histories=held_out.histories,
        items=held_out.items[:, None],
        n_items=split.train.n_items,
    )
    report = dict(model.fit_report)
    canonical_json(report)
    return Validated(ranks=ranks[:, 0], report=report)


def _order(data: DataFolder, cell: Cell, surrogates: tuple[StoredFile, ...]) -> AttackRequest:
    """Exactly what the protocol grants the attacker of a cell."""
    interactions, split = _loaded(data)
    draw = draw_placebo_goal if cell.placebo else draw_goal
    catalogue = split.history
    nothing = Sequences(np.zeros(len(catalogue) + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
    return AttackRequest(
        attacker=_component(cell.attacker),
        history=catalogue if cell.sees_history else catalogue.with_sequences(nothing),
        train=split.train if surrogates else None,
        goal=draw(interactions, cell.protocol, cell.seed),
        budget=Budget(n_fake_users=cell.budget.n_fake_users, n_actions=cell.budget.actions),
        seed=seed_for(cell.seed, f"attacker/{cell.attacker.name}"),
        surrogates=tuple(
            SurrogateRequest(name=used.recommender.name, weight=used.weight, pickled=file.read())
            for used, file in zip(cell.surrogates, surrogates, strict=True)
        ),
        influence=None if cell.influence is None else _component(cell.influence),
        queries=None if cell.oracle is None else cell.oracle.queries,
    )


def _evaluate(
    split: Split, goal: Goal, cell: Cell, victim: Recommender, trained_on: TrainingData
) -> VictimRanks:
    name, n_items = cell.victim.name, split.train.n_items
    train, validation = trained_on.of(split)
    victim.fit(train, validation=validation, seed=seed_for(cell.seed, f"victim/{name}"))
    target_ranks = ranks_given_by(
        victim,
        name=name,
        users=goal.users,
        histories=split.history.take(goal.users),
        items=np.tile(goal.items, (len(goal.users), 1)),
        n_items=n_items,
    )
    test_ranks = ranks_given_by(
        victim,
        name=name,
        users=split.test.users,
        histories=split.test.histories,
        items=split.test.items[:, None],
        n_items=n_items,
    )
    report = dict(victim.fit_report)
    canonical_json(report)
    return VictimRanks(
        target_ranks=target_ranks,
        test_ranks=test_ranks[:, 0],
        n_training_samples=victim.n_training_samples,
        report=report,
    )


def _measure(
    split: Split,
    goal: Goal,
    metrics: tuple[ChosenMetric, ...],
    poison: Sequences,
    clean: VictimRanks,
    attacked: VictimRanks,
    defended: Defended | None,
) -> dict[str, float]:
    outcome = Outcome(
        goal=goal,
        n_items=split.train.n_items,
        target_ranks=attacked.target_ranks,
        clean_target_ranks=clean.target_ranks,
        test_ranks=attacked.test_ranks,
        clean_test_ranks=clean.test_ranks,
        genuine_lengths=split.train.lengths,
        poison=poison,
        defended=defended,
    )
    return {metric.label: _checked_value(metric, outcome) for metric in metrics}


def _checked_value(metric: ChosenMetric, outcome: Outcome) -> float:
    function = metric.spec.resolve()
    value = function(outcome) if metric.k is None else function(outcome, k=metric.k)
    low, high = metric.spec.range
    if not isinstance(value, float) or not (np.isnan(value) or low <= value <= high):
        raise InvalidAnswerError(
            f"metric '{metric.label}' answered {value!r}; expected a float from {low} to {high}"
        )
    return float(value)


def _component(component: ComponentRef) -> Component:
    return Component(
        name=component.name, target=component.target, parameters=dict(component.parameters)
    )


def _prepared(data: DataFolder, cell: Cell) -> tuple[Split, Goal]:
    interactions, split = _loaded(data)
    return split, draw_goal(interactions, cell.protocol, cell.seed)


@lru_cache(maxsize=1)
def _loaded(data: DataFolder) -> tuple[Interactions, Split]:
    catalogue = json.loads(data.tokens.read())
    interactions = Interactions(
        np.load(data.offsets.path, mmap_mode="r"),
        np.load(data.items.path, mmap_mode="r"),
        n_items=catalogue["n_items"],
        user_tokens=tuple(catalogue["user_tokens"]),
        item_tokens=tuple(catalogue["item_tokens"]),
    )
    return interactions, leave_one_out(interactions)
