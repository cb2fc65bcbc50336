"""Fits that take a weight for each event: the trainers multiply each sample's loss with its own."""

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import WeightedRecommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions
from loki_bench.split import HeldOut
from loki_bench_recbole.adapter import RecBoleRecommender

__all__ = ["WeightedFit"]


class WeightedFit(RecBoleRecommender, WeightedRecommender):
    """A recommender whose trainers read the weights of :class:`SampleSource`.

    A sample has the weight of the event that it predicts. Where L2 is charged once a sample it is
    multiplied, too: a sample of weight 0 moves nothing. L2 that is charged once a batch (gru4rec,
    sasrec) or once a row (the ``lbfgs`` trainer) is not, and the mean of a batch is over all of its
    samples, whatever they weigh.
    """

    def fit_weighted(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        weights: NDArray[np.float64],
    ) -> Self:
        """See :meth:`loki_bench.contracts.WeightedRecommender.fit_weighted`.

        Raises
        ------
        ParameterError
            Not one finite weight of 0 or more for each event; what ``fit`` raises.
        """
        if weights.shape != (train.n_events,) or not (weights >= 0).all():
            raise ParameterError(
                f"{self.name}: weights of shape {weights.shape} for {train.n_events} events; give "
                "one for each event, 0 or more"
            )
        if not np.isfinite(weights).all():
            raise ParameterError(f"{self.name}: a weight is infinite; give finite ones")
        # without weights the compiled loops have no multiplication: the bits are those of fit
        return self._fit(train, validation, seed, None if (weights == 1).all() else weights)
