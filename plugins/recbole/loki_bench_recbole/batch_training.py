"""Training by a model's own ``calculate_loss``, on batches of the form that RecBole gives it."""

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.dataset_stand_in import (
    ITEM,
    LENGTH,
    NEGATIVE,
    SEQUENCE,
    USER,
    padded_histories,
)
from loki_bench_recbole.draws import Stream, epoch_key, shuffled
from loki_bench_recbole.global_generators import seed_global_generators
from loki_bench_recbole.samples import SampleSource

__all__ = ["BatchEpoch", "RecBoleModel", "is_trained_at_once", "queries_of"]


class RecBoleModel(Protocol):
    """What RecBole's model classes have in common, batches by the names of their columns."""

    def calculate_loss(self, interaction: Mapping[str, Tensor]) -> Tensor | tuple[Tensor, ...]:
        """The loss of a batch, or its terms."""
        ...

    def predict(self, interaction: Mapping[str, Tensor]) -> Tensor:
        """The score of each user's item."""
        ...

    def full_sort_predict(self, interaction: Mapping[str, Tensor]) -> Tensor:
        """The scores of all items, padding included."""
        ...


LABEL = "label"
INVERSE = "Inverse_item_id_list"

_BY_USER = frozenset({"CDAE", "DiffRec", "ENMF", "MacridVAE", "MultiDAE", "MultiVAE"})
"""Models whose loss is over all events of the users in a batch: RecBole hands them users alone."""


def is_trained_at_once(model: nn.Module) -> bool:
    """Whether a model has no weights to train: neighbourhoods, closed forms, counts."""
    return getattr(getattr(model, "type", None), "name", "") == "TRADITIONAL"


def queries_of(users: NDArray[np.int32], histories: Sequences, *, width: int) -> dict[str, Tensor]:
    """Users and their histories as RecBole's models are asked for scores.

    An empty history is one padding item, as everywhere in this package.
    """
    ids = histories.items.astype(np.int64) + 1
    batch = padded_histories(ids, histories.offsets[:-1], histories.offsets[1:], width)
    return _with_inverse({USER: _ids(users), **batch})


class BatchEpoch(Epoch):
    """Adam on batches of samples; one pass without a step for a model that is trained at once.

    Parameters
    ----------
    train : Interactions
    source : SampleSource
        Of the same events.
    model : Module
        RecBole's.
    model_name : str
    is_sequential : bool
        Whether samples come with the items before them.
    width : int
        The most such items.
    learning_rate : float
    batch_size : int
    seed : int
    """

    def __init__(
        self,
        train: Interactions,
        source: SampleSource,
        model: nn.Module,
        *,
        model_name: str,
        is_sequential: bool,
        width: int,
        learning_rate: float,
        batch_size: int,
        seed: int,
    ) -> None:
        self._train, self._source, self._model = train, source, model
        self._is_sequential, self._width = is_sequential, width
        self._batch_size, self._seed = batch_size, seed
        self._by_user = np.unique(source.users) if model_name in _BY_USER else None
        input_type = getattr(getattr(model, "input_type", None), "name", "")
        self._is_pointwise = input_type == "POINTWISE" and not is_sequential
        self._optimiser = None
        if not is_trained_at_once(model):
            weights = [weight for weight in model.parameters() if weight.requires_grad]
            self._optimiser = torch.optim.Adam(weights, lr=learning_rate)

    def __call__(self, epoch: int) -> float:
        """One pass over the samples, or the users, in a new order."""
        seed_global_generators(int(epoch_key(self._seed, Stream.DROPOUT, epoch)))
        self._model.train()
        negatives = self._source.negatives(seed=self._seed, epoch=epoch)
        n = len(self._source) if self._by_user is None else len(self._by_user)
        order = shuffled(n, epoch_key(self._seed, Stream.ORDER, epoch))
        interaction = importlib.import_module("recbole.data.interaction").Interaction
        total = 0.0
        for start in range(0, n, self._batch_size):
            rows = order[start : start + self._batch_size]
            batch = interaction(self._batch(rows, negatives))
            total += self._step(batch) * len(rows)
        return total / n

    def _step(self, batch: Mapping[str, Tensor]) -> float:
        losses = cast("RecBoleModel", self._model).calculate_loss(batch)
        # several terms come as a tuple; a term may have the shape (1,)
        terms = losses if isinstance(losses, tuple) else (losses,)
        loss = torch.stack([term.reshape(()) for term in terms]).sum()
        if self._optimiser is not None:
            self._optimiser.zero_grad()
            torch.autograd.backward(loss)
            self._optimiser.step()
        return float(loss.detach())

    def _batch(self, rows: NDArray[np.int64], negatives: NDArray[np.int32]) -> dict[str, Tensor]:
        source, train = self._source, self._train
        if self._by_user is not None:
            return {USER: _ids(self._by_user[rows])}
        users, positives = _ids(source.users[rows]), _ids(source.positives[rows])
        others = _ids(negatives[rows])
        if self._is_pointwise:
            n = len(rows)
            return {
                USER: users.repeat(2),
                ITEM: torch.cat([positives, others]),
                LABEL: torch.cat([torch.ones(n), torch.zeros(n)]),
            }
        batch = {USER: users, ITEM: positives, NEGATIVE: others}
        if self._is_sequential:
            ids = train.items.astype(np.int64) + 1
            starts, ends = train.offsets[source.users[rows]], source.events[rows]
            batch |= padded_histories(ids, starts, ends, self._width)
        return _with_inverse(batch)


def _ids(ids: NDArray[np.int32]) -> Tensor:
    """Ids as RecBole counts them: from 1."""
    return torch.from_numpy(ids.astype(np.int64) + 1)


def _with_inverse(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add the histories with their padding on the left, which SHAN reads."""
    if SEQUENCE not in batch:
        return batch
    rows, lengths = batch[SEQUENCE], batch[LENGTH].clamp(min=1)
    places = torch.arange(rows.shape[1]) - (rows.shape[1] - lengths)[:, None]
    turned = rows.gather(1, places.clamp(min=0)) * (places >= 0)
    return {**batch, LENGTH: lengths, INVERSE: turned}
