"""SASRec: self-attention over a user's latest events (Kang and McAuley, ICDM 2018)."""

import torch
from torch import Tensor, nn

from loki_bench.interactions import Interactions
from loki_bench_recbole.adversarial_fit import AdversarialFit
from loki_bench_recbole.dropping import dropping
from loki_bench_recbole.parameter_checks import require_count
from loki_bench_recbole.sequence_recommender import SequenceLoss, SequenceRecommender
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.transformer_sizes import transformer_sizes
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["SASRec"]

_MASKED = -10000.0
"""What RecBole adds to the attention to an item that comes later: its weight is then exactly 0."""


class SASRec(WeightedFit, AdversarialFit, SequenceRecommender):
    """RecBole's ``SASRec``: score(h, i) = <transformer(h), e_i>, h the user's latest items.

    A training sample for every event but the user's first. RecBole reads every prefix of a
    sequence on its own; attention looks only backwards, so the states after all prefixes of a
    user come out of one pass over the sequence, and the losses are the same. One thing differs in
    training: of a sequence longer than ``max_length``, later samples read at least the latest half
    of ``max_length`` items instead of all of them (scores and ``sample_loss`` read all).

    Positions are counted from the first item that is read, as RecBole does. A position that no
    training sample has would be noise: never more items are read than the longest sample has.

    Parameters
    ----------
    hidden_size, inner_size, n_layers, n_heads : int
        64, 256, 2 and 2 are RecBole's defaults; ``n_heads`` divides ``hidden_size``.
    dropout, attention_dropout : float in [0, 1)
        Share of the hidden values and of the attention weights that is set to zero in training;
        0.5 is RecBole's default of both.
    max_length : int
        The most items that are read; 50 is RecBole's default.
    loss : "CE" or "BPR"
        Cross-entropy over the catalogue (RecBole's padding item, with score 0, included) or
        log(1 + exp(-x)) against one negative item. "CE" is RecBole's default,
        and costs three to four times as much an epoch of Amazon Beauty (README).
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

    Raises
    ------
    ParameterError
        A parameter can't be used.
    """

    name = "sasrec"
    model_class = "recbole.model.sequential_recommender.sasrec:SASRec"

    def __init__(
        self,
        *,
        hidden_size: int = 64,
        inner_size: int = 256,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.5,
        attention_dropout: float = 0.5,
        max_length: int = 50,
        loss: SequenceLoss = "CE",
        epochs: int = 30,
        learning_rate: float = 0.002,
        l2: float = 0.0,
        validate_every: int = 2,
        patience: int = 3,
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
        self._sizes = transformer_sizes(
            self.name,
            hidden_size=hidden_size,
            inner_size=inner_size,
            n_layers=n_layers,
            n_heads=n_heads,
            dropout=dropout,
            attention_dropout=attention_dropout,
        )
        self._longest = require_count(self.name, "max_length", max_length)

    def _refuse_noise(self) -> None:
        """Its one trainer takes noise."""

    def _model_parameters(self) -> dict[str, object]:
        return {
            **self._sizes,
            "loss_type": self._loss,
        }

    def _max_length(self, train: Interactions) -> int:
        return max(1, min(self._longest, int(train.lengths.max(initial=0)) - 1))

    def _longest_read(self) -> int:
        return len(self._fitted().get_parameter("position_embedding.weight"))

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [
            model.get_parameter("item_embedding.weight")[1:],
            model.get_parameter("position_embedding.weight"),
            *model.get_submodule("LayerNorm").parameters(),
            *model.get_submodule("trm_encoder").parameters(),
        ]

    def _states(self, embedded: Tensor, users: Tensor, dropout: torch.Generator | None) -> Tensor:
        model = self._fitted()
        model.train(dropout is not None)
        width = embedded.shape[1]
        later = torch.full((width, width), _MASKED, device=embedded.device).triu(1)
        placed = embedded + model.get_parameter("position_embedding.weight")[:width]
        with dropping(dropout, embedded.device):
            inputs = model.get_submodule("dropout")(model.get_submodule("LayerNorm")(placed))
            encoder = model.get_submodule("trm_encoder")
            states: Tensor = encoder(inputs, later, output_all_encoded_layers=False)[-1]
        return states
