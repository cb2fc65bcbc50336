"""The victim, trained from scratch: on the clean data, behind a defense, on the poisoned data."""

from abc import abstractmethod
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from loki_bench.answer_checks import (
    NamedArrays,
    checked_report,
    checked_sample_count,
    ranks_given_by,
)
from loki_bench.contracts import FineTunableRecommender, Recommender, WeightedRecommender
from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions
from loki_bench.json_values import JsonObject
from loki_bench.pipeline.craft import Craft, stored_confinement
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.pipeline.defend import Defend
from loki_bench.pipeline.training_data import NO_POISON, TrainingData
from loki_bench.records.store import Codec
from loki_bench.sandbox.carry_out import with_recommender
from loki_bench.sandbox.confinement import part_in_force
from loki_bench.split import Split
from loki_bench.suite.cell import Cell
from loki_bench.suite.evaluated_users import evaluated
from loki_bench.suite.goal import draw_goal, untargeted_users
from loki_bench.timing import Timed

__all__ = [
    "CleanVictim",
    "DefendedCleanVictim",
    "PoisonedVictim",
    "Retrain",
    "VictimRanks",
    "VictimRanksCodec",
    "evaluate",
]


@dataclass(frozen=True, kw_only=True)
class VictimRanks:
    """The ranks that one trained victim gives.

    Attributes
    ----------
    target_ranks : float64 array of shape (n_target_users, n_targets)
    test_ranks : float64 array of shape (n_evaluated_users,)
    n_training_samples : int or None
    report : mapping
        The recommender's numbers about its fit.
    untargeted_ranks : float64 array of shape (n_users, n_targets), or None
        Of the target items for users who were not targeted; None where no metric reads them.
    confinement : tuple of str or None
        What a third party's recommender was kept from; None where that was all, it ran in-process,
        or it is one of this project's.
    """

    target_ranks: NDArray[np.float64]
    test_ranks: NDArray[np.float64]
    n_training_samples: int | None
    report: Mapping[str, JsonValue]
    untargeted_ranks: NDArray[np.float64] | None = None
    confinement: tuple[str, ...] | None = None


class VictimRanksCodec(Codec[VictimRanks]):
    """``artefacts/ranks/<id>.npz``."""

    folder = "artefacts/ranks"

    def encode(self, value: VictimRanks) -> tuple[NamedArrays, JsonObject]:
        arrays: NamedArrays = {"target_ranks": value.target_ranks, "test_ranks": value.test_ranks}
        if value.untargeted_ranks is not None:
            arrays["untargeted_ranks"] = value.untargeted_ranks
        about: JsonObject = {
            "n_training_samples": value.n_training_samples,
            "report": dict(value.report),
        }
        if value.confinement is not None:
            about["confinement"] = list(value.confinement)
        return arrays, about

    def decode(self, arrays: NamedArrays, about: JsonObject) -> VictimRanks:
        report, n_samples = about["report"], about["n_training_samples"]
        if not isinstance(report, dict) or not isinstance(n_samples, int | None):
            raise TypeError("its report is no mapping, or its number of samples no integer")
        return VictimRanks(
            target_ranks=arrays["target_ranks"],
            test_ranks=arrays["test_ranks"],
            n_training_samples=n_samples,
            report=report,
            untargeted_ranks=arrays.get("untargeted_ranks"),
            confinement=stored_confinement(about) if "confinement" in about else None,
        )


