"""GRU4Rec: a recurrent network over a user's events (Tan et al., DLRS 2016)."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.contracts import TrainingSamples
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch, RecBoleRecommender, id_tensor
from loki_bench_recbole.catalogue_softmax import catalogue_cross_entropy
from loki_bench_recbole.parameter_checks import require_choice, require_count, require_number
from loki_bench_recbole.prefix_training import PaddedRows, PrefixEpoch, by_length
from loki_bench_recbole.samples import SampleSource, prefixes
from loki_bench_recbole.shared_prefixes import SharedPrefixes
from loki_bench_recbole.training_loop import Schedule

__all__ = ["GRU4Rec"]


class GRU4Rec(RecBoleRecommender):
    """RecBole's ``GRU4Rec``: score(h, i) = <dense(GRU(h)), e_i>, h the user's history.

    A training sample for every event but the user's first. RecBole feeds every prefix of a
    sequence to the network on its own; a GRU looks only backwards, so the states after all
    prefixes of one user come out of one pass over the sequence, and the losses are the same. Two
    things differ: prefixes are not cut to the last 50 items, and the prefixes of one user share
    their dropout mask. The user's id plays no part. After an empty history the state is zero.

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
    from_first = False

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        hidden_size: int = 128,
        n_layers: int = 1,
        dropout: float = 0.3,
        loss: Literal["BPR", "CE"] = "CE",
        epochs: int = 12,
        learning_rate: float = 0.005,
        l2: float = 0.0,
        validate_every: int = 2,
        patience: int = 2,
        batch_size: int = 2048,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device=device,
        )
        require_choice(self.name, "loss", loss, ("BPR", "CE"))
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._hidden_size = require_count(self.name, "hidden_size", hidden_size)
        self._n_layers = require_count(self.name, "n_layers", n_layers)
        self._batch_size = require_count(self.name, "batch_size", batch_size)
        self._dropout = require_number(self.name, "dropout", dropout, below=1)
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._l2 = require_number(self.name, "l2", l2)
        self._loss = loss

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

    # ------------------------------------------------------------------ DifferentiableRecommender

    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        """The samples of ``train`` with their whole histories and the negatives of epoch 0."""
        source = SampleSource.of(train, from_first=self.from_first)
        samples = source.with_negatives(seed=seed)
        return TrainingSamples(
            users=samples.users,
            last_items=samples.last_items,
            positives=samples.positives,
            negatives=samples.negatives,
            histories=prefixes(train, source),
        )

    def sample_loss(self, samples: TrainingSamples) -> Tensor:
        """The loss of each sample, shape (n,), without L2 and dropout.

        Raises ``ParameterError`` where the samples come without their histories.
        """
        self._fitted()
        if samples.histories is None:
            raise ParameterError(
                f"{self.name}: the samples have no histories; take them from training_samples"
            )
        for items in (samples.histories.items, samples.positives, samples.negatives):
            self._check_items(items)
        return self._losses(
            self._outputs(samples.histories),
            id_tensor(samples.positives),
            id_tensor(samples.negatives),
        )

    def l2_coefficients(self, samples: TrainingSamples) -> list[Tensor]:
        """``l2`` times the number of samples, for every parameter alike."""
        return [torch.tensor(self._l2 * len(samples)) for _ in self.parameters()]

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> Tensor:
        """The score of each (user, history, item), shape (n,)."""
        self._check_users(users)
        self._check_histories(users, histories)
        self._check_items(items)
        return (self._outputs(histories) * self.parameters()[0][id_tensor(items)]).sum(-1)

    # ------------------------------------------------------------------ the network

    def _states(self, inputs: Tensor) -> Tensor:
        """Outputs after each position, (batch, length, d), of embedded inputs likewise."""
        model = self._fitted()
        outputs, _ = model.get_submodule("gru_layers")(inputs)
        projected: Tensor = model.get_submodule("dense")(outputs)
        return projected

    def _outputs(self, histories: Sequences) -> Tensor:
        """The output after each history, shape (n, d).

        Neighbouring histories that continue each other, as those of a user's samples do, are read
        in one pass; passes of like length run together.
        """
        items = self.parameters()[0]
        if not len(histories):
            return items.new_zeros(0, items.shape[1])
        shared = SharedPrefixes.of(histories)
        batches = by_length(histories.lengths[shared.longest], self._batch_size)
        starts, parts, start = [], [], 0
        for batch in batches:
            padded = PaddedRows.of(histories.offsets, shared.longest[batch])
            # an empty history is one padding item, whose vector is zero
            width = max(padded.width, 1)
            inputs = items.new_zeros(len(batch), width, items.shape[1])
            if padded.index.size:
                mask = torch.from_numpy(padded.filled).unsqueeze(-1).to(items.device)
                inputs = items[id_tensor(histories.items[padded.index]).to(items.device)] * mask
            parts.append(self._states(inputs).reshape(len(batch) * width, -1))
            starts.append(start + np.arange(len(batch)) * width)
            start += len(batch) * width
        # where the states of each run begin, in the order of the runs
        begins = np.concatenate(starts)[np.argsort(np.concatenate(batches), kind="stable")]
        places = begins[shared.run] + np.maximum(histories.lengths - 1, 0)
        return torch.cat(parts)[torch.from_numpy(places).to(items.device)]

    def _losses(self, outputs: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        items = self.parameters()[0]
        if self._loss == "BPR":
            return F.softplus(-(outputs * (items[positives] - items[negatives])).sum(-1))
        all_scores = torch.logsumexp(outputs @ items.T, dim=-1)
        padding = torch.zeros_like(all_scores)
        return torch.logaddexp(all_scores, padding) - (outputs * items[positives]).sum(-1)

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        with torch.no_grad():
            queries: NDArray[np.float32] = self._outputs(histories).cpu().numpy()
        return queries

    def _query_items(self) -> NDArray[np.float32]:
        items: NDArray[np.float32] = self.parameters()[0].detach().cpu().numpy()
        return items

    # ------------------------------------------------------------------ training

    def _epoch(self, train: Interactions, source: SampleSource, *, seed: int) -> Epoch:
        items = self.parameters()[0]

        def loss(
            inputs: Tensor,
            filled: Tensor,
            positives: Tensor,
            negatives: Tensor,
            generator: torch.Generator,
        ) -> Tensor:
            embedded = items[inputs]
            if self._dropout:
                kept = torch.empty_like(embedded).bernoulli_(1 - self._dropout, generator=generator)
                embedded = embedded * kept / (1 - self._dropout)
            outputs = self._states(embedded)[filled]
            if self._loss == "CE" and items.device.type == "cpu":
                mean = catalogue_cross_entropy(outputs, items, positives) / len(positives)
            else:
                mean = self._losses(outputs, positives, negatives).mean()
            if not self._l2:
                return mean
            squares = torch.stack([tensor.square().sum() for tensor in self.parameters()])
            return mean + self._l2 / 2 * squares.sum()

        return PrefixEpoch(
            source,
            self.parameters(),
            loss,
            learning_rate=self._learning_rate,
            batch_size=self._batch_size,
            seed=seed,
        )
