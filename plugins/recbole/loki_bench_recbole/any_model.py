"""``recbole``: any of RecBole's general and sequential model classes, by its name."""

from collections.abc import Callable, Mapping
from typing import ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Self

from loki_bench.errors import InvalidAnswerError, LokiBenchError, ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import nearest
from loki_bench.split import HeldOut
from loki_bench_recbole.adapter import Epoch, RecBoleRecommender
from loki_bench_recbole.batch_training import (
    BatchEpoch,
    RecBoleModel,
    is_trained_at_once,
    queries_of,
)
from loki_bench_recbole.dataset_stand_in import ITEM, USER, NotProvidedError
from loki_bench_recbole.global_generators import seeded_global_generators
from loki_bench_recbole.model_building import one_torch_thread
from loki_bench_recbole.model_index import ModelParameter, find_model
from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.training_loop import Schedule, run_epochs
from loki_bench_recbole.validation import held_out_ranks, ndcg_at

__all__ = ["AnyModel"]

_PAIRS = 2**18
"""User and item pairs that are scored at a time where a model scores pairs alone."""


class AnyModel(RecBoleRecommender):
    """A model class of RecBole's as it is: its loss, its scores, its default parameters.

    Our samples, negative items, early stopping and checks; RecBole's ``calculate_loss`` on batches
    of RecBole's form, and Adam. Nothing is tuned and nothing is shared between the prefixes of a
    sequence: an epoch takes as long as RecBole's. Which models can be trained is in the README. It
    runs on the CPU, and is no surrogate for influence.

    Parameters
    ----------
    model : str
        The class as RecBole calls it, such as ``"SRGNN"``.
    model_parameters : mapping or None
        The model's own parameters that differ from RecBole's defaults.
    epochs, validate_every, patience : int
        See :class:`~loki_bench_recbole.training_loop.Schedule`.
    learning_rate : float
        Of Adam; 0.001 is RecBole's default.
    batch_size : int
        2,048 is RecBole's default.
    max_length : int
        The most items of a history that a sequential model reads; 50 is RecBole's default.

    Raises
    ------
    PluginError
        RecBole is not installed.
    ParameterError
        RecBole has no such model or the model no such parameter; or it needs more than sequences
        of items.
    """

    name: ClassVar[str] = "recbole"
    scores_are_products = False

    def __init__(
        self,
        *,
        model: str,
        model_parameters: Mapping[str, ModelParameter] | None = None,
        epochs: int = 50,
        learning_rate: float = 0.001,
        validate_every: int = 2,
        patience: int = 3,
        batch_size: int = 2048,
        max_length: int = 50,
    ) -> None:
        super().__init__(
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device="cpu",
        )
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._batch_size = require_count(self.name, "batch_size", batch_size)
        self._longest = require_count(self.name, "max_length", max_length)
        found = find_model(model)
        given = dict(model_parameters or {})
        for parameter in given:
            if parameter not in found.defaults:
                raise ParameterError(
                    f"recbole: RecBole's {model} takes no parameter {parameter!r}"
                    f"{nearest(parameter, found.defaults)}; it takes: "
                    f"{', '.join(found.defaults) or 'none'}"
                )
        self.model_class = found.target
        self.from_first = found.kind == "general"
        self._recbole_name = model
        self._parameters = {**found.defaults, **given}

    def _model_parameters(self) -> dict[str, object]:
        return {
            **self._parameters,
            "train_batch_size": self._batch_size,
            "require_pow": False,
            "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
            "LABEL_FIELD": "label",
            "INVERSE_ITEM_SEQ": "Inverse_item_id_list",
        }

    def _max_length(self, train: Interactions) -> int:
        return self._longest

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [weight for weight in model.parameters() if weight.requires_grad]

    # ------------------------------------------------------------------ the contract

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        """Train from scratch; see :meth:`RecBoleRecommender.fit`.

        Raises
        ------
        PluginError, ParameterError, InvalidAnswerError
            As there; ``ParameterError`` also where the model asks its dataset for more than users,
            items and their events, or refuses a parameter's value, and ``InvalidAnswerError`` where
            its own code fails.
        """
        with seeded_global_generators(seed):
            try:
                return super().fit(train, validation=validation, seed=seed)
            except NotProvidedError as error:
                raise ParameterError(
                    f"recbole: RecBole's {self._recbole_name} asks for {error}, which does not "
                    "follow from sequences of items; choose another model"
                ) from error
            except LokiBenchError:
                raise
            except Exception as error:  # whatever RecBole's code may raise
                raise InvalidAnswerError(
                    f"recbole: RecBole's {self._recbole_name} failed ({type(error).__name__}: "
                    f"{error}); look at its parameters, or choose another model"
                ) from error

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Scores of all items; see :meth:`loki_bench.contracts.Recommender.score_next`."""
        self._check_users(users)
        self._check_histories(users, histories)
        with one_torch_thread(), seeded_global_generators(0):
            return self._all_scores(users, histories)

    def _look(self, held_out: HeldOut) -> Callable[[], float]:
        rows = np.arange(len(held_out))

        def scores(block: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._all_scores(held_out.users[block], held_out.histories.take(block))

        return lambda: ndcg_at(10, held_out_ranks(rows, scores, held_out))

    def _all_scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """float32 of shape (batch, n_items), by whatever RecBole's class has for it."""
        model = cast("RecBoleModel", self._fitted().eval())
        if not len(users):
            return np.empty((0, self._n_items), dtype=np.float32)
        batch = queries_of(users, histories, width=self._longest)
        with torch.no_grad():
            try:
                scores = model.full_sort_predict(batch)
            except NotImplementedError:
                scores = torch.cat(
                    [self._pair_scores(model, batch, start) for start in self._blocks(len(users))]
                )
        scores = scores.reshape(len(users), -1)[:, 1 : self._n_items + 1]
        answer: NDArray[np.float32] = scores.float().cpu().numpy()
        return answer

    def _blocks(self, n: int) -> list[slice]:
        size = max(1, _PAIRS // (self._n_items + 1))
        return [slice(start, start + size) for start in range(0, n, size)]

    def _pair_scores(self, model: RecBoleModel, batch: Mapping[str, Tensor], rows: slice) -> Tensor:
        """Scores of every item, padding included, for some of the rows, one pair at a time."""
        n_items, n = self._n_items + 1, len(batch[USER][rows])
        pairs = {name: column[rows].repeat_interleave(n_items, 0) for name, column in batch.items()}
        pairs[ITEM] = torch.arange(n_items).repeat(n)
        scores: Tensor = model.predict(pairs)
        return scores.reshape(n, n_items)

    # ------------------------------------------------------------------ training

    def _train(
        self,
        train: Interactions,
        source: SampleSource,
        measure: Callable[[], float] | None,
        *,
        seed: int,
    ) -> dict[str, float]:
        model = self._fitted()
        epoch = self._epoch(train, source, seed=seed)
        if is_trained_at_once(model):
            report = {"epochs": 1.0, "training_loss": epoch(0)}
            return report | ({"validation_ndcg@10": measure()} if measure else {})
        statistics = [tensor for tensor in model.buffers() if tensor.is_floating_point()]
        try:
            return run_epochs(
                epoch,
                [*self.parameters(), *statistics],
                schedule=self._schedule,
                measure=measure,
                who=f"{self.name} ({self._recbole_name})",
            )
        finally:
            # what some models keep for scoring is of the last look's weights, not of the best
            for kept in [name for name in vars(model) if name.startswith("restore_")]:
                setattr(model, kept, None)

    def _epoch(self, train: Interactions, source: SampleSource, *, seed: int) -> Epoch:
        return BatchEpoch(
            train,
            source,
            self._fitted(),
            model_name=self._recbole_name,
            is_sequential=not self.from_first,
            width=self._longest,
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
            seed=seed,
        )

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        raise NotImplementedError("its scores are RecBole's own")

    def _query_items(self) -> NDArray[np.float32]:
        raise NotImplementedError("its scores are RecBole's own")
