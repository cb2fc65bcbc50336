"""The work of a cell as pure functions: fit a surrogate, craft a poison, evaluate a victim.

Each runs in a worker process on one thread. What goes in and comes out is pickled, and files are
named, not sent; nothing here touches the store, so a job runs the same on this machine and on a
cluster. What is timed is the work itself: fit and rank, craft, measure. Reading the dataset,
importing a component and compiling its loops are not, or the first cells would look slow.
"""

import json
import pickle
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.boundary import (
    checked_keep,
    checked_poison,
    checked_suspicion,
    ranks_given_by,
)
from loki_bench.contracts import (
    Attacker,
    AttackerView,
    Budget,
    Defended,
    Defense,
    Goal,
    InfluenceEstimator,
    Outcome,
    Recommender,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.harness.cell import Cell, Resolved, SurrogateUsed
from loki_bench.harness.filtering import Filtered, TrainedOn, shown_to_defense
from loki_bench.harness.goal import draw_goal, draw_placebo_goal
from loki_bench.harness.grid import ChosenMetric
from loki_bench.harness.identity import canonical_json
from loki_bench.harness.stored_file import StoredFile
from loki_bench.harness.timing import Timed, timed
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import ComponentSpec
from loki_bench.seeds import generator_for, seed_for
from loki_bench.split import Split, leave_one_out

__all__ = [
    "Crafted",
    "DataFolder",
    "Evaluated",
    "Validated",
    "craft",
    "defend",
    "evaluate",
    "fit_surrogate",
    "measure",
    "validate",
]


@dataclass(frozen=True)
class DataFolder:
    """Where workers find the dataset: files that all of them map or read, none is sent.

    Attributes
    ----------
    offsets, items : StoredFile
        Arrays of :class:`~loki_bench.interactions.Interactions` as ``.npy`` files.
    tokens : StoredFile
        JSON with ``n_items`` and the lists ``user_tokens`` and ``item_tokens``.
    """

    offsets: StoredFile
    items: StoredFile
    tokens: StoredFile


@dataclass(frozen=True, kw_only=True)
class Crafted:
    """A poison that kept the rules, and what the attacker reports of itself."""

    poison: Sequences
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
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


def validate(data: DataFolder, recommender: Resolved, seed: int) -> Timed[Validated]:
    """Train a recommender on genuine users' training events and rank their validation events.

    No test event is touched: parameters may be selected by this.
    """
    split = _loaded(data)[1]
    model: Recommender = _built(recommender)
    return timed(lambda: _validate(split, recommender.name, model, seed))


def fit_surrogate(data: DataFolder, cell: Cell, surrogate: SurrogateUsed) -> Timed[bytes]:
    """Train a surrogate on what the attacker may see; returns the pickled recommender.

    Its seed is the surrogate's own role: never the victim's, even for the victim's class.
    """
    split, _ = _prepared(data, cell)
    recommender: Recommender = _built(surrogate.recommender)
    seed = seed_for(cell.seed, f"surrogate/{surrogate.recommender.name}")
    # What the attacker knows, used as a platform would: the last known event validates.
    return timed(
        lambda: pickle.dumps(recommender.fit(split.train, validation=split.validation, seed=seed))
    )


def craft(data: DataFolder, cell: Cell, surrogates: tuple[StoredFile, ...]) -> Timed[Crafted]:
    """Let the attacker write its fake users, and check what it wrote.

    Raises ``RejectedError`` where the answer breaks the rules.
    """
    interactions, split = _loaded(data)
    draw = draw_placebo_goal if cell.placebo else draw_goal
    goal = draw(interactions, cell.protocol, cell.seed)
    attacker: Attacker = _built(cell.attacker)
    return timed(lambda: _craft(split, goal, cell, attacker, surrogates))


def defend(data: DataFolder, cell: Cell, poison: Sequences) -> Timed[Filtered]:
    """Let the defense choose among genuine and fake users, and check what it answers.

    It is shown training events alone, see :func:`~loki_bench.harness.filtering.shown_to_defense`.
    """
    if cell.defense is None:
        raise ValueError("the cell has no defense")
    split, _ = _prepared(data, cell)
    shown, order = shown_to_defense(
        split.train.with_users(poison), generator_for(cell.seed, "defense-order")
    )
    defense: Defense = _built(cell.defense)
    seed = seed_for(cell.seed, f"defense/{cell.defense.name}")
    return timed(partial(_defend, shown, order, defense, cell.defense.name, seed))


def evaluate(data: DataFolder, cell: Cell, trained_on: TrainedOn) -> Timed[Evaluated]:
    """Train the victim from scratch on genuine plus fake users and rank.

    Early stopping sees validation events of genuine users only; target items and test events are
    ranked for genuine users only, dropped ones included, given events 1 .. T - 1.
    """
    split, goal = _prepared(data, cell)
    victim: Recommender = _built(cell.victim)
    return timed(lambda: _evaluate(split, goal, cell, victim, trained_on))


def measure(
    data: DataFolder,
    cell: Cell,
    metrics: tuple[ChosenMetric, ...],
    poison: Sequences,
    clean: Evaluated,
    attacked: Evaluated,
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


def _craft(
    split: Split, goal: Goal, cell: Cell, attacker: Attacker, surrogates: tuple[StoredFile, ...]
) -> Crafted:
    budget = Budget(n_fake_users=cell.budget.n_fake_users, n_actions=cell.budget.actions)
    view = AttackerView(
        history=split.history,
        goal=goal,
        budget=budget,
        seed=seed_for(cell.seed, f"attacker/{cell.attacker.name}"),
        surrogates=tuple(
            LentSurrogate(used.recommender.name, used.weight, split.train, file)
            for used, file in zip(cell.surrogates, surrogates, strict=True)
        ),
        influence=None if cell.influence is None else partial(_estimator, cell.influence),
    )
    poison = checked_poison(
        attacker.poison(view),
        attacker=cell.attacker.name,
        budget=budget,
        n_items=split.train.n_items,
    )
    report = getattr(attacker, "report", {})
    canonical_json(report)  # fails here, in the attacker's job, if it is not plain data
    return Crafted(poison=poison, report=report)


def _defend(
    shown: Interactions, order: NDArray[np.int64], defense: Defense, name: str, seed: int
) -> Filtered:
    answer = checked_keep(defense.keep(shown, seed=seed), defense=name, train=shown)
    suspicion = checked_suspicion(defense.suspicion, defense=name, n_users=shown.n_users)
    report = dict(defense.report)
    canonical_json(report)
    place = np.argsort(order)  # of each user of the host's order among those shown
    return Filtered(
        kept=answer[place],
        suspicion=None if suspicion is None else suspicion[place],
        report=report,
    )


def _evaluate(
    split: Split, goal: Goal, cell: Cell, victim: Recommender, trained_on: TrainedOn
) -> Evaluated:
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
    return Evaluated(
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
    clean: Evaluated,
    attacked: Evaluated,
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


class LentSurrogate:
    """A surrogate as an attacker holds it; the host trained it before the attacker ran."""

    def __init__(self, name: str, weight: float, train: Interactions, file: StoredFile) -> None:
        self.name = name
        self.weight = weight
        self.train = train
        self._file = file
        self._fitted: Recommender | None = None

    def fit(self) -> Recommender:
        """The fitted recommender; the same object at every call."""
        if self._fitted is None:
            with self._file.open() as pickled:
                fitted: Recommender = pickle.load(pickled)
            self._fitted = fitted
        return self._fitted


def _built(component: Resolved) -> Any:
    spec = ComponentSpec(name=component.name, summary=component.name, target=component.target)
    return spec.build(component.parameters)


def _estimator(component: Resolved) -> InfluenceEstimator:
    estimator: InfluenceEstimator = _built(component)
    return estimator


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