@dataclass(frozen=True)
class Retrain(CellStep[VictimRanks]):
    """Trains and ranks the victim. Its address depends on what is trained on, not on how that came.

    A retrained victim that turns out to be one of those before it is found in the store.
    """

    seconds: ClassVar[float] = 60.0
    codec = VictimRanksCodec()

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        # what a fit lasts depends on parameters, and on whether it is taken up again
        tuned = self.cell.regime is not None and self.cell.regime.fine_tune_epochs is not None
        again = f", {self.cell.regime_label}" if tuned else ""
        return f"fit of {self.cell.victim.label}{again}"

    @abstractmethod
    def trained_on(self, values: Values) -> TrainingData:
        """What the victim is trained on."""

    @property
    def robustly(self) -> bool:
        """Whether the defense does the training."""
        return self.cell.defense is not None and self.cell.defense_form == "training"

    def address(self, values: Values) -> str:
        digest = self.trained_on(values).digest()
        return self.cell.evaluation_id(digest, robustly=self.robustly)

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[VictimRanks]]":
        return workers.submit(
            evaluate, self.data, self.cell, self.trained_on(values), self.robustly
        )


@dataclass(frozen=True)
class CleanVictim(Retrain):
    """The victim without any fake user and without a defense."""

    kind: ClassVar[str] = "clean"
    robustly = False

    @cached_property
    def key(self) -> str:
        return f"clean/{self.address(Values())}"

    @property
    def artefact(self) -> str:
        return "clean_ranks" if self.cell.defense is None else "undefended_clean_ranks"

    def trained_on(self, values: Values) -> TrainingData:
        return TrainingData.undefended(NO_POISON)


class DefendedCleanInputs(NamedTuple):
    """What the defense keeps, and the victim that is this one where it keeps everybody."""

    defense: Defend
    undefended: CleanVictim


@dataclass(frozen=True)
class DefendedCleanVictim(Retrain):
    """The victim without any fake user on what the defense keeps of the clean data."""

    kind: ClassVar[str] = "clean"
    artefact = "clean_ranks"

    @cached_property
    def key(self) -> str:
        return f"defended {self.inputs.undefended.key}/{self.inputs.defense.key}"

    @property
    def name(self) -> str:
        return f"{self.kind} defended"

    @cached_property
    def inputs(self) -> DefendedCleanInputs:
        return DefendedCleanInputs(
            Defend(self.data, self.cell, poisoned=False), CleanVictim(self.data, self.cell)
        )

    def trained_on(self, values: Values) -> TrainingData:
        return TrainingData.left_by(values[self.inputs.defense], NO_POISON)


class PoisonedInputs(NamedTuple):
    """The fake users, the victim that is this one where there is none, and what is kept of them."""

    craft: Craft
    clean: CleanVictim | DefendedCleanVictim
    defense: Defend | None = None


@dataclass(frozen=True)
class PoisonedVictim(Retrain):
    """The victim with the fake users, or with what the defense keeps."""

    kind: ClassVar[str] = "attack"
    artefact = "ranks"

    @cached_property
    def key(self) -> str:
        return f"attack/{self.cell.id}"

    @cached_property
    def inputs(self) -> PoisonedInputs:
        data, cell = self.data, self.cell
        craft = Craft(data, cell)
        if cell.defense is None:
            return PoisonedInputs(craft, CleanVictim(data, cell))
        defense = Defend(data, cell, poisoned=True)
        return PoisonedInputs(craft, DefendedCleanVictim(data, cell), defense)

    def trained_on(self, values: Values) -> TrainingData:
        craft, _, defense = self.inputs
        poison = values[craft].poison
        if defense is None:
            return TrainingData.undefended(poison)
        return TrainingData.left_by(values[defense], poison)


def fit_and_fine_tune(
    victim: Recommender, cell: Cell, split: Split, train: Interactions, *, epochs: int
) -> None:
    """Train the victim on the clean data, and go on from there on ``train``.

    The clean data is all of it, whatever a defense keeps of ``train``: the weights are those of
    before. The clean victim is gone on with in the same way, so that an attack's effect is not
    that of more epochs.

    Raises
    ------
    InvalidAnswerError
        The recommender can't be fine-tuned, and its spec says otherwise.
    """
    name = cell.victim.name
    clean, validation = TrainingData.undefended(NO_POISON).of(split)
    victim.fit(clean, validation=validation, seed=cell.seed_of(f"victim/{name}"))
    if not isinstance(victim, FineTunableRecommender):
        raise InvalidAnswerError(
            f"recommender '{name}' says that it can be fine-tuned (fine_tunes) and is no "
            "FineTunableRecommender"
        )
    victim.fine_tune(train, seed=cell.seed_of(f"fine-tune/{name}"), epochs=epochs)


