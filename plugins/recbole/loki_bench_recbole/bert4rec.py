"""BERT4Rec: self-attention in both directions, trained on masked events (Sun et al., CIKM 2019)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch, RecBoleRecommender
from loki_bench_recbole.catalogue_softmax import catalogue_cross_entropy
from loki_bench_recbole.dropping import dropping
from loki_bench_recbole.masked_training import MaskedEpoch
from loki_bench_recbole.parameter_checks import require_count, require_number
from loki_bench_recbole.prefix_training import PaddedRows, by_length
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.transformer_sizes import transformer_sizes

__all__ = ["BERT4Rec"]

_PADDING = -10000.0
"""What RecBole adds to the attention to padding: its weight is then exactly 0."""


class BERT4Rec(RecBoleRecommender):
    """RecBole's ``BERT4Rec``: score(h, i) = <transformer([h, MASK]), e_i> + b_i.

    Trained on whole sequences, each read once an epoch: of its events a share is masked, or, for
    every second sequence, the last one alone, which is what scores are asked for (the paper,
    section 3.6). The loss is the cross-entropy over the catalogue at the masked places. RecBole
    reads every prefix of a sequence on its own.

    It is no surrogate for influence: a masked event between others is no training sample as
    ``TrainingSamples`` says them, with the items before it alone.

    RecBole's ``full_sort_predict`` leaves out the first item of every history to make room for
    the mask; here the latest ``n - 1`` items are read, n the smaller of ``max_length`` and the
    length of the longest training sequence: a place that no training sequence has would be noise.

    Parameters
    ----------
    hidden_size, inner_size, n_layers, n_heads : int
        64, 256, 2 and 2 are RecBole's defaults; ``n_heads`` divides ``hidden_size``.
    dropout, attention_dropout : float in [0, 1)
        Share of the hidden values and of the attention weights that is set to zero in training;
        0.2 is RecBole's default of both.
    mask_ratio : float in (0, 1)
        Chance of an event to be masked; 0.6 is the paper's choice on Amazon Beauty, 0.2
        RecBole's default.
    max_length : int
        The most places, the mask's included; 50 is RecBole's default. A longer sequence is
        trained in parts.
    epochs, validate_every, patience : int
        See :class:`~loki_bench_recbole.training_loop.Schedule`.
    learning_rate : float
        Of Adam.
    l2 : float
        The mean loss of a batch is charged ``l2 / 2 * |parameters|**2``.
    batch_size : int
        About how many events a batch holds.
    device : str
        As torch names it.

    Raises
    ------
    ParameterError
        A parameter can't be used.
    """

    name = "bert4rec"
    model_class = "recbole.model.sequential_recommender.bert4rec:BERT4Rec"
    from_first = False

    def __init__(
        self,
        *,
        hidden_size: int = 64,
        inner_size: int = 256,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.2,
        attention_dropout: float = 0.2,
        mask_ratio: float = 0.6,
        max_length: int = 50,
        epochs: int = 60,
        learning_rate: float = 0.002,
        l2: float = 0.0,
        validate_every: int = 3,
        patience: int = 3,
        batch_size: int = 2048,
        device: str = "cpu",
    ) -> None:
        super().__init__(
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
        self._mask_ratio = require_number(self.name, "mask_ratio", mask_ratio, above=0, below=1)
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._l2 = require_number(self.name, "l2", l2)
        self._batch_size = require_count(self.name, "batch_size", batch_size)

    def _model_parameters(self) -> dict[str, object]:
        return {
            **self._sizes,
            "mask_ratio": self._mask_ratio,
            "loss_type": "CE",
            # the names under which RecBole's masking hands over its work
            "MASK_ITEM_SEQ": "Mask_item_id_list",
            "POS_ITEMS": "Pos_item_id",
            "NEG_ITEMS": "Neg_item_id",
            "MASK_INDEX": "MASK_INDEX",
        }

    def _max_length(self, train: Interactions) -> int:
        # a position that no training sequence has would be noise
        return max(1, min(self._longest, int(train.lengths.max(initial=0))))

    def _weights(self, model: nn.Module) -> list[Tensor]:
        items = model.get_parameter("item_embedding.weight")
        network = [
            weight
            for part in ("LayerNorm", "trm_encoder", "output_ffn", "output_ln")
            for weight in model.get_submodule(part).parameters()
        ]
        return [
            items[1:-1],
            model.get_parameter("output_bias")[1:],
            items[-1:],
            model.get_parameter("position_embedding.weight"),
            *network,
        ]

    # ------------------------------------------------------------------ the network

    def _states(
        self, items: Tensor, masked: Tensor, filled: Tensor, dropout: torch.Generator | None
    ) -> Tensor:
        """The state of each place, (batch, width, d).

        ``items`` (batch, width) are ids where ``filled`` and not ``masked``, anything elsewhere.
        """
        model = self._fitted()
        model.train(dropout is not None)
        part = model.get_submodule
        vectors, _, mask, positions, *_ = self.parameters()
        embedded = torch.where(masked.unsqueeze(-1), mask, vectors[items])
        embedded = embedded * filled.unsqueeze(-1) + positions[: items.shape[1]]
        attended = torch.where(filled, 0.0, _PADDING)[:, None, None]
        with dropping(dropout, vectors.device):
            inputs = part("dropout")(part("LayerNorm")(embedded))
            states = part("trm_encoder")(inputs, attended, output_all_encoded_layers=False)[-1]
        outputs: Tensor = part("output_ln")(part("output_gelu")(part("output_ffn")(states)))
        return outputs

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        (
            vectors,
            *_,
        ) = self.parameters()
        longest = len(self.parameters()[3])
        kept = np.minimum(histories.lengths, longest - 1)
        starts = histories.offsets[1:] - kept
        queries = np.ones((len(histories), vectors.shape[1] + 1), dtype=np.float32)
        for batch in by_length(kept + 1, self._batch_size):
            padded = PaddedRows.of(starts[batch], kept[batch] + 1)
            at_mask = torch.from_numpy(kept[batch]).to(vectors.device)
            masked = torch.arange(padded.width, device=vectors.device) == at_mask[:, None]
            # the mask's place lies beyond the history, perhaps beyond the array
            known = padded.filled & ~masked.cpu().numpy()
            ids = np.zeros(padded.index.shape, dtype=np.int64)
            ids[known] = histories.items[padded.index[known]]
            with torch.no_grad():
                states = self._states(
                    torch.from_numpy(ids).to(vectors.device),
                    masked,
                    torch.from_numpy(padded.filled).to(vectors.device),
                    None,
                )
            queries[batch, :-1] = states[masked].cpu().numpy()
        return queries

    def _query_items(self) -> NDArray[np.float32]:
        vectors, biases, *_ = (weight.detach() for weight in self.parameters())
        items: NDArray[np.float32] = torch.cat([vectors, biases[:, None]], 1).cpu().numpy()
        return items

    # ------------------------------------------------------------------ training

    def _loss(
        self, items: Tensor, masked: Tensor, filled: Tensor, dropout: torch.Generator | None
    ) -> Tensor:
        """The mean cross-entropy of the masked places, RecBole's padding item included."""
        vectors, biases, *_ = self.parameters()
        outputs = self._states(items, masked, filled, dropout)[masked]
        # a bias is the product of one more column with a 1
        outputs = torch.cat([outputs, outputs.new_ones(len(outputs), 1)], 1)
        columns = torch.cat([vectors, biases[:, None]], 1)
        positives = items[masked]
        if vectors.device.type == "cpu":
            mean = catalogue_cross_entropy(outputs, columns, positives) / len(positives)
        else:
            scores = torch.nn.functional.pad(outputs @ columns.T, (1, 0))
            mean = torch.nn.functional.cross_entropy(scores, positives + 1)
        if not self._l2:
            return mean
        squares = torch.stack([tensor.square().sum() for tensor in self.parameters()])
        return mean + self._l2 / 2 * squares.sum()

    def _epoch(self, train: Interactions, source: SampleSource, *, seed: int) -> Epoch:
        return MaskedEpoch(
            train.take(np.unique(source.users)),
            self.parameters(),
            self._loss,
            mask_ratio=self._mask_ratio,
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
            longest=len(self.parameters()[3]),
            seed=seed,
        )
