"""NARM: a recurrent network that attends to its own earlier states (Li et al., CIKM 2017)."""

import torch
from torch import Tensor, nn

from loki_bench_recbole.dropping import dropping
from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.sequence_recommender import SequenceLoss, SequenceRecommender
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["NARM"]


class NARM(WeightedFit, SequenceRecommender):
    """RecBole's ``NARM``: score(h, i) = <B [c_t; s_t], e_i>, h the user's latest items.

    s_t is the state of a GRU after the last item, and c_t = sum_j a_tj s_j over its states so far,
    with a_tj = v . sigmoid(A_1 s_j + A_2 s_t) (the paper, Eq. 5 to 8). Both look only backwards,
    so one pass over a sequence gives the states after all its prefixes. As in ``sasrec``, later
    samples of a sequence longer than ``max_length`` read at least the latest half of
    ``max_length`` items (scores and ``sample_loss`` read all).

    Parameters
    ----------
    embedding_size, hidden_size, n_layers : int
        64, 128 and 1 are RecBole's defaults.
    dropout, attention_dropout : float in [0, 1)
        Share of the embedded inputs and of [c_t; s_t] that is set to zero in training; 0.25 and
        0.5 are RecBole's defaults.
    max_length : int
        The most items that are read; 50 is RecBole's default.
    loss, epochs, learning_rate, l2, validate_every, patience, batch_size, device
        See :class:`~loki_bench_recbole.sequence_recommender.SequenceRecommender`; the loss is
        RecBole's default, "CE".

    Raises
    ------
    ParameterError
        A parameter can't be used.
    """

    name = "narm"
    model_class = "recbole.model.sequential_recommender.narm:NARM"

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        hidden_size: int = 128,
        n_layers: int = 1,
        dropout: float = 0.25,
        attention_dropout: float = 0.5,
        max_length: int = 50,
        loss: SequenceLoss = "CE",
        epochs: int = 12,
        learning_rate: float = 0.003,
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
        self._longest = require_count(self.name, "max_length", max_length)
        self._dropout = require_number(self.name, "dropout", dropout, below=1)
        self._attention_dropout = require_number(
            self.name, "attention_dropout", attention_dropout, below=1
        )

    def _model_parameters(self) -> dict[str, object]:
        return {
            "embedding_size": self._embedding_size,
            "hidden_size": self._hidden_size,
            "n_layers": self._n_layers,
            "dropout_probs": [self._dropout, self._attention_dropout],
            "loss_type": self._loss,
        }

    def _longest_read(self) -> int:
        return self._longest

    def _weights(self, model: nn.Module) -> list[Tensor]:
        network = [
            weight
            for part in ("gru", "a_1", "a_2", "v_t", "b")
            for weight in model.get_submodule(part).parameters()
        ]
        return [model.get_parameter("item_embedding.weight")[1:], *network]

    def _states(self, embedded: Tensor, users: Tensor, dropout: torch.Generator | None) -> Tensor:
        model = self._fitted()
        model.train(dropout is not None)
        part = model.get_submodule
        with dropping(dropout, embedded.device):
            states, _ = part("gru")(part("emb_dropout")(embedded))
            # of every place t (second axis) and every place j that it attends to (third)
            mixed = part("a_2")(states)[:, :, None] + part("a_1")(states)[:, None]
            weights = part("v_t")(torch.sigmoid(mixed)).squeeze(-1).tril()
            both = torch.cat([weights @ states, states], -1)
            outputs: Tensor = part("b")(part("ct_dropout")(both))
        return outputs
