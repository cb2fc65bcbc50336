"""GRU4Rec: a recurrent network over a user's events (Tan et al., DLRS 2016)."""

import torch
from torch import Tensor, nn

from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.sequence_recommender import SequenceLoss, SequenceRecommender
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["GRU4Rec"]


class GRU4Rec(WeightedFit, SequenceRecommender):
    """RecBole's ``GRU4Rec``: score(h, i) = <dense(GRU(h)), e_i>, h the user's history.

    A training sample for every event but the user's first. RecBole feeds every prefix of a
    sequence to the network on its own; a GRU looks only backwards, so the states after all
    prefixes of one user come out of one pass over the sequence, and the losses are the same. Two
    things differ: prefixes are not cut to the last 50 items, and the prefixes of one user share
    their dropout mask. The user's id plays no part. An empty history is read as one
    zero vector: the state is dense(GRU(0)).

    Parameters
    ----------
    embedding_size, hidden_size, n_layers : int
        64, 128 and 1 are RecBole's defaults.
    dropout : float in [0, 1)
        Share of the embedded inputs that is set to zero in training; 0.3 is RecBole's default.
    loss : "CE" or "BPR"
        Cross-entropy over the catalogue (RecBole's padding item, with score 0, included) or
        log(1 + exp(-x)) against one negative item. Cross-entropy, RecBole's default, scores the
        whole catalogue for every sample: its epochs cost several times as much.
    epochs, validate_every, patience : int
        See :class:`~loki_bench_recbole.training_loop.Schedule`.
    learning_rate : float
        Of Adam.
    l2 : float
        The mean loss of a batch is charged ``l2 / 2 * |parameters|**2``.
    batch_size : int
        About how many samples a batch holds; 2,048 is RecBole's default.
    device : str
        As torch names it.
    """

    name = "gru4rec"
    model_class = "recbole.model.sequential_recommender.gru4rec:GRU4Rec"

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        hidden_size: int = 128,
        n_layers: int = 1,
        dropout: float = 0.3,
        loss: SequenceLoss = "CE",
        epochs: int = 12,
        learning_rate: float = 0.005,
        l2: float = 0.0,
        validate_every: int = 2,
        patience: int = 2,
        batch_size: int = 2048,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            loss=loss,
            learning_rate=learning_rate,
            l2=l2,
            batch_size=batch_size,
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device=device,
        )
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._hidden_size = require_count(self.name, "hidden_size", hidden_size)
        self._n_layers = require_count(self.name, "n_layers", n_layers)
        self._dropout = require_number(self.name, "dropout", dropout, below=1)

    def _model_parameters(self) -> dict[str, object]:
        return {
            "embedding_size": self._embedding_size,
            "hidden_size": self._hidden_size,
            "num_layers": self._n_layers,
            "dropout_prob": self._dropout,
            "loss_type": self._loss,
        }

    def _weights(self, model: nn.Module) -> list[Tensor]:
        network = [*model.get_submodule("gru_layers").parameters()]
        dense = [*model.get_submodule("dense").parameters()]
        return [model.get_parameter("item_embedding.weight")[1:], *network, *dense]

    def _states(self, embedded: Tensor, users: Tensor, dropout: torch.Generator | None) -> Tensor:
        model = self._fitted()
        if dropout is not None and self._dropout:
            kept = torch.empty_like(embedded).bernoulli_(1 - self._dropout, generator=dropout)
            embedded = embedded * kept / (1 - self._dropout)
        outputs, _ = model.get_submodule("gru_layers")(embedded)
        projected: Tensor = model.get_submodule("dense")(outputs)
        return projected
