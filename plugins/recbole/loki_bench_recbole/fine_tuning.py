"""What the compiled trainers can do more: go on from a fit, with more users and their events."""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import FineTunableRecommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.compiled_epoch import CompiledEpoch
from loki_bench_recbole.model_building import one_torch_thread
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.parameter_checks import require_trainer_of_rows
from loki_bench_recbole.rowwise_training import RowwiseTraining
from loki_bench_recbole.samples import SampleSource
from loki_bench_recbole.training_loop import Schedule, run_epochs

__all__ = ["FineTunableTraining"]


class FineTunableTraining(RowwiseTraining, FineTunableRecommender):
    """A fit that keeps AdaGrad's sums, so that it can be taken up where it ended.

    Without them the first steps after it would be as long as the very first ones, which undo what
    was learnt: a step is divided by the root of the sum. The sums kept are those of the weights
    kept, of the best epoch where validation events chose one.
    """

    _trainer: str
    _sums: "tuple[NDArray[np.float32], ...]" = ()

    def _forget(self) -> None:
        super()._forget()
        self._sums = ()

    def _ended_sums(self) -> "tuple[NDArray[np.float32], ...]":
        return self._sums

    def _keep_sums(self, epoch: Epoch) -> None:
        self._sums = epoch.ended_sums if isinstance(epoch, CompiledEpoch) else ()

    @abstractmethod
    def _epoch(
        self,
        train: Interactions,
        source: SampleSource,
        *,
        seed: int,
        moving: MovingRows | None = None,
        sums: "tuple[NDArray[np.float32], ...]" = (),
    ) -> Epoch:
        """The trainer of one fit; ``moving`` and ``sums`` as in :meth:`_epoch_of_rows`."""

    def _epoch_of_rows(
        self,
        train: Interactions,
        source: SampleSource,
        moving: MovingRows,
        sums: "tuple[NDArray[np.float32], ...]",
        *,
        seed: int,
    ) -> Epoch:
        require_trainer_of_rows(self.name, self._trainer)
        return self._epoch(train, source, seed=seed, moving=moving, sums=sums)

    def _train(
        self,
        train: Interactions,
        source: SampleSource,
        measure: Callable[[], float] | None,
        *,
        seed: int,
    ) -> dict[str, float]:
        return self._run(self._epoch(train, source, seed=seed), self._schedule, measure)

    def _run(
        self, epoch: Epoch, schedule: Schedule, measure: Callable[[], float] | None
    ) -> dict[str, float]:
        self._keep_sums(epoch)
        trained = [*self.parameters(), *map(torch.from_numpy, self._sums)]
        return run_epochs(epoch, trained, schedule=schedule, measure=measure, who=self.name)

    def fine_tune(self, train: Interactions, *, seed: int, epochs: int) -> Self:
        """Go on for ``epochs`` epochs; see :meth:`FineTunableRecommender.fine_tune`.

        A new user's row begins as the initialisation of ``seed`` has it.

        Raises
        ------
        UsageError
            Not fitted.
        ParameterError
            The trainer is not ``compiled``: only that one keeps what it needs. Or the data is not
            that of the fit with further users. The fit is then as it was.
        """
        with self._unchanged_by_failure():
            self._fine_tune(train, seed, epochs)
        return self

    def _fine_tune(self, train: Interactions, seed: int, epochs: int) -> None:
        fitted, sums = [tensor.detach().clone() for tensor in self.parameters()], self._sums
        self._check_seed(seed)
        if not sums:
            raise ParameterError(
                f"{self.name}: only a fit with trainer = 'compiled' can be taken up, this one has "
                f"'{self._trainer}'"
            )
        if train.n_items != self._n_items or train.n_users < self._n_users:
            raise ParameterError(
                f"{self.name}: {train.n_users} users and {train.n_items} items to go on with; the "
                f"fit had {self._n_users} and {self._n_items}, users may only be added"
            )
        source = SampleSource.of(train, from_first=self.from_first)
        if not len(source):
            raise ParameterError(
                f"{self.name}: nothing to go on with, no user has at least "
                f"{SampleSource.what_gives_one(from_first=self.from_first)}"
            )
        self._model = self._built(train, seed=seed)
        self._views, self._n_users = None, train.n_users
        for tensor, old in zip(self.parameters(), fitted, strict=True):
            tensor.data[: len(old)] = old
        epoch = self._epoch(train, source, seed=seed)
        if isinstance(epoch, CompiledEpoch):
            for total, old_total in zip(epoch.accumulators, sums, strict=True):
                total[: len(old_total)] = old_total
        schedule = Schedule(epochs=epochs, validate_every=epochs, patience=1)
        before = self._report["epochs"]
        with one_torch_thread():
            self._report = {**self._run(epoch, schedule, None), "epochs_before": before}
        self._model.eval()
        self._views = None
        self._n_samples = len(source)
