"""The poison: what an attacker prepares for every budget, and the fake users that it writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import JsonValue

from loki_bench.answer_checks import NamedArrays, checked_prepared, validate_poison
from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences
from loki_bench.json_values import JsonObject
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.pipeline.surrogate import FitSurrogate
from loki_bench.pipeline.victim_beside import beside_victim
from loki_bench.pipeline.victim_lists import TopK, VictimTopK
from loki_bench.records.store import Codec, StoredFile
from loki_bench.sandbox.attack_request import (
    AttackRequest,
    PickledRecommender,
    SurrogateRequest,
    craft_for_host,
    prepare_for_host,
)
from loki_bench.sandbox.carry_out import carry_out, component_of
from loki_bench.sandbox.confinement import part_in_force
from loki_bench.sandbox.parent import Answer
from loki_bench.sandbox.query_oracle import Oracle
from loki_bench.suite.cell import Cell, SurrogateRef
from loki_bench.suite.fake_user_lengths import budget_of, without_fake_users
from loki_bench.suite.goal import draw_goal, draw_placebo_goal
from loki_bench.suite.granted_data import granted_data
from loki_bench.timing import Timed

__all__ = [
    "Craft",
    "Poison",
    "PoisonCodec",
    "Prepare",
    "craft",
    "prepare",
    "stored_confinement",
    "surrogate_names",
]


@dataclass(frozen=True, kw_only=True)
class Poison:
    """A poison that kept the rules, what the attacker reports of itself, and what it asked.

    ``confinement`` names what was in force while it was crafted; None where that was all of
    :class:`~loki_bench.sandbox.confinement.Confinement`, or the cell is in-process.
    """

    poison: Sequences
    report: Mapping[str, JsonValue]
    n_queries: int = 0
    confinement: tuple[str, ...] | None = None


class PoisonCodec(Codec[Poison]):
    """``artefacts/poison/<id>.npz``."""

    folder = "artefacts/poison"

    def encode(self, value: Poison) -> tuple[NamedArrays, JsonObject]:
        arrays: NamedArrays = {"offsets": value.poison.offsets, "items": value.poison.items}
        about: JsonObject = {"report": dict(value.report), "n_queries": value.n_queries}
        if value.confinement is not None:
            about["confinement"] = list(value.confinement)
        return arrays, about

    def decode(self, arrays: NamedArrays, about: JsonObject) -> Poison:
        report, n_queries = about["report"], about["n_queries"]
        if not isinstance(report, dict) or not isinstance(n_queries, int):
            raise TypeError("its report is no mapping, or its number of queries no integer")
        return Poison(
            poison=Sequences(arrays["offsets"], arrays["items"]),
            report=report,
            n_queries=n_queries,
            confinement=stored_confinement(about) if "confinement" in about else None,
        )


def stored_confinement(about: JsonObject) -> tuple[str, ...]:
    """What an artefact says of the process that made it; raises ``TypeError`` for no list."""
    told = about["confinement"]
    if not isinstance(told, list):
        raise TypeError("what its process was kept from is no list")
    return tuple(map(str, told))


class PreparationCodec(Codec[NamedArrays]):
    """``work/prepared/<id>.npz``."""

    folder = "work/prepared"

    def encode(self, value: NamedArrays) -> tuple[NamedArrays, JsonObject]:
        return value, {}

    def decode(self, arrays: NamedArrays, about: JsonObject) -> NamedArrays:
        return arrays


@dataclass(frozen=True)
class Prepare(CellStep[NamedArrays]):
    """Lets the attacker learn what serves every number of fake users."""

    kind: ClassVar[str] = "prepare"
    seconds: ClassVar[float] = 30.0
    can_be_rejected: ClassVar[bool] = True
    address_needs_no_inputs: ClassVar[bool] = True
    codec = PreparationCodec()

    @cached_property
    def key(self) -> str:
        return f"prepare/{self.cell.prepared_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}'"

    @property
    def work(self) -> str:
        return _attack_work("preparation of", self.cell)

    @cached_property
    def inputs(self) -> tuple[FitSurrogate, ...]:
        return tuple(FitSurrogate(self.data, self.cell, s) for s in self.cell.surrogates)

    def address(self, values: Values) -> str:
        return self.cell.prepared_id

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[NamedArrays]]":
        surrogates = tuple(values[step] for step in self.inputs)
        return workers.submit(prepare, self.data, self.cell, surrogates)


class CraftInputs(NamedTuple):
    """What crafting takes: surrogates in the cell's order, and what the cell has beside them."""

    surrogates: tuple[FitSurrogate, ...]
    lists: VictimTopK | None
    preparation: Prepare | None


@dataclass(frozen=True)
class Craft(CellStep[Poison]):
    """Lets the attacker write its poison."""

    kind: ClassVar[str] = "craft"
    seconds: ClassVar[float] = 30.0
    can_be_rejected: ClassVar[bool] = True
    address_needs_no_inputs: ClassVar[bool] = True
    artefact = "poison"
    codec = PoisonCodec()

    @cached_property
    def key(self) -> str:
        return f"craft/{self.cell.craft_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}'"

    @property
    def work(self) -> str:
        return _attack_work("craft of", self.cell)

    @cached_property
    def inputs(self) -> CraftInputs:
        data, cell = self.data, self.cell
        return CraftInputs(
            surrogates=tuple(FitSurrogate(data, cell, s) for s in cell.surrogates),
            lists=VictimTopK(data, cell) if cell.oracle and not cell.oracle.sequences else None,
            preparation=Prepare(data, cell) if cell.prepares else None,
        )

    def address(self, values: Values) -> str:
        return self.cell.craft_id

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[Poison]]":
        surrogates, lists, preparation = self.inputs
        return workers.submit(
            craft,
            self.data,
            self.cell,
            tuple(values[step] for step in surrogates),
            None if lists is None else values[lists],
            None if preparation is None else values[preparation],
        )


