"""TransRec: a user is a translation from one item to the next (He et al., RecSys 2017)."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.contracts import TrainingSamples, TranslationRecommender, TranslationTables
from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.compiled_epoch import CompiledEpoch
from loki_bench_recbole.differentiable_recommender import id_tensor, id_tensors
from loki_bench_recbole.fine_tuning import FineTunableTraining
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.parameter_checks import (
    Trainer,
    require_count,
    require_number,
    require_trainer,
)
from loki_bench_recbole.samples import SampleSource, last_items
from loki_bench_recbole.torch_training import AdamEpoch
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.translation_training import adagrad_epoch_translation, distance_scores
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["TransRec"]


class TransRec(WeightedFit, FineTunableTraining, TranslationRecommender):
    """RecBole's ``TransRec``: score(u, l, i) = b_i - |T + u + l - i|, l the last item.

    A training sample for every event but the user's first, loss log(1 + exp(-x)) with x the
    positive's score minus the negative's. After an empty history the last item's vector is zero.

    RecBole's ``calculate_loss`` adds to the mean loss three detached terms, which have no
    gradient, and ``sum |T_k|``. Here, as in the paper (Eq. 6), every sample adds
    ``l2 / 2 * |.|**2`` for each vector and bias that it touches, T included. Like RecBole's
    class this one does not keep item vectors inside the unit ball.

    Parameters
    ----------
    embedding_size : int
        64 is RecBole's default.
    epochs, validate_every, patience : int
        See :class:`~loki_bench_recbole.training_loop.Schedule`.
    learning_rate : float
        Of row-wise AdaGrad (``compiled``) or Adam (``torch``).
    l2 : float
    batch_size : int
        Of the torch trainer; the compiled one steps after every sample.
    trainer : "compiled" or "torch"
    device : str
        For the torch trainer, as torch names it.
    """

    name = "transrec"
    model_class = "recbole.model.sequential_recommender.transrec:TransRec"
    from_first = False
    scores_are_products = False

    def __init__(
        self,
        *,
        embedding_size: int = 64,
        epochs: int = 40,
        learning_rate: float = 0.05,
        l2: float = 0.001,
        validate_every: int = 5,
        patience: int = 2,
        batch_size: int = 2048,
        trainer: Trainer = "compiled",
        device: str = "cpu",
    ) -> None:
        super().__init__(
            schedule=Schedule(epochs=epochs, validate_every=validate_every, patience=patience),
            device=device,
        )
        require_trainer(self.name, trainer, ("compiled", "torch"), self._device)
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._batch_size = require_count(self.name, "batch_size", batch_size)
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        self._l2 = require_number(self.name, "l2", l2)
        self._trainer = trainer

    def _model_parameters(self) -> dict[str, object]:
        return {"embedding_size": self._embedding_size}

    def _weights(self, model: nn.Module) -> list[Tensor]:
        return [
            model.get_parameter("user_embedding.weight")[1:],
            model.get_parameter("item_embedding.weight")[1:],
            model.get_parameter("bias.weight")[1:],
            model.get_parameter("T").unsqueeze(0),
        ]

    # ------------------------------------------------------------------ DifferentiableRecommender

    def sample_loss(self, samples: TrainingSamples) -> Tensor:
        """log(1 + exp(-x)) of each sample, shape (n,), without L2."""
        self._check_samples(samples)
        return F.softplus(-self._margin(*id_tensors(samples)))

    def l2_coefficients(self, samples: TrainingSamples) -> list[Tensor]:
        """A column (n_rows, 1) for each table: l2 times the touches of the row by the samples.

        Users that ``fit`` did not see have no row and are not counted.
        """
        items = np.concatenate([samples.positives, samples.negatives])
        lasts = samples.last_items[samples.last_items >= 0]
        users = samples.users[samples.users < self._n_users]
        counts = (
            np.bincount(users, minlength=self._n_users),
            np.bincount(np.concatenate([items, lasts]), minlength=self._n_items),
            np.bincount(items, minlength=self._n_items),
            np.array([len(samples)]),
        )
        return [torch.from_numpy(self._l2 * count[:, None]).float() for count in counts]

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> Tensor:
        """The score of each (user, history, item), shape (n,)."""
        self._check_users(users)
        self._check_histories(users, histories)
        self._check_items(items)
        last = last_items(histories.offsets, histories.items)
        return self._score(self._translated(id_tensor(users), id_tensor(last)), id_tensor(items))

    def translation_tables(self) -> TranslationTables:
        """Views of the trained tables."""
        users, items, biases, shared = (t.detach().numpy() for t in self.parameters())
        return TranslationTables(
            users=users, items=items, biases=biases[:, 0], shared=shared[0], l2=self._l2
        )

    def _translated(self, users: Tensor, last: Tensor) -> Tensor:
        user_table, item_table, _, shared = self.parameters()
        # filled, not multiplied: along a direction torch imports its compiler to multiply by what
        # does not move, and that takes a second of each attack's process
        steps = item_table[last.clamp(min=0)].masked_fill((last < 0).unsqueeze(-1), 0.0)
        return shared + user_table[users] + steps

    def _score(self, translated: Tensor, items: Tensor) -> Tensor:
        _, item_table, biases, _ = self.parameters()
        return biases[items, 0] - (translated - item_table[items]).square().sum(-1).sqrt()

    def _margin(self, users: Tensor, last: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        translated = self._translated(users, last)
        return self._score(translated, positives) - self._score(translated, negatives)

    # ------------------------------------------------------------------ scores and training

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        last = last_items(histories.offsets, histories.items)
        with torch.no_grad():
            device = self.parameters()[0].device
            translated = self._translated(id_tensor(users).to(device), id_tensor(last).to(device))
        queries: NDArray[np.float32] = translated.cpu().numpy()
        return queries

    def _query_items(self) -> NDArray[np.float32]:
        items: NDArray[np.float32] = self.parameters()[1].detach().cpu().numpy()
        return items

    def _scores(
        self, queries: NDArray[np.float32], items: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        scores = queries @ items.T
        distance_scores(
            scores,
            np.square(queries).sum(1),
            np.square(items).sum(1),
            self.parameters()[2].detach().cpu().numpy()[:, 0].copy(),
        )
        return scores

    def _regularised_loss(
        self, users: Tensor, last: Tensor, positives: Tensor, negatives: Tensor
    ) -> Tensor:
        loss = F.softplus(-self._margin(users, last, positives, negatives))
        user_table, item_table, biases, shared = self.parameters()
        for rows in (
            user_table[users],
            item_table[last],
            item_table[positives],
            item_table[negatives],
            biases[positives],
            biases[negatives],
            shared,
        ):
            loss = loss + self._l2 / 2 * rows.square().sum(-1)
        return loss

    def _moving_tables(self, moving: MovingRows) -> list[NDArray[np.bool_] | None]:
        return [moving.users, moving.items, moving.items, None]

    def _epoch(
        self,
        train: Interactions,
        source: SampleSource,
        *,
        seed: int,
        moving: MovingRows | None = None,
        sums: "tuple[NDArray[np.float32], ...]" = (),
    ) -> Epoch:
        if self._trainer == "torch":
            return AdamEpoch(
                source,
                self.parameters(),
                self._regularised_loss,
                learning_rate=self._learning_rate,
                batch_size=self._batch_size,
                seed=seed,
            )
        tables = tuple(tensor.detach().numpy() for tensor in self.parameters())
        return CompiledEpoch(
            source,
            (source.users, source.last_items),
            tables,
            lambda rows, positives, negatives, weights, accumulators: adagrad_epoch_translation(
                rows[0],
                rows[1],
                positives,
                negatives,
                tables,
                accumulators,
                np.float32(self._learning_rate),
                np.float32(self._l2),
                weights,
            ),
            seed=seed,
            moving=moving,
            moving_tables=() if moving is None else self._moving_tables(moving),
            sums_before=sums,
        )
