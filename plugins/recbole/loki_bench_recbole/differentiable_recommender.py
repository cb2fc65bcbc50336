"""What the recommenders whose loss and score an influence estimator may differentiate share."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import DifferentiableRecommender, TrainingSamples
from loki_bench.interactions import Interactions
from loki_bench_recbole.adapter import RecBoleRecommender
from loki_bench_recbole.samples import SampleSource

__all__ = ["DifferentiableRecBoleRecommender", "id_tensor", "id_tensors"]


class DifferentiableRecBoleRecommender(RecBoleRecommender, DifferentiableRecommender):
    """A model class of RecBole's that may serve attackers as a surrogate."""

    @property
    def loss_is_log_probability(self) -> bool:
        """True: pairwise logistic losses and cross-entropies."""
        return True

    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        """The samples of ``train`` in the order of its events, with the negatives of epoch 0."""
        return SampleSource.of(train, from_first=self.from_first).with_negatives(seed=seed)

    def _check_samples(self, samples: TrainingSamples) -> None:
        self._fitted()
        self._check_users(samples.users)
        self._check_items(samples.positives)
        self._check_items(samples.negatives)
        self._check_items(samples.last_items[samples.last_items != -1])


def id_tensor(ids: NDArray[np.int32]) -> Tensor:
    """Ids as torch indexes with them: int64."""
    return torch.from_numpy(ids.astype(np.int64))


def id_tensors(samples: TrainingSamples) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Users, last items (-1 where there is none), positives and negatives as int64 tensors."""
    return (
        id_tensor(samples.users),
        id_tensor(samples.last_items),
        id_tensor(samples.positives),
        id_tensor(samples.negatives),
    )
