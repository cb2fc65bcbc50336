"""What an influence estimator implements, and the objective whose change it predicts."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts.recommenders import DifferentiableRecommender
from loki_bench.interactions import Interactions, Sequences

__all__ = ["InfluenceEstimator", "InfluenceObjective", "RetrainingEstimator"]


@dataclass(frozen=True, kw_only=True, eq=False)
class InfluenceObjective:
    """The quantity whose change an estimator predicts: a weighted sum of target scores.

    ``sum_t weights[t] * score(users[t], histories[t], items[t])``.

    Attributes
    ----------
    users, items : int32 arrays of shape (n,)
    histories : Sequences of n rows
    weights : float64 array of shape (n,)
    """

    users: NDArray[np.int32]
    histories: Sequences
    items: NDArray[np.int32]
    weights: NDArray[np.float64]


class InfluenceEstimator(ABC):
    """Predicts what adding fake users to the training data does to an objective (Eq. 2-3)."""

    @abstractmethod
    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        """Do all the work that does not depend on the candidates.

        Parameters
        ----------
        model : DifferentiableRecommender
            Fitted on ``train``; left as it is.
        train : Interactions
            What the model was trained on.
        objective : InfluenceObjective
            The weighted sum of n target scores, its arrays of shape (n,).
        seed : int
            The only source of randomness.

        Returns
        -------
        self

        Raises
        ------
        InvalidAnswerError
            The solver diverges, or the model can't be used.
        """

    @abstractmethod
    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """Predicted change of the objective when each candidate alone is added as a fake user.

        Parameters
        ----------
        candidates : Sequences of n rows
            Item sequences of fake users.

        Returns
        -------
        float64 array of shape (n,)
            In units of the objective, that is of scores; positive raises it.

        Raises
        ------
        Exception
            Of an item outside the catalogue, and before ``fit``.
        """

    @abstractmethod
    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Predicted change when each fake user's sequence is continued by one item.

        Parameters
        ----------
        prefixes : Sequences of n rows
            Sequences so far; a row may be empty.
        next_items : int32 array of shape (n,)
            One continuation a prefix.

        Returns
        -------
        float64 array of shape (n,)
            In units of the objective; LOKI's reward of a step.

        Raises
        ------
        Exception
            Of an item outside the catalogue, and before ``fit``.
        """

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """The marginal influence of every event given the events of its row before it.

        float64 array of shape (n_events,), in the order of ``sequences.items``: the rewards of
        whole rollouts at once. An estimator that can extend a prefix more cheaply than value it
        anew overrides this.
        """
        return self.marginal_influence(sequences.prefixes(), sequences.items)

    @property
    def report(self) -> dict[str, float]:
        """The solver's numbers: iterations, relative residual, damping ... They are recorded."""
        return {}


class RetrainingEstimator(InfluenceEstimator):
    """An estimator that predicts by training: it can be asked for any outcome of a whole attack.

    A sum of single fake users' influences says nothing of lists of K; a trained recommender does.
    """

    @abstractmethod
    def change_of(
        self, outcome: Callable[[DifferentiableRecommender], float], fake_users: Sequences
    ) -> float:
        """How an outcome of training changes when all of the fake users are added at once.

        Parameters
        ----------
        outcome : callable
            A number that a trained recommender has; 0 is its change without fake users.
        fake_users : Sequences
            A row for each fake user, of any lengths.

        Returns
        -------
        float, a number without shape
            The outcome after training with them less the one before.

        Raises
        ------
        Exception
            Of an item outside the catalogue, and before ``fit``.
        """
