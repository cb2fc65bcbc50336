"""What a defense keeps of the clean and of the poisoned data."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from loki_bench.answer_checks import (
    NamedArrays,
    checked_keep,
    checked_suspicion,
    checked_weights,
)
from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.interactions import Sequences
from loki_bench.json_values import JsonObject
from loki_bench.pipeline.craft import Craft, stored_confinement
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.pipeline.training_data import (
    NO_POISON,
    DefenseAnswer,
    events_of,
    shown_to_defense,
)
from loki_bench.records.store import Codec
from loki_bench.sandbox.carry_out import carry_out, component_of
from loki_bench.sandbox.confinement import part_in_force
from loki_bench.sandbox.defense_request import DefenseRequest, defend_for_host
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef
from loki_bench.timing import Timed, timed

__all__ = ["Defend", "DefenseCodec", "defend"]


class DefenseCodec(Codec[DefenseAnswer]):
    """``artefacts/defense/<id>.npz``."""

    folder = "artefacts/defense"

    def encode(self, value: DefenseAnswer) -> tuple[NamedArrays, JsonObject]:
        arrays: NamedArrays = {"kept": value.kept}
        if value.suspicion is not None:
            arrays["suspicion"] = value.suspicion
        if value.weights is not None:
            arrays["weights"] = value.weights
        if value.user_weights is not None:
            arrays["user_weights"] = value.user_weights
        about: JsonObject = {"report": dict(value.report)}
        if value.confinement is not None:
            about["confinement"] = list(value.confinement)
        return arrays, about

    def decode(self, arrays: NamedArrays, about: JsonObject) -> DefenseAnswer:
        report = about["report"]
        if not isinstance(report, dict):
            raise TypeError("its report is no mapping")
        return DefenseAnswer(
            kept=arrays["kept"],
            suspicion=arrays.get("suspicion"),
            report=report,
            confinement=stored_confinement(about) if "confinement" in about else None,
            weights=arrays.get("weights"),
            user_weights=arrays.get("user_weights"),
        )


class DefendInputs(NamedTuple):
    """The poison among those to choose from, and the same defense's answer without it.

    With that one first, an empty poison is found in the store, not judged twice.
    """

    craft: Craft | None = None
    clean: "Defend | None" = None


@dataclass(frozen=True)
class Defend(CellStep[DefenseAnswer]):
    """Lets the defense choose among the users of the clean or of the poisoned data.

    Its address depends on the poison's content, not on who wrote it.
    """

    kind: ClassVar[str] = "defense"
    seconds: ClassVar[float] = 10.0
    codec = DefenseCodec()

    poisoned: bool

    @cached_property
    def key(self) -> str:
        what = self.cell.craft_id if self.poisoned else "clean"
        return f"defense/{what}/{self.cell.defense_id(NO_POISON.digest())}"

    @property
    def who(self) -> str:
        return f"defense '{self._defense.name}'"

    @property
    def name(self) -> str:
        return self.kind if self.poisoned else f"{self.kind} clean"

    @property
    def work(self) -> str:
        return f"defense by {self._defense.label}"

    @property
    def artefact(self) -> str:
        return "defense" if self.poisoned else "clean_defense"

    @cached_property
    def inputs(self) -> DefendInputs:
        if not self.poisoned:
            return DefendInputs()
        clean = Defend(self.data, self.cell, poisoned=False)
        return DefendInputs(Craft(self.data, self.cell), clean)

    def address(self, values: Values) -> str:
        return self.cell.defense_id(self._poison(values).digest())

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[DefenseAnswer]]":
        return workers.submit(defend, self.data, self.cell, self._poison(values))

    def _poison(self, values: Values) -> Sequences:
        craft = self.inputs.craft
        return NO_POISON if craft is None else values[craft].poison

    @property
    def _defense(self) -> ComponentRef:
        if self.cell.defense is None:
            raise ValueError("the cell has no defense")
        return self.cell.defense


def defend(data: DataFolder, cell: Cell, poison: Sequences) -> Timed[DefenseAnswer]:
    """Let the defense choose among genuine and fake users, and check what it answers.

    It is shown training events alone, see
    :func:`~loki_bench.pipeline.training_data.shown_to_defense`. One that trains the victim itself
    is not asked here: it keeps everybody, and rates nobody.
    """
    if cell.defense is None:
        raise ValueError("the cell has no defense")
    _, split = load_split(data)
    if cell.defense_form == "training":
        everybody = np.ones(split.train.n_users + len(poison), dtype=np.bool_)
        return timed(lambda: DefenseAnswer(kept=everybody, suspicion=None, report={}))
    shown, order = shown_to_defense(
        split.train.with_users(poison), np.random.default_rng(cell.seed_of("defense-order"))
    )
    name = cell.defense.name
    done = carry_out(
        defend_for_host,
        DefenseRequest(
            defense=component_of(cell.defense, "defense"),
            shown=shown,
            seed=cell.seed_of(f"defense/{name}"),
            weighs=cell.defense_form == "weights",
        ),
        who=f"defense '{name}'",
        cell=cell,
        limits=data.limits,
        closed=data.folder,
    )
    arrays = done.value.arrays
    kept = checked_keep(arrays.get("kept"), defense=name, train=shown)
    suspicion = checked_suspicion(arrays.get("suspicion"), defense=name, n_users=shown.n_users)
    place = np.argsort(order)  # of each user of the host's order among those shown
    weights = user_weights = None
    if cell.defense_form == "weights":
        weighed = checked_weights(arrays.get("weights"), who=f"defense '{name}'", train=shown)
        sums, lengths = np.bincount(shown.rows, weighed, minlength=shown.n_users), shown.lengths
        means = np.divide(sums, lengths, out=np.ones(shown.n_users), where=lengths > 0)
        weights = weighed[events_of(shown, place[kept[place]])]
        user_weights = means[place]
    return done.giving(
        DefenseAnswer(
            kept=kept[place],
            suspicion=None if suspicion is None else suspicion[place],
            report=done.value.report,
            confinement=part_in_force(done.process),
            weights=weights,
            user_weights=user_weights,
        )
    )
