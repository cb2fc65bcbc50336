"""What a recommender implements that can train some of its rows anew while all else stays."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts.recommenders import DifferentiableRecommender
from loki_bench.interactions import Interactions

__all__ = ["RowwiseRecommender"]


class RowwiseRecommender(DifferentiableRecommender):
    """A recommender with a row of its own for each item, and perhaps for each user.

    Fake users of a small budget move few rows: those of the items that they select and of the
    users who have these. Training these alone is a retraining at the cost of their samples.
    """

    @abstractmethod
    def fit_rows(
        self,
        train: Interactions,
        *,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        seed: int,
    ) -> Self:
        """Train the rows of some users and items from scratch; no other user's row moves.

        What is no row of a user or an item stays, too; other items may take the small steps that
        a trained row still takes on the samples of those that are trained. As many epochs as the
        fit before took, without validation. The recommender itself changes: whoever needs it as it
        was copies it before.

        Parameters
        ----------
        train : Interactions
            The same catalogue and the same users, perhaps with further ones behind them, whose
            rows are always trained.
        users : int32 array of shape (n_users_moved,)
            Without effect where users have no rows.
        items : int32 array of shape (n_items_moved,)
        seed : int
            The only source of randomness: the same arguments give the same bits.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            Fewer users or another catalogue than the fit before, an unknown id, or a trainer that
            can't train some rows alone.
        """
