"""LightGCN: factors propagated over the graph of users and items (He et al., SIGIR 2020)."""

import warnings
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch, RecBoleRecommender
from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.torch_training import AdamEpoch
from loki_bench_recbole.training_loop import Schedule

__all__ = ["LightGCN"]


class LightGCN(RecBoleRecommender):
    """RecBole's ``LightGCN``: score(u, i) = <p_u, q_i>, p and q the means over ``n_layers`` + 1
    layers, each of them the one before propagated over the graph of who had which item.

    The order of events does not matter, and an event counts once. A training sample for every
    event, with the loss of ``bprmf``. Every batch propagates all users and items, so large batches
    make a fast epoch.

    It is no surrogate for influence: a fake user adds edges to the graph that all scores go
    through, which no training sample says.

    Parameters
    ----------
    embedding_size, n_layers : int
        64 and 2 are RecBole's defaults.
    epochs, validate_every, patience : int
        See :class:`~loki_bench_recbole.training_loop.Schedule`.
    learning_rate : float
        Of Adam.
    l2 : float
        Each sample adds ``l2 / 2 * |row|**2`` for each of the three rows that it touches, before
        propagation (the paper, Eq. 15). RecBole adds their norms, not squared, times 1e-5.
    batch_size : int
        2,048 is RecBole's default.
    device : str
        As torch names it.

    Raises
    ------
    ParameterError
        A parameter can't be used.
    """

    name = "lightgcn"
    model_class = "recbole.model.general_recommender.lightgcn:LightGCN"
    from_first = True

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        n_layers: int = 2,
        epochs: int = 120,
        learning_rate: float = 0.005,
        l2: float = 0.0001,
        validate_every: int = 5,
        patience: int = 3,
        batch_size: int = 4096,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device=device,
        )
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._n_layers = require_count(self.name, "n_layers", n_layers)
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._l2 = require_number(self.name, "l2", l2)
        self._batch_size = require_count(self.name, "batch_size", batch_size)

    def _forget(self) -> None:
        super()._forget()
        self._graph: Tensor | None = None
        self._kept: tuple[list[int], tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None

    def _model_parameters(self) -> dict[str, object]:
        return {
            "embedding_size": self._embedding_size,
            "n_layers": self._n_layers,
            "reg_weight": 0.0,
            "require_pow": False,
        }

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [
            model.get_parameter("user_embedding.weight")[1:],
            model.get_parameter("item_embedding.weight")[1:],
        ]

    # ------------------------------------------------------------------ the graph

    def _propagated(self) -> tuple[Tensor, Tensor]:
        """The users' and the items' rows after propagation."""
        users, items = self.parameters()
        if self._graph is None or self._graph.device != users.device:
            matrix = cast("Tensor", self._fitted().norm_adj_matrix)
            self._graph = _without_padding(matrix, len(users)).to(users.device)
        layer = mean = torch.cat([users, items])
        for _ in range(self._n_layers):
            layer = cast("Tensor", _Propagation.apply(self._graph, layer))  # type: ignore[no-untyped-call]  # torch's own
            mean = mean + layer
        mean = mean / (self._n_layers + 1)
        return mean[: len(users)], mean[len(users) :]

    def _tables(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # once it is fitted, blocks of users share one propagation; torch counts changes of weights,
        # but not that the best ones are put back at the end of a fit
        changes = [weights._version for weights in self.parameters()]
        if self._kept is not None and self._kept[0] == changes:
            return self._kept[1]
        with torch.no_grad():
            users, items = (rows.cpu().numpy() for rows in self._propagated())
        if self._n_samples is not None:
            self._kept = changes, (users, items)
        return users, items

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        return self._tables()[0][users]

    def _query_items(self) -> NDArray[np.float32]:
        return self._tables()[1]

    # ------------------------------------------------------------------ training

    def _losses(self, users: Tensor, last: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """The loss of each sample, L2 included, shape (batch,)."""
        of_users, of_items = self._propagated()
        margin = (of_users[users] * (of_items[positives] - of_items[negatives])).sum(-1)
        losses = F.softplus(-margin)
        tables = self.parameters()
        for table, rows in zip((0, 1, 1), (users, positives, negatives), strict=True):
            losses = losses + self._l2 / 2 * tables[table][rows].square().sum(-1)
        return losses

    def _epoch(self, train: Interactions, source: SampleSource, *, seed: int) -> Epoch:
        return AdamEpoch(
            source,
            self.parameters(),
            self._losses,
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
            seed=seed,
        )

    def __getstate__(self) -> dict[str, Any]:
        # it is made again of RecBole's own matrix
        return {**super().__getstate__(), "_graph": None, "_kept": None}


class _Propagation(torch.autograd.Function):
    """The product with a symmetric matrix, whose gradient is the product with the same matrix."""

    @staticmethod
    def forward(ctx: Any, graph: Tensor, rows: Tensor) -> Tensor:
        ctx.graph = graph
        return graph @ rows

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, ctx.graph @ gradients[0]


def _without_padding(matrix: Tensor, n_users: int) -> Tensor:
    """RecBole's matrix of users and items in compressed rows, without the row 0 of either."""
    matrix = matrix.coalesce()
    ids = matrix.indices()
    ids = ids - 1 - (ids > n_users).long()
    size = (matrix.shape[0] - 2, matrix.shape[1] - 2)
    with warnings.catch_warnings():  # torch calls compressed rows a beta feature
        warnings.simplefilter("ignore")
        return torch.sparse_coo_tensor(ids, matrix.values(), size).coalesce().to_sparse_csr()
