"""What the sequence models share: states after all prefixes of a user come out of one pass."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import LinearisedLosses, TrainingSamples
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.adversarial_sequences import under_noise
from loki_bench_recbole.catalogue_softmax import catalogue_cross_entropy
from loki_bench_recbole.differentiable_recommender import id_tensor
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.parameter_checks import require_choice, require_count, require_number
from loki_bench_recbole.prefix_training import PaddedRows, PrefixEpoch, by_length
from loki_bench_recbole.rowwise_training import RowwiseTraining
from loki_bench_recbole.samples import SampleSource, prefixes
from loki_bench_recbole.shared_prefixes import SharedPrefixes
from loki_bench_recbole.softmax_derivatives import CatalogueLosses
from loki_bench_recbole.training_loop import Schedule

__all__ = ["SequenceLoss", "SequenceRecommender"]

SequenceLoss: TypeAlias = Literal["BPR", "CE"]


class SequenceRecommender(RowwiseTraining):
    """Score(u, h, i) = <state(u, h), e_i>, h the user's history.

    A training sample for every event but the user's first. A network that looks only backwards
    gives the states after all prefixes of one user in one pass over the sequence.

    Parameters
    ----------
    loss : "CE" or "BPR"
        Cross-entropy over the catalogue (RecBole's padding item, with score 0, included) or
        log(1 + exp(-x)) against one negative item.
    learning_rate : float
        Of Adam.
    l2 : float
        The mean loss of a batch is charged ``l2 / 2 * |parameters|**2``.
    batch_size : int
        About how many samples a batch holds.
    schedule : Schedule
    device : str
    """

    from_first = False
    reads_users: ClassVar[bool] = False
    """Whether the state depends on the user's id, too."""

    def __init__(
        self,
        *,
        loss: SequenceLoss,
        learning_rate: float,
        l2: float,
        batch_size: int,
        schedule: Schedule,
        device: str,
    ) -> None:
        super().__init__(schedule=schedule, device=device)
        require_choice(self.name, "loss", loss, ("BPR", "CE"))
        self._loss = loss
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._l2 = require_number(self.name, "l2", l2)
        self._batch_size = require_count(self.name, "batch_size", batch_size)

    @abstractmethod
    def _states(self, embedded: Tensor, users: Tensor, dropout: torch.Generator | None) -> Tensor:
        """The state after each place, (batch, length, d), of embedded items likewise.

        Zero vectors after the last item must not change the states before them. ``users`` are the
        ids of the rows. Without a generator nothing is dropped.
        """

    def _longest_read(self) -> int | None:
        """How many of the latest items the fitted network reads; None where it reads all."""
        return None

    def _longest_trained(self) -> int | None:
        """The longest window that :meth:`_states` may be given in training; None for any."""
        return self._longest_read()

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
        return self._losses(
            self._outputs_of(samples),
            id_tensor(samples.positives),
            id_tensor(samples.negatives),
        )

    def linearised_losses(self, samples: TrainingSamples, *, keep: bool) -> LinearisedLosses | None:
        """Those of the cross-entropy; None for the pairwise loss."""
        if self._loss != "CE":
            return None
        distinct, of = _without_repeats(samples)
        outputs = self._outputs_of(distinct)
        positives = id_tensor(distinct.positives).to(outputs.device)
        return CatalogueLosses(
            outputs,
            self.parameters(),
            positives,
            torch.from_numpy(of).to(outputs.device),
            keep=keep,
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
        return (self._outputs(users, histories) * self.parameters()[0][id_tensor(items)]).sum(-1)

    # ------------------------------------------------------------------ the network

    def _outputs_of(self, samples: TrainingSamples) -> Tensor:
        """The state after the history of each sample, shape (n, d), once the ids are checked."""
        self._fitted()
        if samples.histories is None:
            raise ParameterError(
                f"{self.name}: the samples have no histories; take them from training_samples"
            )
        if self.reads_users:
            self._check_users(samples.users)
        for items in (samples.histories.items, samples.positives, samples.negatives):
            self._check_items(items)
        return self._outputs(samples.users, samples.histories)

    def _outputs(self, users: NDArray[np.int32], histories: Sequences) -> Tensor:
        """The state after each history, shape (n, d).

        Neighbouring histories that continue each other, as those of a user's samples do, are read
        in one pass; passes of like length run together.
        """
        items = self.parameters()[0]
        if not len(histories):
            return items.new_zeros(0, items.shape[1])
        longest = self._longest_read()
        if longest is not None and histories.lengths.max(initial=0) > longest:
            histories = _latest(histories, longest)
        shared = SharedPrefixes.of(histories, users if self.reads_users else None)
        batches = by_length(histories.lengths[shared.longest], self._batch_size)
        starts, parts, start = [], [], 0
        for batch in batches:
            rows = shared.longest[batch]
            padded = PaddedRows.of(histories.offsets[rows], histories.lengths[rows])
            # an empty history is one padding item, whose vector is zero
            width = max(padded.width, 1)
            inputs = items.new_zeros(len(batch), width, items.shape[1])
            if padded.index.size:
                mask = torch.from_numpy(padded.filled).unsqueeze(-1).to(items.device)
                inputs = items[id_tensor(histories.items[padded.index]).to(items.device)] * mask
            owners = id_tensor(users[rows]).to(items.device)
            parts.append(self._states(inputs, owners, None).reshape(len(batch) * width, -1))
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
            queries: NDArray[np.float32] = self._outputs(users, histories).cpu().numpy()
        return queries

    def _query_items(self) -> NDArray[np.float32]:
        items: NDArray[np.float32] = self.parameters()[0].detach().cpu().numpy()
        return items

    # ------------------------------------------------------------------ training

    def _moving_tables(self, moving: MovingRows) -> list[NDArray[np.bool_] | None]:
        return [moving.items, *[None for _ in self.parameters()[1:]]]

    def _epoch_of_rows(
        self,
        train: Interactions,
        source: SampleSource,
        moving: MovingRows,
        sums: "tuple[NDArray[np.float32], ...]",
        *,
        seed: int,
    ) -> Epoch:
        tables = self._moving_tables(moving)
        if self._loss == "CE":
            # every sample of a softmax moves every item
            moving = replace(moving, users=np.ones_like(moving.users))
        return self._epoch(train, source, seed=seed, moving=moving, moving_tables=tables)

    def _epoch(
        self,
        train: Interactions,
        source: SampleSource,
        *,
        seed: int,
        moving: MovingRows | None = None,
        moving_tables: Sequence[NDArray[np.bool_] | None] = (),
    ) -> Epoch:
        items = self.parameters()[0]

        def of_vectors(
            vectors: Tensor,
            users: Tensor,
            trained: Tensor,
            positives: Tensor,
            negatives: Tensor,
            generator: torch.Generator,
            weights: Tensor | None,
        ) -> Tensor:
            outputs = self._states(vectors, users, generator)[trained]
            if self._loss == "CE" and items.device.type == "cpu":
                total = catalogue_cross_entropy(outputs, items, positives, weights)
                mean = total / len(positives)
            elif weights is None:
                mean = self._losses(outputs, positives, negatives).mean()
            else:
                mean = (weights * self._losses(outputs, positives, negatives)).mean()
            return mean

        of_loss = of_vectors if source.noise is None else under_noise(of_vectors, items, source)

        def loss(
            inputs: Tensor,
            users: Tensor,
            trained: Tensor,
            positives: Tensor,
            negatives: Tensor,
            generator: torch.Generator,
            weights: Tensor | None = None,
        ) -> Tensor:
            mean = of_loss(items[inputs], users, trained, positives, negatives, generator, weights)
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
            longest=self._longest_trained(),
            moving=moving,
            moving_tables=moving_tables,
        )


def _without_repeats(samples: TrainingSamples) -> tuple[TrainingSamples, NDArray[np.int64]]:
    """The samples without neighbours that differ in their negatives alone, and each one's place."""
    histories = samples.histories
    if histories is None or not len(samples):
        return samples, np.arange(len(samples))
    run, lengths = SharedPrefixes.of(histories, samples.users).run, histories.lengths
    repeats = (run[1:] == run[:-1]) & (lengths[1:] == lengths[:-1])
    repeats &= samples.positives[1:] == samples.positives[:-1]
    first = np.append(True, ~repeats)
    return samples.take(np.flatnonzero(first)), np.cumsum(first) - 1


def _latest(histories: Sequences, longest: int) -> Sequences:
    """The last ``longest`` items of each row."""
    lengths = np.minimum(histories.lengths, longest)
    offsets = np.zeros(len(histories) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    starts = histories.offsets[1:] - lengths
    gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    return Sequences(offsets, histories.items[gather])
