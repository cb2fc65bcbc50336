"""An attack from its request to its sequences, in whichever process it runs.

The request holds exactly what the protocol grants, so the isolated process that is sent it
(:mod:`loki_bench.sandbox.child`) holds no more: no test event, no victim, no folder of results.
"""

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import NamedArrays, checked_prepared, checked_report, validate_poison
from loki_bench.contracts import (
    Attacker,
    AttackerView,
    Budget,
    Goal,
    InfluenceEstimator,
    Recommender,
)
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions
from loki_bench.json_values import JsonObject
from loki_bench.plugins.specs import ComponentSpec
from loki_bench.sandbox.query_oracle import Ask, AskedOracle
from loki_bench.split import Repeats
from loki_bench.timing import Timed, timed

__all__ = [
    "Ask",
    "AttackRequest",
    "Component",
    "PickledRecommender",
    "ProvidedSurrogate",
    "Reply",
    "SurrogateRequest",
    "craft_for_host",
    "prepare_for_host",
]

T = TypeVar("T")
Reply: TypeAlias = tuple[NamedArrays, JsonObject, dict[str, float]]
"""Arrays, a report as plain data, and what the work cost in seconds."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component to build: its kind, for messages, its name, its target and its parameters."""

    kind: str
    name: str
    target: str
    parameters: dict[str, object]

    def build(self) -> Any:
        """Import the target and call it; raises as :meth:`ComponentSpec.build` does."""
        spec_type = type("SpecOfKind", (ComponentSpec,), {"kind": self.kind})
        spec = spec_type(name=self.name, summary=self.name, target=self.target)
        return spec.build(self.parameters)


class PickledRecommender:
    """A fitted recommender that is opened once; then the bytes are let go.

    Parameters
    ----------
    content : uint8 array
    """

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content: NDArray[np.uint8] | None = content
        self._fitted: Recommender | None = None

    def open(self) -> Recommender:
        """The recommender; the same object at every call."""
        if self._content is not None:
            content, self._content = self._content, None
            self._fitted = pickle.loads(content.data)
        assert self._fitted is not None  # noqa: S101  # for the type checker
        return self._fitted


@dataclass(frozen=True, kw_only=True)
class SurrogateRequest:
    """A surrogate that the host trained before the attack: its vote, and what opens it."""

    name: str
    weight: float
    pickled: PickledRecommender


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackRequest:
    """All that one attack is given, in a form that can be sent.

    Attributes
    ----------
    attacker : Component
    history : Interactions
        See :class:`~loki_bench.contracts.AttackerView`.
    train : Interactions or None
        What the surrogates were trained on; None without surrogates.
    goal, budget, seed
        See :class:`~loki_bench.contracts.AttackerView`.
    surrogates : tuple of SurrogateRequest
    influence : Component or None
    queries : int or None
        How many questions the attacker may put to the oracle; None where it is not given one.
    prepared : dict of str to array, or None
        What :func:`prepare_for_host` gave; None where the attacker was not asked to prepare.
    repeats : Repeats
        See :class:`~loki_bench.contracts.AttackerView`.
    """

    attacker: Component
    history: Interactions
    train: Interactions | None
    goal: Goal
    budget: Budget
    seed: int
    surrogates: tuple[SurrogateRequest, ...]
    influence: Component | None
    queries: int | None
    prepared: NamedArrays | None = None
    repeats: Repeats = "mask"

    def view(self, ask: Ask) -> AttackerView:
        """What the attacker sees; ``ask`` puts a question to the host."""
        train = self.train
        return AttackerView(
            history=self.history,
            goal=self.goal,
            budget=self.budget,
            seed=self.seed,
            surrogates=()
            if train is None
            else tuple(
                ProvidedSurrogate(s.name, s.weight, train, s.pickled) for s in self.surrogates
            ),
            influence=None if self.influence is None else self._estimator,
            oracle=None if self.queries is None else AskedOracle(ask, n_granted=self.queries),
            prepared=self.prepared,
            repeats=self.repeats,
        )

    def _estimator(self) -> InfluenceEstimator:
        assert self.influence is not None  # noqa: S101  # for the type checker
        estimator: InfluenceEstimator = self.influence.build()
        return estimator


class ProvidedSurrogate:
    """A surrogate as an attacker holds it; the host trained it before the attacker ran."""

    def __init__(
        self, name: str, weight: float, train: Interactions, pickled: PickledRecommender
    ) -> None:
        self.name = name
        self.weight = weight
        self.train = train
        self._pickled = pickled

    def fit(self) -> Recommender:
        """The fitted recommender; the same object at every call."""
        return self._pickled.open()


def craft_for_host(request: AttackRequest, ask: Ask) -> Reply:
    """Let the attacker write its sequences; they come back as plain arrays and plain data.

    Returns
    -------
    (arrays, report, costs)
        ``offsets`` and ``items`` of the poison, what the attacker reports of itself, and what
        :func:`~loki_bench.timing.timed` says of ``poison`` alone.

    Raises
    ------
    RejectedError
        The answer breaks the rules, or the attacker changed what it was shown.
    InvalidAnswerError
        It reports what can't be kept.
    """
    attacker: Attacker = request.attacker.build()
    done = _watched(request, attacker.poison, ask)
    poison = validate_poison(
        done.value,
        attacker=request.attacker.name,
        budget=request.budget,
        n_items=request.history.n_items,
    )
    # what is not plain data fails here, in the attacker's own step
    report = checked_report(
        getattr(attacker, "report", {}), who=f"attacker '{request.attacker.name}'"
    )
    return {"offsets": poison.offsets, "items": poison.items}, report, done.costs


def prepare_for_host(request: AttackRequest, ask: Ask) -> Reply:
    """Let the attacker prepare, for any number of fake users.

    Returns
    -------
    (arrays, report, costs)
        As of :func:`craft_for_host`; the report is empty.

    Raises
    ------
    RejectedError
        The attacker changed what it was shown.
    InvalidAnswerError
        It answered with something other than named arrays of numbers or text.
    """
    attacker: Attacker = request.attacker.build()
    done = _watched(request, attacker.prepare, ask)
    return checked_prepared(done.value, attacker=request.attacker.name), {}, done.costs


def _watched(request: AttackRequest, work: Callable[[AttackerView], T], ask: Ask) -> Timed[T]:
    """The attacker's answer, unless it changed what it was shown."""
    view = request.view(ask)
    shown = _digest(view)
    # numba is imported to listen to its compiling; a simple attack must not wait for that
    compiles = bool(request.surrogates) or request.influence is not None
    done = timed(lambda: work(view), compiles=compiles)
    if _digest(view) != shown:
        raise RejectedError(
            f"attacker '{request.attacker.name}' changed the view that it was given; it is "
            "read-only"
        )
    return done


def _digest(view: AttackerView) -> str:
    """SHA-256 of all data in a view: ``frozen`` stops a mistake, not ``object.__setattr__``."""
    sha = hashlib.sha256()
    for sequences in (view.history, *(surrogate.train for surrogate in view.surrogates)):
        sha.update(sequences.digest().encode())
    prepared = view.prepared or {}
    lengths = () if view.budget.lengths is None else (view.budget.lengths,)
    named = (prepared[name] for name in sorted(prepared))
    for array in (view.goal.items, view.goal.users, *lengths, *named):
        sha.update(np.ascontiguousarray(array).tobytes())
    weights = [(surrogate.name, surrogate.weight) for surrogate in view.surrogates]
    sha.update(repr((view.goal.kind, view.budget, view.seed, weights)).encode())
    return sha.hexdigest()
