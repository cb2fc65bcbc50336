"""What BPRMF and FPMC share: scores that are sums of inner products of table rows."""

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import FactorRecommender, FactorTerm, TrainingSamples
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.adversarial_factors import epoch_under_noise
from loki_bench_recbole.adversarial_fit import AdversarialFit
from loki_bench_recbole.compiled_epoch import CompiledEpoch
from loki_bench_recbole.differentiable_recommender import id_tensor, id_tensors
from loki_bench_recbole.factor_training import adagrad_epoch
from loki_bench_recbole.fine_tuning import FineTunableTraining
from loki_bench_recbole.lbfgs_training import minimise_factors
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.parameter_checks import (
    FactorTrainer,
    require_count,
    require_number,
    require_trainer,
)
from loki_bench_recbole.samples import SampleSource, last_items
from loki_bench_recbole.torch_training import AdamEpoch
from loki_bench_recbole.training_loop import Schedule
from loki_bench_recbole.weighted_fit import WeightedFit

__all__ = ["RecBoleFactorRecommender"]

LBFGS_L2 = 1.0
"""Default l2 of a row of a table: with it Amazon Beauty's factors neither vanish nor grow."""


class RecBoleFactorRecommender(WeightedFit, AdversarialFit, FineTunableTraining, FactorRecommender):
    """Score = sum of terms <row_table[r], item_table[i]>, pairwise loss log(1 + exp(-x)).

    x is the positive item's score minus the negative's. Every training sample adds
    ``l2 / 2 * |row|**2`` for each row of a table that it touches; with the ``lbfgs`` trainer
    every row of a table is charged once instead.

    Parameters
    ----------
    embedding_size : int
        Length of the factors.
    learning_rate : float
        Of row-wise AdaGrad (``compiled``) or Adam (``torch``).
    l2 : float or None
        None is ``default_l2``, and 1.0 for ``lbfgs``.
    batch_size : int
        Of the torch trainer; the compiled one steps after every sample. 2,048 is RecBole's
        default.
    tolerance : float
        ``lbfgs`` stops when no component of the gradient is larger.
    trainer : "compiled", "torch" or "lbfgs"
        Row-wise AdaGrad after every sample, in compiled code; Adam on batches, in torch; or
        L-BFGS on all samples with the negatives of ``training_samples(train, seed=<the fit's
        seed>)``, in float64, for surrogates whose gradient must be near zero. Give it more
        ``epochs``.
    device : str
        For the torch trainer, as torch names it.
    schedule : Schedule
        Epochs, validation and patience. ``lbfgs`` takes the epochs as the most iterations, and
        validation events do not stop it.
    """

    term_rows: ClassVar[tuple[Literal["user", "last-item"], ...]]
    """What picks the row in each term, in the order of :meth:`parameters`."""

    def __init__(
        self,
        *,
        embedding_size: int,
        learning_rate: float,
        l2: float | None,
        default_l2: float,
        batch_size: int,
        tolerance: float,
        trainer: FactorTrainer,
        device: str,
        schedule: Schedule,
    ) -> None:
        super().__init__(schedule=schedule, device=device)
        require_trainer(self.name, trainer, ("compiled", "torch", "lbfgs"), self._device)
        self._embedding_size = require_count(self.name, "embedding_size", embedding_size)
        self._batch_size = require_count(self.name, "batch_size", batch_size)
        self._learning_rate = require_number(self.name, "learning_rate", learning_rate, above=0)
        if l2 is None:
            l2 = LBFGS_L2 if trainer == "lbfgs" else default_l2
        self._l2 = require_number(self.name, "l2", l2)
        self._tolerance = require_number(self.name, "tolerance", tolerance, above=0)
        self._trainer = trainer

    # ------------------------------------------------------------------ FactorRecommender

    def factor_terms(self) -> tuple[FactorTerm, ...]:
        """The terms of the score; tables are views of the model's own memory."""
        tables = self._numpy_tables()
        return tuple(
            FactorTerm(
                row=row,
                row_table=tables[2 * term],
                item_table=tables[2 * term + 1],
                row_l2=self._l2,
                item_l2=self._l2,
            )
            for term, row in enumerate(self.term_rows)
        )

    @property
    def l2_per_sample(self) -> bool:
        """False for the ``lbfgs`` trainer, which charges every row once."""
        return self._trainer != "lbfgs"

    # ------------------------------------------------------------------ DifferentiableRecommender

    def sample_loss(self, samples: TrainingSamples) -> Tensor:
        """log(1 + exp(-x)) of each sample, shape (n,), without L2."""
        self._check_samples(samples)
        return F.softplus(-self._margin(*id_tensors(samples)))

    def l2_coefficients(self, samples: TrainingSamples) -> list[Tensor]:
        """A column of shape (n_rows, 1) for each table: l2 times the samples that touch the row.

        Users that ``fit`` did not see have no row and are not counted. The ``lbfgs`` trainer
        charges each row once: there it is l2 alone, whatever the samples.
        """
        if not self.l2_per_sample:
            return [torch.full((len(table), 1), self._l2) for table in self.parameters()]
        coefficients = []
        for row in self.term_rows:
            ids = samples.users if row == "user" else samples.last_items
            n_rows = self._n_users if row == "user" else self._n_items
            known = ids[(ids >= 0) & (ids < n_rows)]
            items = np.concatenate([samples.positives, samples.negatives])
            for touched, n in ((known, n_rows), (items, self._n_items)):
                counts = np.bincount(touched, minlength=n).astype(np.float32)
                coefficients.append(torch.from_numpy(self._l2 * counts[:, None]).float())
        return coefficients

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> Tensor:
        """The score of each (user, history, item), shape (n,)."""
        self._check_users(users)
        self._check_histories(users, histories)
        self._check_items(items)
        last = last_items(histories.offsets, histories.items)
        wanted = id_tensor(items)
        score = torch.zeros(len(users))
        for term in range(len(self.term_rows)):
            rows = self._rows(term, id_tensor(users), id_tensor(last))
            score = score + (rows * self.parameters()[2 * term + 1][wanted]).sum(-1)
        return score

    # ------------------------------------------------------------------ scores and losses

    def _queries(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        last = last_items(histories.offsets, histories.items)
        parts = []
        for row, table in zip(self.term_rows, self._numpy_tables()[::2], strict=True):
            ids = users if row == "user" else last
            parts.append(table[ids])
            parts[-1][ids < 0] = 0
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _query_items(self) -> NDArray[np.float32]:
        parts = self._numpy_tables()[1::2]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _numpy_tables(self) -> list[NDArray[np.float32]]:
        """The tables in the order of :meth:`parameters`; views on the CPU, copies elsewhere."""
        return [tensor.detach().cpu().numpy() for tensor in self.parameters()]

    def _rows(self, term: int, users: Tensor, last: Tensor) -> Tensor:
        """The row-side factors of a term, (n, d); zero where there is no last item."""
        table = self.parameters()[2 * term]
        if self.term_rows[term] == "user":
            return table[users]
        return table[last.clamp(min=0)] * (last >= 0).unsqueeze(-1)

    def _margin(self, users: Tensor, last: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        tables = self.parameters()
        margin = torch.zeros(len(users), device=tables[0].device)
        for term in range(len(self.term_rows)):
            items = tables[2 * term + 1]
            difference = items[positives] - items[negatives]
            margin = margin + (self._rows(term, users, last) * difference).sum(-1)
        return margin

    def _regularised_loss(
        self, users: Tensor, last: Tensor, positives: Tensor, negatives: Tensor
    ) -> Tensor:
        loss = F.softplus(-self._margin(users, last, positives, negatives))
        for term in range(len(self.term_rows)):
            items = self.parameters()[2 * term + 1]
            for rows in (self._rows(term, users, last), items[positives], items[negatives]):
                loss = loss + self._l2 / 2 * rows.square().sum(-1)
        return loss

    # ------------------------------------------------------------------ training

    def _train(
        self,
        train: Interactions,
        source: SampleSource,
        measure: Callable[[], float] | None,
        *,
        seed: int,
    ) -> dict[str, float]:
        if self._trainer != "lbfgs":
            return super()._train(train, source, measure, seed=seed)
        report = minimise_factors(
            self._sample_rows(source),
            source.positives,
            source.negatives(seed=seed, epoch=0),
            tuple(self._numpy_tables()),
            l2=self._l2,
            weights=source.weights,
            max_iterations=self._schedule.epochs,
            tolerance=self._tolerance,
        )
        if not all(map(math.isfinite, report.values())):  # the weights are then as they began
            raise InvalidAnswerError(
                f"{self.name}: training diverged, the objective or its gradient is not finite; "
                "use a smaller l2, or smaller weights of events"
            )
        return report | ({"validation_ndcg@10": measure()} if measure else {})

    def _refuse_noise(self) -> None:
        if self._trainer != "compiled":
            raise ParameterError(
                f"{self.name}: trainer '{self._trainer}' knows no noise; give trainer = 'compiled' "
                "to train against it"
            )

    def _sample_rows(self, source: SampleSource) -> tuple[NDArray[np.int32], ...]:
        return tuple(source.users if row == "user" else source.last_items for row in self.term_rows)

    def _moving_tables(self, moving: MovingRows) -> list[NDArray[np.bool_] | None]:
        tables: list[NDArray[np.bool_] | None] = []
        for row in self.term_rows:
            tables += [moving.users if row == "user" else moving.items, moving.items]
        return tables

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
        tables = tuple(self._numpy_tables())
        if source.noise is not None:
            return epoch_under_noise(
                source,
                self._sample_rows(source),
                tables,
                noise=source.noise,
                learning_rate=self._learning_rate,
                l2=self._l2,
                seed=seed,
            )
        return CompiledEpoch(
            source,
            self._sample_rows(source),
            tables,
            lambda rows, positives, negatives, weights, accumulators: adagrad_epoch(
                rows,
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
