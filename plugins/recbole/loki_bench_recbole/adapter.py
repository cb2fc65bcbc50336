"""What all recommenders share: the fit around RecBole's model class, and checks of ids."""

import pickle
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Self

from loki_bench.contracts import AdversarialNoise, Recommender
from loki_bench.errors import ParameterError, UsageError
from loki_bench.first_places import FirstPlaces
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut
from loki_bench_recbole.model_building import (
    build_model,
    full_float32,
    one_torch_thread,
    recbole_class,
)
from loki_bench_recbole.parameter_checks import require_device, require_device_here
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.training_loop import Schedule, run_epochs
from loki_bench_recbole.validation import held_out_ranks, ndcg_at

__all__ = ["Epoch", "RecBoleRecommender"]


class Epoch:
    """One trainer's pass over the samples; made for one fit, called once an epoch."""

    def __call__(self, epoch: int) -> float:
        """Train for one epoch and return the mean loss."""
        raise NotImplementedError


class RecBoleRecommender(Recommender):
    """A model class of RecBole's with our own samples, training loop, validation and scoring.

    RecBole's tables carry a padding row 0; everything here works on views without it, so that
    user ``u`` and item ``i`` are rows ``u`` and ``i``.
    """

    name: ClassVar[str]
    model_class: str
    """``"package.module:Class"`` of RecBole's model."""
    from_first: bool
    """Whether a user's first event is a training sample."""
    scores_are_products: ClassVar[bool] = True
    """Whether a score is the inner product of a query and an item: False where ``_scores`` is
    something else."""

    def __init__(self, *, schedule: Schedule, device: str) -> None:
        self._device = require_device(self.name, device)
        self._schedule = schedule
        self._forget()

    def _forget(self) -> None:
        self._model: nn.Module | None = None
        self._views: list[Tensor] | None = None
        self._n_users = self._n_items = 0
        self._built_length = 0
        self._n_samples: int | None = None
        self._report: dict[str, float] = {}

    # ------------------------------------------------------------------ what a model defines

    @abstractmethod
    def _model_parameters(self) -> dict[str, object]:
        """RecBole's hyper-parameters of the model."""

    def _max_length(self, train: Interactions) -> int:
        """RecBole's ``MAX_ITEM_LIST_LENGTH``."""
        return int(max(train.lengths.max(initial=1), 1))

    @abstractmethod
    def _weights(self, model: nn.Module) -> list[Tensor]:
        """What is trained, without padding rows, sharing memory with the model."""

    @abstractmethod
    def _epoch(self, train: Interactions, source: SampleSource, *, seed: int) -> Epoch:
        """The trainer of one fit."""

    def _train(
        self,
        train: Interactions,
        source: SampleSource,
        measure: Callable[[], float] | None,
        *,
        seed: int,
    ) -> dict[str, float]:
        """Train the weights in place and return the report of the fit."""
        return run_epochs(
            self._epoch(train, source, seed=seed),
            self.parameters(),
            schedule=self._schedule,
            measure=measure,
            who=self.name,
        )

    @abstractmethod
    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """What the model makes of each user and history: float32 of shape (batch, d)."""

    @abstractmethod
    def _query_items(self) -> NDArray[np.float32]:
        """The item side of the score, float32 of shape (n_items, d)."""

    def _scores(
        self, queries: NDArray[np.float32], items: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Scores of all items, float32 of shape (batch, n_items): their inner products."""
        return queries @ items.T  # numpy's product: on AMD twice as fast as torch's

    # ------------------------------------------------------------------ the contract

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        """Train from scratch on one thread; see :meth:`loki_bench.contracts.Recommender.fit`.

        With validation events, NDCG@10 on them decides when to stop and which epoch's weights
        are kept; without, the number of epochs is fixed.

        Raises
        ------
        PluginError
            RecBole is not installed.
        ParameterError
            There is nothing to train on, a validation event has an unknown user or item, or this
            machine lacks the device.
        InvalidAnswerError
            Training diverged.
        """
        return self._fit(train, validation, seed, None)

    def _fit(
        self,
        train: Interactions,
        validation: HeldOut | None,
        seed: int,
        event_weights: NDArray[np.float64] | None,
        noise: AdversarialNoise | None = None,
    ) -> Self:
        """See :meth:`fit`; with weights each sample has the weight of the event it predicts."""
        require_device_here(self.name, self._device)
        self._forget()
        self._n_users, self._n_items = train.n_users, train.n_items
        self._check_seed(seed)
        source = SampleSource.of(train, from_first=self.from_first)
        if event_weights is not None:
            source = source.weighted(event_weights)
        if noise is not None:
            source = source.against(noise)
        if not len(source):
            raise ParameterError(
                f"{self.name}: nothing to train on, {train.n_users} users with {train.n_events} "
                "events give no sample; give users with at least "
                f"{SampleSource.what_gives_one(from_first=self.from_first)}"
            )
        if source.weights is not None and not source.weights.any():
            not_first = "" if self.from_first else ", users' first events not among them,"
            raise ParameterError(
                f"{self.name}: nothing to train on, the {len(source)} events that it learns to "
                f"predict{not_first} all have the weight 0; give one of them more"
            )
        if validation is not None:
            self._check_users(validation.users)
            self._check_items(validation.items)
            self._check_items(validation.histories.items)
        measure = None
        if validation is not None and len(validation):
            measure = self._look(validation)
        model = self._built(train, seed=seed)
        self._model = model.to(self._device)
        with one_torch_thread(), full_float32():
            self._report = self._train(train, source, measure, seed=seed)
        # a fitted model is passed on to processes that may have no accelerator
        self._model = model.cpu().eval()
        self._views = None
        self._n_samples = len(source)
        return self

    def _built(self, train: Interactions, *, seed: int, max_length: int | None = None) -> nn.Module:
        """RecBole's model with its initial weights; the data's ``max_length`` unless given."""
        self._built_length = self._max_length(train) if max_length is None else max_length
        return build_model(
            self.model_class,
            self._model_parameters(),
            train=train,
            max_length=self._built_length,
            seed=seed,
        )

    def _look(self, held_out: HeldOut) -> Callable[[], float]:
        """What measures NDCG@10 of the current weights on the held-out events."""
        users, histories = held_out.users, held_out.histories
        if self.scores_are_products:
            places = FirstPlaces(held_out.hidden, held_out.items, n_items=self._n_items, k=10)
            return lambda: ndcg_at(
                10, places.ranks(self._queries(users, histories), self._query_items())
            )

        def measure() -> float:
            items = self._query_items()
            queries = self._queries(users, histories)
            return ndcg_at(
                10, held_out_ranks(queries, lambda block: self._scores(block, items), held_out)
            )

        return measure

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Scores of all items; see :meth:`loki_bench.contracts.Recommender.score_next`.

        Raises
        ------
        UsageError
            ``fit`` has not been called.
        ParameterError
            A user or item that ``fit`` did not see, or not one history for each user.
        """
        self._check_users(users)
        self._check_histories(users, histories)
        with one_torch_thread():
            return self._scores(self._queries(users, histories), self._query_items())

    def parameters(self) -> list[Tensor]:
        """What ``fit`` trained: leaf tensors that share memory with RecBole's model.

        RecBole's padding rows are left out. The same tensors come back at every call.
        """
        if self._views is None:
            # a view made without gradients passes for a leaf, and would be kept as it is: whoever
            # scores first, as the queries of some models do, could not differentiate any more
            with torch.enable_grad():
                self._views = [
                    weight if weight.is_leaf else weight.detach().requires_grad_()
                    for weight in self._weights(self._fitted())
                ]
        return self._views

    @property
    def n_training_samples(self) -> int | None:
        """Number of training samples of an epoch of the last fit; None before."""
        return self._n_samples

    @property
    def fit_report(self) -> dict[str, float]:
        """Epochs, training loss and, with validation, the best epoch and its NDCG@10."""
        return dict(self._report)

    @property
    def model(self) -> nn.Module:
        """RecBole's model, on the CPU and in evaluation mode."""
        return self._fitted()

    def __getstate__(self) -> dict[str, Any]:
        # Views would be pickled as copies, and no longer share memory with the model. The model is
        # pickled apart, so that its class is imported by us and not by pickle: see recbole_class.
        model = None if self._model is None else pickle.dumps(self._model)
        return {**self.__dict__, "_views": None, "_model": model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_model"] is not None:
            recbole_class(self.model_class)
            self._model = pickle.loads(state["_model"])

    # ------------------------------------------------------------------ checks

    def _fitted(self) -> nn.Module:
        if self._model is None:
            raise UsageError(f"{self.name}: not fitted; call fit first")
        return self._model

    def _check_seed(self, seed: int) -> None:
        if not 0 <= seed < 2**63:
            raise ParameterError(f"{self.name}: seed {seed} must lie in [0, 2**63)")

    def _check_users(self, users: NDArray[np.int32]) -> None:
        self._check_ids(users, self._n_users, "user")

    def _check_items(self, items: NDArray[np.int32]) -> None:
        self._check_ids(items, self._n_items, "item")

    def _check_histories(self, users: NDArray[np.int32], histories: Sequences) -> None:
        self._fitted()
        if len(users) != len(histories):
            raise ParameterError(
                f"{self.name}: {len(users)} users with {len(histories)} histories; "
                "give one history for each user"
            )
        self._check_items(histories.items)

    def _check_ids(self, ids: NDArray[np.int32], n: int, kind: str) -> None:
        if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= n):
            unknown = int(ids[(ids < 0) | (ids >= n)][0])
            raise ParameterError(
                f"{self.name}: {kind} {unknown} is unknown; fit saw {kind}s 0 to {n - 1}"
            )
