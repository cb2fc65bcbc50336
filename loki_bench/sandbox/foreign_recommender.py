"""A third party's recommender as the host holds it: fitted and asked in a confined process.

The host asks it as it asks its own (:class:`~loki_bench.contracts.Recommender`), and ranks itself:
the process answers plain scores, and never learns which items are ranked.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue
from typing_extensions import Self

from loki_bench.contracts import (
    AdversarialNoise,
    AdversarialRecommender,
    FineTunableRecommender,
    Recommender,
    WeightedRecommender,
)
from loki_bench.errors import InvalidAnswerError, RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.carry_out import component_of
from loki_bench.sandbox.parent import Answer, Isolated, isolated
from loki_bench.sandbox.recommender_request import (
    FactsRequest,
    FineTuneRequest,
    FitRequest,
    PickleRequest,
    RecommenderForHost,
    RecommenderRequest,
    ScoresRequest,
)
from loki_bench.split import HeldOut
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Limits
from loki_bench.timing import Timed, timed

__all__ = ["ForeignRecommender", "opened_recommender", "pickled", "with_foreign_recommender"]

T = TypeVar("T")


def with_foreign_recommender(
    component: ComponentRef,
    work: Callable[[Recommender], T],
    *,
    limits: Limits,
    closed: Path,
) -> Timed[T]:
    """See :func:`~loki_bench.sandbox.carry_out.with_recommender`."""
    with opened_recommender(component, limits=limits, closed=closed) as (foreign, process):
        done = timed(lambda: work(foreign))
    costs = foreign.costs
    return replace(
        done,
        wall_seconds=done.wall_seconds - foreign.start_seconds,
        cpu_seconds=done.cpu_seconds + costs["cpu_seconds"],
        compile_seconds=done.compile_seconds + costs["compile_seconds"],
        peak_memory_bytes=max(done.peak_memory_bytes, process.peak_memory_bytes),
        process={
            "isolation": "process",
            "confined": process.confinement.summary,
            "confinement": process.confinement.as_json(),
            "start_seconds": foreign.start_seconds,
        },
    )


@contextmanager
def opened_recommender(
    component: ComponentRef, *, limits: Limits, closed: Path
) -> "Iterator[tuple[ForeignRecommender, Isolated]]":
    """A third party's recommender and its process, for the length of a ``with`` block."""
    with isolated(
        f"recommender '{component.name}'",
        f"{RecommenderForHost.__module__}:{RecommenderForHost.__name__}",
        seconds=limits.seconds,
        memory_gib=limits.memory_gib,
        closed=closed,
    ) as process:
        yield ForeignRecommender(component, process), process


def pickled(fitted: Recommender) -> bytes:
    """A fitted recommender for attackers' processes; of a third party's its own process's bytes.

    They are never opened in this process.
    """
    if isinstance(fitted, ForeignRecommender):
        return fitted.pickled()
    return pickle.dumps(fitted)


class ForeignRecommender(FineTunableRecommender, WeightedRecommender, AdversarialRecommender):
    """A third party's recommender, which is fitted and asked in a process of its own.

    Parameters
    ----------
    component : ComponentRef
    process : Isolated
        Runs :class:`~loki_bench.sandbox.recommender_request.RecommenderForHost`.

    Attributes
    ----------
    costs : dict of str to float
        Seconds that the process itself tells of.
    start_seconds : float
        Wall time until it began to fit.
    """

    def __init__(self, component: ComponentRef, process: Isolated) -> None:
        self._component, self._process = component, process
        self._n_items = 0
        self.costs: dict[str, float] = {}
        self.start_seconds = 0.0

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        """See :meth:`~loki_bench.contracts.Recommender.fit`."""
        return self._fit(train, validation, seed, None)

    def fit_weighted(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        weights: NDArray[np.float64],
    ) -> Self:
        """See :meth:`~loki_bench.contracts.WeightedRecommender.fit_weighted`."""
        return self._fit(train, validation, seed, weights)

    def fit_adversarial(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        noise: AdversarialNoise,
    ) -> Self:
        """See :meth:`~loki_bench.contracts.AdversarialRecommender.fit_adversarial`."""
        return self._fit(train, validation, seed, None, noise)

    def _fit(
        self,
        train: Interactions,
        validation: HeldOut | None,
        seed: int,
        weights: NDArray[np.float64] | None,
        noise: AdversarialNoise | None = None,
    ) -> Self:
        self._n_items = train.n_items
        request = FitRequest(
            recommender=component_of(self._component, "recommender"),
            train=train,
            validation=validation,
            seed=seed,
            weights=weights,
            noise=noise,
        )
        fit = timed(lambda: self._ask(request), compiles=False)
        self.start_seconds += max(0.0, fit.wall_seconds - fit.value.costs["wall_seconds"])
        return self

    def fine_tune(self, train: Interactions, *, seed: int, epochs: int) -> Self:
        """See :meth:`~loki_bench.contracts.FineTunableRecommender.fine_tune`.

        Raises ``InvalidAnswerError`` where the recommender can't do it.
        """
        self._ask(FineTuneRequest(train=train, seed=seed, epochs=epochs))
        return self

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """See :meth:`~loki_bench.contracts.Recommender.score_next`; whoever calls checks it."""
        expected = len(histories) * self._n_items * np.dtype(np.float32).itemsize
        request = ScoresRequest(users=users, histories=histories)
        scores = self._ask(request, most_bytes=expected).arrays.get("scores")
        return cast("NDArray[np.float32]", scores)

    @property
    def n_training_samples(self) -> int | None:
        """What the process tells, unchecked."""
        return cast("int | None", self._facts()["samples"])

    @property
    def fit_report(self) -> dict[str, float]:
        """What the process tells, unchecked."""
        return cast("dict[str, float]", self._facts()["fit"])

    def pickled(self) -> bytes:
        """The fitted recommender as its process pickled it."""
        content = self._ask(PickleRequest()).arrays.get("pickled")
        if content is None or content.dtype != np.uint8:
            raise InvalidAnswerError(f"recommender '{self._component.name}' sent no pickle")
        return content.tobytes()

    def _facts(self) -> dict[str, JsonValue]:
        facts = self._ask(FactsRequest()).report
        if set(facts) != {"samples", "fit"}:
            raise InvalidAnswerError(
                f"recommender '{self._component.name}' did not tell of its fit"
            )
        return facts

    def _ask(self, request: RecommenderRequest, *, most_bytes: float | None = None) -> Answer:
        try:
            answer = self._process.put(request, _nothing_to_ask, most_bytes=most_bytes)
        except RejectedError as error:  # rules of attacks are no recommender's to break
            raise InvalidAnswerError(str(error)) from error
        for name, seconds in answer.costs.items():
            self.costs[name] = self.costs.get(name, 0.0) + seconds
        return answer


def _nothing_to_ask(question: object) -> object:
    return {"refused": "there is nothing to ask here"}
