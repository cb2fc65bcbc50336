"""What the recommenders share that can train some rows anew while all else stays."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import RowwiseRecommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.differentiable_recommender import DifferentiableRecBoleRecommender
from loki_bench_recbole.model_building import one_torch_thread
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.training_loop import Schedule, run_epochs

__all__ = ["RowwiseTraining"]


class RowwiseTraining(DifferentiableRecBoleRecommender, RowwiseRecommender):
    """A recommender whose trainer can leave rows as they are."""

    @abstractmethod
    def _epoch_of_rows(
        self,
        train: Interactions,
        source: SampleSource,
        moving: MovingRows,
        sums: "tuple[NDArray[np.float32], ...]",
        *,
        seed: int,
    ) -> Epoch:
        """The trainer of a fit that moves some rows; ``sums`` are those of :meth:`_ended_sums`.

        Raises ``ParameterError`` where its trainer can't train some rows alone.
        """

    @abstractmethod
    def _moving_tables(self, moving: MovingRows) -> list[NDArray[np.bool_] | None]:
        """Which rows of each of :meth:`parameters` move; None where none does."""

    def _ended_sums(self) -> "tuple[NDArray[np.float32], ...]":
        """AdaGrad's sums at the end of the fit, an array for each table; none where it has none."""
        return ()

    def _keep_sums(self, epoch: Epoch) -> None:
        """Keep what :meth:`_ended_sums` gives after this trainer has run; nothing where none."""

    @contextmanager
    def _unchanged_by_failure(self) -> Iterator[None]:
        """Put a fit that can't be taken up, or whose training fails, back as it was.

        What goes on from a fit builds a new model beside the old one, whose memory nobody writes
        to: to point at the old one again is enough.
        """
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def fit_rows(
        self,
        train: Interactions,
        *,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        seed: int,
    ) -> Self:
        """See :meth:`loki_bench.contracts.RowwiseRecommender.fit_rows`; always on the CPU.

        What a model has beside the rows of users and items (a network, what all users share)
        stays. Where the fit before was one of AdaGrad, other items take, on the samples that are
        trained on, the small steps that its sums leave them: they are what fake users' negatives
        push down. Where they can't move, a small attack seems to reach nobody. What is refused or
        diverges leaves the fit as it was.
        """
        with self._unchanged_by_failure():
            self._fit_rows(train, users, items, seed)
        return self

    def _fit_rows(
        self,
        train: Interactions,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        seed: int,
    ) -> None:
        before = [tensor.detach().clone() for tensor in self.parameters()]
        self._check_seed(seed)
        self._check_users(users)
        self._check_items(items)
        if train.n_users < self._n_users or train.n_items != self._n_items:
            raise ParameterError(
                f"{self.name}: was fitted on {self._n_users} users and {self._n_items} items, and "
                f"is given {train.n_users} and {train.n_items} to train some rows on; give the "
                "same catalogue, and further users behind the others"
            )
        n_epochs = int(self._report.get("best_epoch", self._report["epochs"]))
        moving = MovingRows.of(
            users, items, n_before=self._n_users, n_users=train.n_users, n_items=train.n_items
        )
        source = SampleSource.of(train, from_first=self.from_first)
        sums, length = self._ended_sums(), self._built_length
        self._forget()
        self._n_users, self._n_items = train.n_users, train.n_items
        # a network stays as it is: it gains no position, and loses none, by the length of fake rows
        self._model = self._built(train, seed=seed, max_length=length)
        for tensor, old, rows in zip(
            self.parameters(), before, self._moving_tables(moving), strict=True
        ):
            stay = torch.ones(len(old), dtype=torch.bool)
            if rows is not None:
                stay = torch.from_numpy(~rows[: len(old)])
            tensor.data[: len(old)][stay] = old[stay]
        with one_torch_thread():
            run_epoch = self._epoch_of_rows(train, source, moving, sums, seed=seed)
            self._report = run_epochs(
                run_epoch,
                self.parameters(),
                schedule=Schedule(epochs=max(n_epochs, 1), validate_every=1, patience=1),
                measure=None,
                who=self.name,
            )
        self._keep_sums(run_epoch)
        self._model.eval()
        self._n_samples = len(source)
