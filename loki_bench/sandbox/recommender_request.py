"""A third party's recommender from its training data to its scores, in a process of its own.

It is fitted, then asked for scores of one block of users at a time: what a test user did before the
test event reaches the process when the fit is over.
"""

import pickle
import sys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import (
    NamedArrays,
    checked_report,
    checked_sample_count,
    checked_scores,
)
from loki_bench.contracts import (
    AdversarialNoise,
    AdversarialRecommender,
    FineTunableRecommender,
    Recommender,
    WeightedRecommender,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.json_values import JsonObject
from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.split import HeldOut
from loki_bench.timing import timed

__all__ = [
    "FactsRequest",
    "FineTuneRequest",
    "FitRequest",
    "PickleRequest",
    "RecommenderForHost",
    "RecommenderRequest",
    "ScoresRequest",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class FitRequest:
    """A recommender, and what :meth:`~loki_bench.contracts.Recommender.fit` is given.

    With weights it is :meth:`~loki_bench.contracts.WeightedRecommender.fit_weighted`, with noise
    :meth:`~loki_bench.contracts.AdversarialRecommender.fit_adversarial`.
    """

    recommender: Component
    train: Interactions
    validation: HeldOut | None
    seed: int
    weights: NDArray[np.float64] | None = None
    noise: AdversarialNoise | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FineTuneRequest:
    """What :meth:`~loki_bench.contracts.FineTunableRecommender.fine_tune` is given."""

    train: Interactions
    seed: int
    epochs: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoresRequest:
    """What :meth:`~loki_bench.contracts.Recommender.score_next` is given."""

    users: NDArray[np.int32]
    histories: Sequences


@dataclass(frozen=True)
class FactsRequest:
    """What a recommender tells of its fit is asked for."""


@dataclass(frozen=True)
class PickleRequest:
    """The fitted recommender is asked for, for attackers' processes."""


RecommenderRequest: TypeAlias = (
    FitRequest | FineTuneRequest | ScoresRequest | FactsRequest | PickleRequest
)


class RecommenderForHost:
    """Answers what the host asks of one recommender; called with one request after the other."""

    def __init__(self) -> None:
        self._name = ""
        self._n_items = 0
        self._recommender: Recommender | None = None
        self._fitted: object = None

    def __call__(self, request: RecommenderRequest, ask: Ask) -> Reply:
        """Carry out a request; ``ask`` goes unused, a recommender has no question to put.

        Returns
        -------
        (arrays, report, costs)
            Of a fit or a fine-tuning nothing; ``scores``, a float32 array of shape (n_users,
            n_items); the report ``samples`` and ``fit``; ``pickled``, bytes.

        Raises
        ------
        InvalidAnswerError
            The answer breaks the contract.
        """
        if isinstance(request, FitRequest):  # imports are not part of the work
            self._recommender = request.recommender.build()
        # numba is imported to listen to its compiling; who does not use it must not wait for that
        done = timed(lambda: self._carried_out(request), compiles="numba" in sys.modules)
        arrays, report = done.value
        return arrays, report, done.costs

    def _carried_out(self, request: RecommenderRequest) -> tuple[NamedArrays, JsonObject]:
        recommender = self._recommender
        if recommender is None:
            raise InvalidAnswerError("a recommender was asked before it was fitted")
        match request:
            case FitRequest(recommender=component, train=train):
                self._name, self._n_items = component.name, train.n_items
                self._fitted = _fit(recommender, request)
                return {}, {}
            case FineTuneRequest(train=train):
                if not isinstance(recommender, FineTunableRecommender):
                    raise InvalidAnswerError(
                        f"recommender '{self._name}' says that it can be fine-tuned (fine_tunes) "
                        "and is no FineTunableRecommender"
                    )
                recommender.fine_tune(train, seed=request.seed, epochs=request.epochs)
                return {}, {}
            case ScoresRequest(users=users, histories=histories):
                scores = checked_scores(
                    recommender.score_next(users, histories),
                    self._name,
                    (len(histories), self._n_items),
                )
                return {"scores": scores}, {}
            case FactsRequest():
                samples = checked_sample_count(recommender.n_training_samples, name=self._name)
                who = f"recommender '{self._name}'"
                return {}, {
                    "samples": samples,
                    "fit": checked_report(recommender.fit_report, who=who),
                }
            case PickleRequest():
                return {"pickled": np.frombuffer(pickle.dumps(self._fitted), np.uint8)}, {}


def _fit(recommender: Recommender, request: FitRequest) -> Recommender:
    validation, seed, weights = request.validation, request.seed, request.weights
    if request.noise is not None:
        if not isinstance(recommender, AdversarialRecommender):
            raise InvalidAnswerError(
                f"recommender '{request.recommender.name}' is to be trained against noise, and is "
                "no AdversarialRecommender: a defense that does so says needs_noise in its spec, "
                "and a recommender says takes_noise only where it is one"
            )
        return recommender.fit_adversarial(
            request.train, validation=validation, seed=seed, noise=request.noise
        )
    if weights is None:
        return recommender.fit(request.train, validation=validation, seed=seed)
    if not isinstance(recommender, WeightedRecommender):
        raise InvalidAnswerError(
            f"recommender '{request.recommender.name}' is to be trained with weights, and is no "
            "WeightedRecommender: a defense that gives weights says needs_weights in its spec, and "
            "a recommender says takes_weights only where it is one"
        )
    return recommender.fit_weighted(
        request.train, validation=validation, seed=seed, weights=weights
    )
