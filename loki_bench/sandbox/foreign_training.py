"""A third party's robust training as the host holds it: its process asks, the host trains."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AdversarialNoise
from loki_bench.errors import InvalidAnswerError, ParameterError, RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.carry_out import component_of
from loki_bench.sandbox.parent import Answer, Isolated, isolated
from loki_bench.sandbox.recommender_request import ScoresRequest
from loki_bench.sandbox.trained_victims import TrainedVictims
from loki_bench.sandbox.training_request import TrainingForHost, TrainingRequest, TrainRequest
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Limits

__all__ = ["ForeignTraining", "opened_training"]

KINDS = {
    "kept": "|b1",
    "weights": "<f8",
    "of_users": "<f8",
    "users": "<i4",
    "offsets": "<i8",
    "items": "<i4",
}


@contextmanager
def opened_training(
    component: ComponentRef, *, limits: Limits, closed: Path
) -> "Iterator[tuple[ForeignTraining, Isolated]]":
    """A defense in a process of its own, and that, for the length of a ``with`` block."""
    with isolated(
        f"defense '{component.name}'",
        f"{TrainingForHost.__module__}:{TrainingForHost.__name__}",
        seconds=limits.seconds,
        memory_gib=limits.memory_gib,
        closed=closed,
    ) as process:
        yield ForeignTraining(component, process), process


class ForeignTraining:
    """Puts requests to the process, and answers what it asks; see ``robust_training.Training``."""

    def __init__(self, component: ComponentRef, process: Isolated) -> None:
        self._component, self._process = component, process
        self._desk: _Desk | None = None
        self._n_items = 0
        self.report: dict[str, float] = {}

    def fit(self, victims: TrainedVictims, shown: Interactions, *, seed: int) -> None:
        """Let it train; each fit that it asks for is one of ``victims``."""
        self._n_items = shown.n_items
        self._desk = _Desk(f"defense '{self._component.name}'", victims, shown)
        request = TrainRequest(
            defense=component_of(self._component, "defense"), shown=shown, seed=seed
        )
        self.report = cast("dict[str, float]", self._put(request).report)

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """What it answers for the victim; whoever calls checks it."""
        most = len(histories) * self._n_items * np.dtype(np.float32).itemsize
        request = ScoresRequest(users=users, histories=histories)
        scores = self._put(request, most_bytes=most).arrays.get("scores")
        return cast("NDArray[np.float32]", scores)

    def _put(self, request: TrainingRequest, *, most_bytes: float | None = None) -> Answer:
        if self._desk is None:
            raise InvalidAnswerError("a defense was asked before it trained")
        try:
            return self._process.put(request, self._desk.answer, most_bytes=most_bytes)
        except RejectedError as error:  # rules of attacks are no defense's to break
            raise InvalidAnswerError(str(error)) from error


class _Desk:
    """Answers questions for fits and scores; nothing in them is trusted."""

    def __init__(self, who: str, victims: TrainedVictims, shown: Interactions) -> None:
        self._who, self._victims, self._shown = who, victims, shown
        self._most = 8 * (shown.n_events + 2 * shown.n_users) + (1 << 20)
        self._parts: dict[str, bytearray] = {}

    def answer(self, question: object) -> dict[str, object]:
        try:
            return self._answered(cast("dict[str, object]", question))
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            ParameterError,
            binascii.Error,
        ) as error:
            raise InvalidAnswerError(f"{self._who} asked what can't be answered: {error}") from None

    def _answered(self, question: dict[str, object]) -> dict[str, object]:
        if "part" in question:
            name = cast("str", question["of"])
            content = self._parts.setdefault(name, bytearray())
            content += base64.b64decode(cast("str", question["part"]), validate=True)
            if name not in KINDS or len(content) > self._most:
                raise ValueError(f"too much, or an array named {name!r:.40}")
            return {}
        forms = cast("dict[str, list[object]]", question["arrays"])
        arrays = {name: self._array(name, form) for name, form in forms.items()}
        self._parts = {}
        if question["ask"] == "fit":
            self._victims.fit(
                kept=cast("NDArray[np.bool_] | None", arrays.get("kept")),
                weights=cast("NDArray[np.float64] | None", arrays.get("weights")),
                noise=_noise(question, arrays),
            )
            return {"victim": len(self._victims.fitted) - 1}
        number, k = question["victim"], question["k"]
        n_victims = len(self._victims.fitted)
        if not isinstance(number, int) or not isinstance(k, int) or not 0 <= number < n_victims:
            raise ValueError(f"there is no victim {number!r:.40}")
        victim = self._victims.fitted[number]
        users = cast("NDArray[np.int32]", arrays["users"])
        histories = self._histories(arrays, len(users))
        if not 0 <= k <= self._shown.n_items:
            raise ValueError(f"a list of {k} items")
        found = victim.top_k(users, histories, k) if k else victim.scores(users, histories)
        little = found.astype(found.dtype.newbyteorder("<"))
        return {"content": base64.b64encode(little.tobytes()).decode()}

    def _array(self, name: str, form: list[object]) -> NDArray[np.generic]:
        kind, length = form
        if kind != KINDS[name]:
            raise ValueError(f"{name} as {kind!r:.40}; expected {KINDS[name]}")
        found = np.frombuffer(bytes(self._parts.get(name, b"")), dtype=KINDS[name])
        if len(found) != length:
            raise ValueError(f"{name} with {len(found)} values of {length!r:.40}")
        if name == "kept" and found.view(np.uint8).max(initial=0) > 1:
            raise ValueError("truth values that are neither true nor false")
        return found

    def _histories(self, arrays: dict[str, NDArray[np.generic]], n: int) -> Sequences:
        found = Sequences(
            cast("NDArray[np.int64]", arrays["offsets"]), cast("NDArray[np.int32]", arrays["items"])
        )
        if len(found) != n:
            raise ValueError(f"{len(found)} histories for {n} users")
        if found.n_events and not 0 <= found.items.min() <= found.items.max() < self._shown.n_items:
            raise ValueError("an item outside the catalogue")
        return found


def _noise(
    question: dict[str, object], arrays: dict[str, NDArray[np.generic]]
) -> AdversarialNoise | None:
    if "radius" not in question:
        return None
    radius, weight = question["radius"], question["noise_weight"]
    if not isinstance(radius, int | float) or not isinstance(weight, int | float):
        raise ValueError("noise that is no number")
    of_users = cast("NDArray[np.float64] | None", arrays.get("of_users"))
    return AdversarialNoise(radius=radius, weight=weight, of_users=of_users)
