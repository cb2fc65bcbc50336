"""A third party's robust training, in its own process: it asks the host for fits and scores.

What is asked is JSON of a bounded size; arrays go before a question in parts, as text.
"""

import base64
import sys
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import NamedArrays, checked_report, checked_scores
from loki_bench.contracts import AdversarialNoise, FittedVictim, RobustTraining, VictimTrainer
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.sandbox.recommender_request import ScoresRequest
from loki_bench.timing import timed
from loki_bench.training_checks import check_fit, check_question

__all__ = ["PART_BYTES", "TrainRequest", "TrainingForHost", "TrainingRequest"]

PART_BYTES = 120_000


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRequest:
    """A defense, and what :meth:`~loki_bench.contracts.RobustTraining.fit` is given."""

    defense: Component
    shown: Interactions
    seed: int


TrainingRequest: TypeAlias = TrainRequest | ScoresRequest


class TrainingForHost:
    """Trains, and then answers for the victim; called with one request after the other."""

    def __init__(self) -> None:
        self._name, self._n_items = "", 0
        self._defense: RobustTraining | None = None

    def __call__(self, request: TrainingRequest, ask: Ask) -> Reply:
        """Carry out a request.

        Returns
        -------
        (arrays, report, costs)
            Of a training the defense's report; ``scores``, a float32 array of shape
            (n_users, n_items).

        Raises
        ------
        InvalidAnswerError
            The answer breaks the contract.
        """
        if isinstance(request, TrainRequest):
            self._defense = cast("RobustTraining", request.defense.build())
            self._name, self._n_items = request.defense.name, request.shown.n_items
        defense = self._defense
        if not isinstance(defense, RobustTraining):
            raise InvalidAnswerError(
                f"defense '{self._name}' is declared with the form 'training', and is no "
                "RobustTraining"
            )
        done = timed(
            lambda: self._carried_out(defense, request, ask), compiles="numba" in sys.modules
        )
        arrays, report = done.value
        return arrays, {**report}, done.costs

    def _carried_out(
        self, defense: RobustTraining, request: TrainingRequest, ask: Ask
    ) -> tuple[NamedArrays, dict[str, float]]:
        if isinstance(request, TrainRequest):
            trainer = _AskedTrainer(ask, request.shown, f"defense '{self._name}'")
            defense.fit(trainer, request.shown, seed=request.seed)
            return {}, cast(
                "dict[str, float]",
                checked_report(defense.report, who=f"defense '{self._name}'"),
            )
        # what is asked for may be answered with further questions
        found = defense.score_next(request.users, request.histories)
        shape = (len(request.histories), self._n_items)
        return {"scores": checked_scores(found, self._name, shape)}, {}


class _AskedTrainer(VictimTrainer):
    def __init__(self, ask: Ask, shown: Interactions, who: str) -> None:
        self._ask, self._shown, self._who = ask, shown, who

    def fit(
        self,
        *,
        kept: NDArray[np.bool_] | None = None,
        weights: NDArray[np.float64] | None = None,
        noise: AdversarialNoise | None = None,
    ) -> FittedVictim:
        # the host checks what it is sent; here the sentence is about what the defense gave
        check_fit(who=self._who, train=self._shown, kept=kept, weights=weights, noise=noise)
        arrays: NamedArrays = {}
        if kept is not None:
            arrays["kept"] = kept
        if weights is not None:
            arrays["weights"] = weights
        against: dict[str, float] = {}
        if noise is not None:
            against = {"radius": float(noise.radius), "noise_weight": float(noise.weight)}
            if noise.of_users is not None:
                arrays["of_users"] = noise.of_users
        answer = _put(self._ask, "fit", arrays, **against)
        return _AskedVictim(self._ask, cast("int", answer["victim"]), self._shown, self._who)


class _AskedVictim(FittedVictim):
    def __init__(self, ask: Ask, number: int, shown: Interactions, who: str) -> None:
        self._ask, self._number, self._who = ask, number, who
        self._n_users, self._n_items = shown.n_users, shown.n_items

    def scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        content = self._asked(users, histories, None)
        scores: NDArray[np.float32] = np.frombuffer(content, dtype="<f4").copy()
        return scores.reshape(-1, self._n_items)

    def top_k(self, users: NDArray[np.int32], histories: Sequences, k: int) -> NDArray[np.int32]:
        content = self._asked(users, histories, k)
        items: NDArray[np.int32] = np.frombuffer(content, dtype="<i4").copy()
        return items.reshape(-1, k)

    def _asked(self, users: NDArray[np.int32], histories: Sequences, k: int | None) -> bytes:
        check_question(
            who=self._who,
            users=users,
            histories=histories,
            n_users=self._n_users,
            n_items=self._n_items,
            k=k,
        )
        arrays: NamedArrays = {
            "users": users,
            "offsets": histories.offsets,
            "items": histories.items,
        }
        answer = _put(self._ask, "scores", arrays, victim=self._number, k=int(k or 0))
        return base64.b64decode(cast("str", answer["content"]))


def _put(ask: Ask, what: str, arrays: NamedArrays, **plain: float) -> dict[str, object]:
    """Send arrays in parts, then the question that they belong to."""
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        for start in range(0, len(content), PART_BYTES):
            part = base64.b64encode(content[start : start + PART_BYTES]).decode()
            ask({"part": part, "of": name})
    forms = {name: [array.dtype.str, len(array)] for name, array in arrays.items()}
    return cast("dict[str, object]", ask({"ask": what, "arrays": forms, **plain}))
