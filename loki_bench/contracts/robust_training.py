"""What a defense implements that trains the victim itself, in its own way."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts.adversarial_training import AdversarialNoise
from loki_bench.interactions import Interactions, Sequences

__all__ = ["FittedVictim", "RobustTraining", "VictimTrainer"]


class FittedVictim(ABC):
    """A victim that was trained for a defense. Users are those of the data that it was shown."""

    @abstractmethod
    def scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Scores of all items, see :meth:`loki_bench.contracts.Recommender.score_next`.

        Returns
        -------
        float32 array of shape (batch, n_items)

        Raises
        ------
        InvalidAnswerError
            A user that is not among those shown, or scores that break the recommender's contract.
        """

    @abstractmethod
    def top_k(self, users: NDArray[np.int32], histories: Sequences, k: int) -> NDArray[np.int32]:
        """The ``k`` items of the highest scores, best first, as the protocol shows them.

        Items of the history are left out, unless it has ``repeats = "allow"``.

        Returns
        -------
        int32 array of shape (batch, k)
            -1 at the end of a row where the catalogue has no more to show.

        Raises
        ------
        InvalidAnswerError
            A user that is not among those shown, or scores that break the recommender's contract.
        """


class VictimTrainer(ABC):
    """Trains the victim as often as a defense asks, each time anew.

    The host trains: with the victim's parameters, a seed for each fit (the first one is that of
    the victim without a defense), and early stopping on validation events that the defense is not
    shown, since only genuine users have any.
    """

    @abstractmethod
    def fit(
        self,
        *,
        kept: NDArray[np.bool_] | None = None,
        weights: NDArray[np.float64] | None = None,
        noise: AdversarialNoise | None = None,
    ) -> FittedVictim:
        """A victim trained on the data that the defense was shown, or on a part of it.

        Parameters
        ----------
        kept : bool array of shape (n_users,), or None
            Users whose events are trained on. The others have an id, and no event.
        weights : float64 array of shape (n_events,), or None
            The weight of each event, 0 to 1, in the order of the data that the defense was shown.
            Only where the spec of the defense says ``needs_weights``.
        noise : AdversarialNoise or None
            What the victim is trained against; users are those that the defense was shown. Only
            where the spec of the defense says ``needs_noise``, and not beside weights.

        Returns
        -------
        FittedVictim

        Raises
        ------
        InvalidAnswerError
            The arrays are not as said, no event is left, there are weights and noise, or it is
            the 101st fit.
        """


class RobustTraining(ABC):
    """Trains the victim so that fake users matter less, and answers in its place.

    Its spec says ``form="training"``. It is shown the same data as a :class:`Defense`: users in an
    order drawn at random, without tokens. It may leave users out and weigh events, never add or
    change one. The data without any fake user goes through it, too.
    """

    @abstractmethod
    def fit(self, victim: VictimTrainer, train: Interactions, *, seed: int) -> None:
        """Train; an earlier fit is forgotten.

        Parameters
        ----------
        victim : VictimTrainer
            Trains the recommender that is to be defended, as often as one likes.
        train : Interactions
            Training events of all users, genuine and fake; read-only. A row may be empty.
        seed : int
            The only source of randomness that the defense may use.

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """

    @abstractmethod
    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Scores of all items, see :meth:`loki_bench.contracts.Recommender.score_next`.

        Parameters
        ----------
        users : int32 array of shape (batch,)
            Ids as in the ``train`` of :meth:`fit`.
        histories : Sequences of batch rows

        Returns
        -------
        float32 array of shape (batch, n_items)
            Finite; the host masks and ranks.

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """

    @property
    def report(self) -> dict[str, float]:
        """Numbers worth recording about the last fit; they go beside the victim's own."""
        return {}