def fit_on(victim: Recommender, cell: Cell, split: Split, trained_on: TrainingData) -> None:
    """Train the victim in its regime, each event with its weight where a defense weighs them.

    Raises
    ------
    InvalidAnswerError
        The recommender's spec says that it takes weights or can be fine-tuned, and it does not.
    """
    train, validation = trained_on.of(split)
    if cell.regime is not None and cell.regime.fine_tune_epochs is not None:
        fit_and_fine_tune(victim, cell, split, train, epochs=cell.regime.fine_tune_epochs)
        return
    name = cell.victim.name
    seed = cell.seed_of(f"victim/{name}")
    if trained_on.weights is None:
        victim.fit(train, validation=validation, seed=seed)
    elif isinstance(victim, WeightedRecommender):
        victim.fit_weighted(train, validation=validation, seed=seed, weights=trained_on.weights)
    else:
        raise InvalidAnswerError(
            f"recommender '{name}' says takes_weights, and is no WeightedRecommender"
        )


def evaluate(
    data: DataFolder, cell: Cell, trained_on: TrainingData, robustly: bool = False
) -> Timed[VictimRanks]:
    """Train the victim on genuine plus fake users and rank.

    From scratch but in a regime that fine-tunes (:func:`fit_and_fine_tune`).

    Early stopping sees validation events of genuine users only; target items and test events are
    ranked for genuine users only, dropped ones included, given the events before the test event;
    test events of the evaluated users alone, where these are a sample.
    ``robustly`` lets the cell's defense do the training.
    """
    _, split = load_split(data)
    goal = draw_goal(split, cell.protocol, cell.seed, measured=True)
    name, n_items = cell.victim.name, split.train.n_items
    ranked_users = [goal.users]
    if cell.n_untargeted:
        others = untargeted_users(split, cell.protocol, cell.seed, cell.n_untargeted)
        ranked_users.append(others)
    if cell.protocol.evaluate_users is not None:
        split = evaluated(split, cell.protocol, cell.seed)

    def ranks(victim: Recommender) -> VictimRanks:
        fit_on(victim, cell, split, trained_on)
        target_ranks, *untargeted_ranks = (
            ranks_given_by(
                victim,
                name=name,
                users=users,
                histories=split.history.take(users),
                items=np.tile(goal.items, (len(users), 1)),
                n_items=n_items,
                repeats_are_shown=split.repeats_are_shown,
                list_length=cell.victim_list_length,
            )
            for users in ranked_users
        )
        test_ranks = ranks_given_by(
            victim,
            name=name,
            users=split.test.users,
            histories=split.test.histories,
            items=split.test.items[:, None],
            n_items=n_items,
            repeats_are_shown=split.repeats_are_shown,
            list_length=cell.victim_list_length,
        )
        report = checked_report(victim.fit_report, who=f"recommender '{name}'")
        return VictimRanks(
            target_ranks=target_ranks,
            test_ranks=test_ranks[:, 0],
            n_training_samples=checked_sample_count(victim.n_training_samples, name=name),
            report=report,
            untargeted_ranks=untargeted_ranks[0] if untargeted_ranks else None,
        )

    if robustly:
        from loki_bench.sandbox.robust_training import with_robust_training

        done = with_robust_training(cell, ranks, limits=data.limits, closed=data.folder)
    else:
        done = with_recommender(
            cell.victim, ranks, isolation=cell.isolation, limits=data.limits, closed=data.folder
        )
    if not done.process:  # one of this project's
        return done
    return done.giving(replace(done.value, confinement=part_in_force(done.process)))
