"""What a defense implements, and what it did to the training data."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions

__all__ = ["Defended", "Defense", "WeightingDefense"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Defended:
    """What a defense did to the training data, and what that cost before any attack.

    Attributes
    ----------
    kept : bool array of shape (n_users + n_fake_users,)
        Which users of the poisoned data it kept: genuine users first, then the fake ones.
    suspicion : float64 array of shape (n_users + n_fake_users,), or None
        How suspicious each of these users was to it; None where it gives no such number.
    clean_kept : bool array of shape (n_users,)
        Which users of the clean data it kept.
    user_weights : float64 array of shape (n_users + n_fake_users,), or None
        What is left of each of these users, 0 to 1: the mean weight of the user's events where the
        defense weighs them. None where it keeps or drops whole users.
    undefended_test_ranks : float64 array of shape (n_evaluated_users,)
        Rank of each genuine user's own test item with neither attack nor defense.
    """

    kept: NDArray[np.bool_]
    suspicion: NDArray[np.float64] | None
    clean_kept: NDArray[np.bool_]
    undefended_test_ranks: NDArray[np.float64]
    user_weights: NDArray[np.float64] | None = None


class Defense(ABC):
    """Chooses which users' events the victim is trained on.

    It knows neither which users are fake nor how many: the host passes the users in random order
    and without their tokens.
    """

    @abstractmethod
    def keep(self, train: Interactions, *, seed: int) -> NDArray[np.bool_]:
        """Which users to keep; a defense may drop users, never add or change events.

        Parameters
        ----------
        train : Interactions
            Training events of all users, genuine and fake; read-only. A row may be empty.
        seed : int
            The only source of randomness that the defense may use.

        Returns
        -------
        bool array of shape (n_users,)
            False for users whose events the victim is not trained on. Anything else, and keeping no
            event at all, fails the cell.

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """

    @property
    def suspicion(self) -> NDArray[np.float64] | None:
        """How suspicious each user of the last :meth:`keep` is; higher is more suspicious.

        float64 array of shape (n_users,), finite; None where the defense has no such number.
        The host measures how well it ranks fake users above genuine ones, whatever the threshold.
        """
        return None

    @property
    def report(self) -> dict[str, float]:
        """Numbers worth recording about the last :meth:`keep`: its threshold, for example."""
        return {}


class WeightingDefense(Defense):
    """Says how much each user, or each event, counts when the victim is trained.

    Its spec says ``form="weights"``. Only a victim whose spec says ``takes_weights`` can be trained
    behind it. A user whose events all have weight 0 is dropped, as by :meth:`Defense.keep`.
    """

    @abstractmethod
    def weigh(self, train: Interactions, *, seed: int) -> NDArray[np.float64]:
        """The weight of each user or of each event.

        Parameters
        ----------
        train, seed
            See :meth:`Defense.keep`.

        Returns
        -------
        float64 array of shape (n_users,) or (n_events,)
            From 0 (not trained on) to 1 (as without a defense); events in the order of
            ``train.items``. Anything else, and no weight at all, fails the cell. Where there are
            as many users as events they are taken for the users'.

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """

    def keep(self, train: Interactions, *, seed: int) -> NDArray[np.bool_]:
        """Users that :meth:`weigh` leaves some weight, and those without events.

        Parameters
        ----------
        train, seed
            See :meth:`Defense.keep`.

        Returns
        -------
        bool array of shape (n_users,)

        Raises
        ------
        Exception
            As :meth:`weigh`.
        """
        weights = self.weigh(train, seed=seed)
        if weights.shape == (train.n_users,):
            return np.asarray((weights > 0) | (train.lengths == 0))
        left = np.bincount(train.rows, weights, minlength=train.n_users)
        return np.asarray((left > 0) | (train.lengths == 0))
