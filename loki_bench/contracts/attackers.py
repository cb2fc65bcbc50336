"""What an attack implements, and all that it knows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts.goals import Budget, Goal
from loki_bench.contracts.influence import InfluenceEstimator
from loki_bench.contracts.recommenders import Recommender
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import Repeats

__all__ = ["Attacker", "AttackerView", "QueryOracle", "Surrogate"]


class Surrogate(Protocol):
    """A recommender of the suite's surrogate pool, as an attacker is provided with it.

    Attributes
    ----------
    name : str
        The name that the suite gives it, with its parameters where two have the same: those of a
        view are all different.
    weight : float
        Its weight w_m in the simulator's vote (the paper, Eq. 1).
    train : Interactions
        What it is trained on: the attacker's history without each tested user's last event,
        which serves as its validation event.
    """

    name: str
    weight: float
    train: Interactions

    def fit(self) -> Recommender:
        """The recommender trained on ``train`` with the surrogate's own seed.

        The host trains it at most once for all cells that share it; a second call returns the
        same object, which must not be changed.
        """
        ...


class QueryOracle(Protocol):
    """A limited number of queries to the black-box victim; the host counts them.

    The victim is trained on genuine users alone. A query
    names one of them, and the victim answers for the history that the attacker knows, or it is a
    sequence that the attacker made up; see ``docs/threat-model.md``.

    Attributes
    ----------
    n_left : int
        Number of queries still allowed.
    """

    n_left: int

    def top_k(self, user: int) -> NDArray[np.int32]:
        """The clean victim's top-K list for the user, best first; costs one query.

        int32 array of shape (K,), shorter where the catalogue has no more items outside the
        user's own history. A second query for the same user costs another one.

        Raises ``RejectedError`` when no query is left or there is no such user: the cell is then
        rejected, even if the attacker catches it.
        """
        ...

    def top_k_of(self, items: NDArray[np.int32]) -> NDArray[np.int32]:
        """The clean victim's top-K list for somebody with this history; costs one query.

        Granted where the attacker's spec names ``"sequence-queries"``, against victims that a
        history alone decides (``RecommenderSpec.answers_sequences``): others would have to be
        trained on a user first.

        Parameters
        ----------
        items : int32 array of shape (n,)
            Items of the catalogue, oldest first; n from 1 to 1,000.

        Returns
        -------
        int32 array of shape (K,), as of :meth:`top_k`; the items of the history are left out
        unless ``AttackerView.repeats`` is ``"allow"``.

        Raises
        ------
        RejectedError
            As :meth:`top_k`; also of anything but such a history, and where it is not granted.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackerView:
    """All that an attacker knows. It never sees a test event, the victim, or the victim's seed.

    Attributes
    ----------
    history : Interactions
        Genuine users' events up to the one before the test event (the paper's assumption 1).
    goal : Goal
    budget : Budget
    seed : int
        The only source of randomness that the attack may use.
    surrogates : tuple of Surrogate
        Empty unless the attacker's spec says that it needs them.
    influence : callable or None
        Makes a new, unfitted influence estimator, the one that the suite chose. None unless the
        attacker's spec says that it needs one.
    oracle : QueryOracle or None
        None unless the suite grants queries and the attacker's spec says that it needs them.
    repeats : "mask", "allow" or "drop-later"
        Whether a user is ever shown an item that it had before: with "allow" it is. The rule of
        the victim's lists, of the oracle's answers and of the metrics.
    prepared : mapping of str to array, or None
        The answer of :meth:`Attacker.prepare`; None where the attacker was not asked to prepare.
    """

    history: Interactions
    goal: Goal
    budget: Budget
    seed: int
    surrogates: tuple[Surrogate, ...] = ()
    influence: Callable[[], InfluenceEstimator] | None = None
    oracle: QueryOracle | None = None
    repeats: Repeats = "mask"
    prepared: Mapping[str, NDArray[Any]] | None = None


class Attacker(ABC):
    """Writes the fake users' item sequences.

    It may have an attribute or a property ``report``: numbers and text worth recording about the
    last :meth:`poison`, by name, such as ``{"loss": 0.5, "rounds": 3}``. Plain data, at most 64 KiB
    as JSON; a number that is not finite fails the cell. The record keeps it.
    """

    @abstractmethod
    def poison(self, view: AttackerView) -> Sequences:
        """Write the sequences.

        Parameters
        ----------
        view : AttackerView
            All that the attacker knows; read-only.

        Returns
        -------
        Sequences
            At most ``view.budget.n_fake_users`` rows, each of 1 to ``view.budget.n_actions`` items
            of the catalogue: int32 items of shape (n_events,), int64 offsets of shape
            (n_rows + 1,). The host assigns the fake users' ids. Anything else is rejected with the
            reason; it is never clipped or repaired.

        Raises
        ------
        RejectedError
            The goal can't be reached with what is provided: the cell is ``rejected`` with this
            reason. Any other exception makes it ``failed``.
        """

    def prepare(self, view: AttackerView) -> Mapping[str, NDArray[Any]]:
        """Learn what does not depend on the number of fake users.

        Called where the attacker's spec says that it ``prepares``: once for all shares of fake
        users that a suite compares. Each of them then gets the answer as ``view.prepared``.

        Parameters
        ----------
        view : AttackerView
            As :meth:`poison` gets it, with ``budget.n_fake_users`` 0.

        Returns
        -------
        mapping of str to array
            Numbers or text, of any shape; no array of Python objects.
        """
        return {}