def prepare(data: DataFolder, cell: Cell, surrogates: tuple[StoredFile, ...]) -> Timed[NamedArrays]:
    """Let the attacker learn what serves every number of fake users; see :func:`craft`."""
    request = _request(data, cell, surrogates)
    request = replace(request, budget=without_fake_users(request.budget))
    done = carry_out(
        prepare_for_host,
        request,
        who=f"attacker '{cell.attacker.name}'",
        cell=cell,
        limits=data.limits,
        closed=data.folder,
    )
    # again, where the attacker's code can't reach
    return done.giving(checked_prepared(done.value.arrays, attacker=cell.attacker.name))


def craft(
    data: DataFolder,
    cell: Cell,
    surrogates: tuple[StoredFile, ...],
    lists: TopK | None = None,
    prepared: NamedArrays | None = None,
) -> Timed[Poison]:
    """Let the attacker write its fake users, and check what it wrote.

    With isolation ``process`` its code runs in a process of its own, which is told nothing but the
    request (:mod:`loki_bench.sandbox.parent`); ``in-process`` runs it here.

    Parameters
    ----------
    surrogates : tuple of StoredFile
        The fitted surrogates of the cell, in its order.
    lists : int32 array of shape (n_users, K) or None
        What the query oracle answers; None where the cell has none, or a victim beside it.
    prepared : dict of str to array, or None
        What :func:`prepare` gave; None where the attacker does not prepare.

    Raises
    ------
    RejectedError
        The answer breaks the rules, or one query too many was asked.
    InvalidAnswerError
        The poison was handed in, and is not in the store.
    """
    name = cell.attacker.name
    if cell.attacker.is_handed_in:
        raise InvalidAnswerError(
            f"attacker '{name}': its poison was handed in, and is not in the folder of results "
            "any more; run the suite again with the file, and with --retry-failed"
        )
    request = replace(_request(data, cell, surrogates), prepared=prepared)

    def carried_out(oracle: Oracle | None) -> Timed[Answer]:
        return carry_out(
            craft_for_host,
            request,
            who=f"attacker '{name}'",
            cell=cell,
            limits=data.limits,
            closed=data.folder,
            oracle=oracle,
        )

    oracle = None
    if cell.oracle is not None and cell.oracle.sequences:
        oracle, done = beside_victim(data, cell, carried_out)
    else:
        if lists is not None:
            oracle = Oracle(lists, n_granted=request.queries or 0, attacker=name)
        done = carried_out(oracle)
    arrays = done.value.arrays
    try:
        written: object = Sequences(arrays["offsets"], arrays["items"])
    except (KeyError, ValueError):
        written = arrays
    poison = validate_poison(  # again, where the attacker's code can't reach
        written, attacker=name, budget=request.budget, n_items=request.history.n_items
    )
    n_queries = 0 if oracle is None else oracle.n_asked
    return done.giving(
        Poison(
            poison=poison,
            report=done.value.report,
            n_queries=n_queries,
            confinement=part_in_force(done.process) if cell.isolation == "process" else None,
        )
    )


def _request(data: DataFolder, cell: Cell, surrogates: tuple[StoredFile, ...]) -> AttackRequest:
    """Exactly what the protocol grants the attacker of a cell."""
    _, split = load_split(data)
    draw = draw_placebo_goal if cell.placebo else draw_goal
    granted = split if cell.knowledge is None else granted_data(split, cell)
    known = granted.history
    nothing = Sequences(np.zeros(len(known) + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
    names = surrogate_names(cell.surrogates) if surrogates else []
    return AttackRequest(
        attacker=component_of(cell.attacker, "attacker"),
        history=known if cell.sees_history else known.with_sequences(nothing),
        train=granted.train if surrogates else None,
        goal=draw(split, cell.protocol, cell.seed),
        budget=budget_of(cell, split),
        seed=cell.seed_of(f"attacker/{cell.attacker.name}"),
        surrogates=tuple(
            SurrogateRequest(
                name=name,
                weight=used.weight,
                pickled=PickledRecommender(file.mapped()),
            )
            for name, used, file in zip(names, cell.surrogates, surrogates, strict=True)
        ),
        influence=None
        if cell.influence is None
        else component_of(cell.influence, "influence estimator"),
        queries=None if cell.oracle is None else cell.oracle.queries,
        repeats=cell.protocol.repeats,
    )


def surrogate_names(surrogates: Sequence[SurrogateRef]) -> list[str]:
    """What an attacker calls each surrogate, all different: it keeps what it learns of one by name.

    The recommender's name, or its label where several share the name; numbered from the second on
    where several share the label, too.
    """
    bare = Counter(used.recommender.name for used in surrogates)
    seen: Counter[str] = Counter()
    names = []
    for used in surrogates:
        recommender = used.recommender
        name = recommender.name if bare[recommender.name] == 1 else recommender.label
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} no. {seen[name]}")
    return names


def _attack_work(what: str, cell: Cell) -> str:
    estimator = [] if cell.influence is None else [cell.influence.label]
    surrogates = [used.recommender.label for used in cell.surrogates]
    return " ".join([what, cell.attacker.label, *estimator, *surrogates])
