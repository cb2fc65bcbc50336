"""A defense that trains the victim, as the host holds it: a recommender in the victim's place."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import Recommender, RobustTraining
from loki_bench.errors import InvalidAnswerError, UsageError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.carry_out import runs_apart
from loki_bench.sandbox.confinement import weakest
from loki_bench.sandbox.parent import Isolated
from loki_bench.sandbox.trained_victims import TrainedVictims, VictimSource
from loki_bench.split import HeldOut
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Limits
from loki_bench.timing import Timed, timed

__all__ = ["RobustVictim", "Training", "with_robust_training"]

T = TypeVar("T")


class Training(Protocol):
    """What a defense that trains does, wherever it runs."""

    def fit(self, victims: TrainedVictims, shown: Interactions, *, seed: int) -> None:
        """See :meth:`~loki_bench.contracts.RobustTraining.fit`."""

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """See :meth:`~loki_bench.contracts.RobustTraining.score_next`; unchecked."""

    @property
    def report(self) -> dict[str, float]:
        """See :attr:`~loki_bench.contracts.RobustTraining.report`; unchecked."""


def with_robust_training(
    cell: Cell, work: Callable[[Recommender], T], *, limits: Limits, closed: Path
) -> Timed[T]:
    """Let a cell's defense train the victim, and ask what it answers; see ``with_recommender``.

    This project's own defenses run here; a third party's in a process of its own, which asks the
    host for each fit and for each victim's scores. The cost tells what confined each of these
    processes.
    """
    if cell.defense is None:
        raise ValueError("the cell has no defense")
    processes: list[Isolated] = []
    with ExitStack() as stack:
        training: Training
        if cell.isolation == "process" and runs_apart(cell.defense):
            from loki_bench.sandbox.foreign_training import opened_training

            training, process = stack.enter_context(
                opened_training(cell.defense, limits=limits, closed=closed)
            )
            processes.append(process)
        else:
            training = _built(cell.defense)
        source = VictimSource(
            component=cell.victim,
            isolation=cell.isolation,
            limits=limits,
            closed=closed,
            open=stack,
            processes=processes,
        )
        victim = RobustVictim(training, source, cell)
        done = timed(lambda: work(victim))
    if not processes:
        return done
    confined = weakest([process.confinement for process in processes])
    return replace(
        done,
        process={
            "isolation": "process",
            "confined": confined.summary,
            "confinement": confined.as_json(),
        },
    )


def _built(component: ComponentRef) -> RobustTraining:
    defense = component.build()
    if not isinstance(defense, RobustTraining):
        raise InvalidAnswerError(
            f"defense '{component.name}' is declared with the form 'training', and is no "
            "RobustTraining"
        )
    return defense


@dataclass(frozen=True, eq=False)
class _Fitted:
    victims: TrainedVictims
    place: NDArray[np.int64]


class RobustVictim(Recommender):
    """The victim behind a defense that trains it: fitted and asked like any recommender."""

    def __init__(self, training: Training, source: VictimSource, cell: Cell) -> None:
        self._training, self._source, self._cell = training, source, cell
        self._fitted: _Fitted | None = None

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        """Show the defense the users in an order drawn at random; the first fit has ``seed``."""
        cell, name = self._cell, self._cell.victim.name
        who = f"defense '{self._name}'"
        order = np.random.default_rng(cell.seed_of("defense-order")).permutation(train.n_users)
        shuffled = train.take(order)
        shown = Interactions(
            shuffled.offsets, shuffled.items, n_items=train.n_items, item_tokens=train.item_tokens
        )
        victims = TrainedVictims(
            self._source,
            who=who,
            train=train,
            validation=validation,
            order=order,
            seed_of_fit=lambda n: cell.seed_of(f"victim/{name}/{n}") if n else seed,
            repeats_are_shown=cell.protocol.repeats == "allow",
        )
        self._training.fit(victims, shown, seed=cell.seed_of(f"defense/{self._name}"))
        self._fitted = _Fitted(victims, np.argsort(order))
        return self

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """What the defense answers; whoever calls checks it."""
        if self._fitted is None:
            raise UsageError(f"defense '{self._name}' has trained no victim; call fit first")
        places = self._fitted.place[users].astype(np.int32)
        return self._training.score_next(places, histories)

    @property
    def fit_report(self) -> dict[str, float]:
        """What the defense reports, and how often the victim was trained."""
        n_fits = 0 if self._fitted is None else len(self._fitted.victims.fitted)
        return {**self._training.report, "fits": float(n_fits)}

    @property
    def _name(self) -> str:
        return "" if self._cell.defense is None else self._cell.defense.name
