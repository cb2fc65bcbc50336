"""What plugins implement (abstract classes) and what the host hands them (frozen dataclasses).

An abstract class can gain a method with a default later without breaking anyone. Everything
handed over is immutable; everything handed back is checked by the host before it is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions, Sequences, locked
from loki_bench.split import HeldOut

if TYPE_CHECKING:  # plugin discovery reads this module, and must not import torch
    from torch import Tensor

__all__ = [
    "Attacker",
    "AttackerView",
    "Budget",
    "DatasetLoader",
    "Defended",
    "Defense",
    "DifferentiableRecommender",
    "FactorRecommender",
    "FactorTerm",
    "Goal",
    "GoalKind",
    "InfluenceEstimator",
    "InfluenceObjective",
    "Metric",
    "Outcome",
    "QueryOracle",
    "Recommender",
    "Surrogate",
    "TrainingSamples",
    "TranslationRecommender",
    "TranslationTables",
    "ids",
]

GoalKind: TypeAlias = Literal["promote", "demote"]
"""What is to become of the target items: shown to the target users, or shown to them no longer."""


# --------------------------------------------------------------------------- what the host says


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """What an attack wants.

    Attributes
    ----------
    items : int32 array of shape (n_targets,)
        The target items, all different.
    users : int32 array of shape (n_target_users,)
        The target users, all different, all genuine.
    kind : "promote" or "demote"
    """

    items: NDArray[np.int32]
    users: NDArray[np.int32]
    kind: GoalKind = "promote"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that an attack may inject.

    Attributes
    ----------
    n_fake_users : int
        Number of fake users.
    n_actions : int
        Number of events of each fake user (the paper's M).
    """

    n_fake_users: int
    n_actions: int


class Surrogate(Protocol):
    """A recommender of the suite's surrogate pool, lent to an attacker.

    Attributes
    ----------
    name : str
        The name that the suite gives it.
    weight : float
        Its weight w_m in the simulator's vote (the paper, Eq. 1).
    train : Interactions
        What it is trained on: the attacker's history without each tested user's last event,
        which serves as its validation event.
    """

    name: str
    weight: float
    train: Interactions

    def fit(self) -> "Recommender":
        """The recommender trained on ``train`` with the surrogate's own seed.

        The host trains it at most once for all cells that share it; a second call returns the
        same object, which must not be changed.
        """
        ...


class QueryOracle(Protocol):
    """A limited number of questions to the black-box victim; the host counts them.

    The victim is trained on genuine users alone. Only they can be asked for, each with the history
    that the attacker knows; see ``docs/threat-model.md``.

    Attributes
    ----------
    n_left : int
        Number of queries still allowed.
    """

    n_left: int

    def top_k(self, user: int) -> NDArray[np.int32]:
        """The K items that the clean victim shows the user, best first; costs one query.

        int32 array of shape (K,), shorter where the catalogue has no more items outside the
        user's own history. Asking twice for one user costs twice.

        Raises ``RejectedError`` when no query is left or there is no such user: the cell is then
        rejected, even if the attacker catches it.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackerView:
    """All that an attacker is given. It never sees a test event, the victim, or its seed.

    Attributes
    ----------
    history : Interactions
        Genuine users' events up to the one before the test event (the paper's assumption 1).
    goal : Goal
    budget : Budget
    seed : int
        The only randomness that the attack may use.
    surrogates : tuple of Surrogate
        Empty unless the attacker's spec says that it needs them.
    influence : callable or None
        Makes a new, unfitted influence estimator, the one that the suite chose. None unless the
        attacker's spec says that it needs one.
    oracle : QueryOracle or None
        None unless the suite grants queries and the attacker's spec says that it needs them.
    prepared : mapping of str to array, or None
        What :meth:`Attacker.prepare` answered; None where the attacker was not asked to prepare.
    """

    history: Interactions
    goal: Goal
    budget: Budget
    seed: int
    surrogates: tuple[Surrogate, ...] = ()
    influence: "Callable[[], InfluenceEstimator] | None" = None
    oracle: QueryOracle | None = None
    prepared: "Mapping[str, NDArray[Any]] | None" = None


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
    undefended_test_ranks : float64 array of shape (n_test_users,)
        Rank of each genuine user's own test item with neither attack nor defense.
    """

    kept: NDArray[np.bool_]
    suspicion: NDArray[np.float64] | None
    clean_kept: NDArray[np.bool_]
    undefended_test_ranks: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """All that a metric may look at: ranks and sequences, of genuine users only.

    A rank is 1 + items above + ties / 2 among the items outside the user's own history, NaN where
    the item itself is in that history (see :mod:`loki_bench.ranking`). Where a defense is in
    place, it is in place both before and after the attack.

    Attributes
    ----------
    goal : Goal
    n_items : int
        Size of the catalogue.
    target_ranks : float64 array of shape (n_target_users, n_targets)
        Ranks that the victim gave the target items after the attack.
    clean_target_ranks : float64 array of shape (n_target_users, n_targets)
        The same before the attack.
    test_ranks : float64 array of shape (n_test_users,)
        Rank of each genuine user's own test item after the attack.
    clean_test_ranks : float64 array of shape (n_test_users,)
        The same before the attack.
    genuine_lengths : int64 array of shape (n_users,)
        Number of events of each genuine user in the training data.
    poison : Sequences
        The fake users' sequences, as the attack wrote them.
    defended : Defended or None
        What the defense did; None where there is no defense.
    """

    goal: Goal
    n_items: int
    target_ranks: NDArray[np.float64]
    clean_target_ranks: NDArray[np.float64]
    test_ranks: NDArray[np.float64]
    clean_test_ranks: NDArray[np.float64]
    genuine_lengths: NDArray[np.int64]
    poison: Sequences
    defended: Defended | None = None


# --------------------------------------------------------------------------- recommenders


class Recommender(ABC):
    """Scores every item of the catalogue as the next item of a user.

    An implementation must pickle after ``fit``: workers and clusters pass it on.
    """

    @abstractmethod
    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        """Train from scratch; an earlier fit is forgotten.

        Parameters
        ----------
        train : Interactions
            Every user's training events; nothing says which users are genuine.
        validation : HeldOut or None
            Events for early stopping, of genuine users only.
        seed : int
            The only source of randomness: the same arguments give the same bits.

        Returns
        -------
        self

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """

    @abstractmethod
    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Score all items as the next item of each user.

        Parameters
        ----------
        users : int32 array of shape (batch,)
            Ids seen in ``fit``; the batch may be empty.
        histories : Sequences of batch rows
            The user's events so far, oldest first; a row may be empty.

        Returns
        -------
        float32 array of shape (batch, n_items)
            Finite; higher is likelier. The user's own history is *not* masked: the host does that,
            in the same way for every recommender.

        Raises
        ------
        Exception
            Of a user or an item that ``fit`` did not see; which one is left to the recommender.
        """

    @property
    def n_training_samples(self) -> int | None:
        """Number of training samples of the last fit, or None where that has no meaning.

        The host compares it with and without fake users: a record shows that poison arrived.
        """
        return None

    @property
    def fit_report(self) -> dict[str, float]:
        """Numbers worth recording about the last fit (epochs, validation score ...)."""
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSamples:
    """Pairwise training samples: after ``histories``, ``positives`` rather than ``negatives``.

    Attributes
    ----------
    users : int32 array of shape (n,)
    last_items : int32 array of shape (n,)
        The item before the positive one; -1 where there is none.
    positives, negatives : int32 arrays of shape (n,)
    histories : Sequences of n rows, or None
        All items before the positive one; None where the model looks at the last item at most.
    """

    users: NDArray[np.int32]
    last_items: NDArray[np.int32]
    positives: NDArray[np.int32]
    negatives: NDArray[np.int32]
    histories: Sequences | None = None

    def __len__(self) -> int:
        return len(self.users)


class DifferentiableRecommender(Recommender):
    """A recommender whose loss and score an influence estimator may differentiate (Eq. 2-3).

    The objective that ``fit`` approaches is ``sum_s loss_s(theta) + 1/2 sum_p l2_p theta_p**2``
    over the samples of :meth:`training_samples`.
    """

    @property
    def loss_is_log_probability(self) -> bool:
        """Whether a sample's loss is ``-log P`` of what was observed, P between 0 and 1.

        True of a pairwise logistic loss and of a cross-entropy, not of a squared error or a hinge.
        An estimator may then take the Gauss-Newton matrix for the Hessian; otherwise it takes the
        exact one.
        """
        return False

    @abstractmethod
    def parameters(self) -> "list[Tensor]":
        """The trained tensors, shared with the model (not copies).

        Returns
        -------
        list of leaf tensors
            Of any shape and of a floating type, finite, gradient enabled.

        Raises
        ------
        Exception
            Before ``fit``.
        """

    @abstractmethod
    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        """The samples that ``fit`` would form of ``train``, with negatives drawn from ``seed``.

        Parameters
        ----------
        train : Interactions
            Over the catalogue that ``fit`` saw; it may hold users that ``fit`` did not see.
        seed : int
            The only source of randomness.

        Returns
        -------
        TrainingSamples
            Its arrays have the shape (n_samples,).

        Raises
        ------
        Exception
            Where no negative can be drawn, because a user has the whole catalogue.
        """

    @abstractmethod
    def sample_loss(self, samples: TrainingSamples) -> "Tensor":
        """The loss of each sample, without regularisation.

        Parameters
        ----------
        samples : TrainingSamples
            n of them, n may be 0; of users that ``fit`` saw.

        Returns
        -------
        tensor of shape (n,)
            With a gradient in :meth:`parameters`; a sample's loss depends on that sample alone.

        Raises
        ------
        Exception
            Of a user or an item that ``fit`` did not see.
        """

    @abstractmethod
    def l2_coefficients(self, samples: TrainingSamples) -> "list[Tensor]":
        """The coefficient ``l2_p`` of every parameter in the objective over these samples.

        Parameters
        ----------
        samples : TrainingSamples
            A regulariser that is charged once a sample counts how often each row is touched.

        Returns
        -------
        list of tensors
            One for each of :meth:`parameters`, of a shape that broadcasts to its own; finite, 0 or
            more.

        Raises
        ------
        Exception
            Before ``fit``.
        """

    @abstractmethod
    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> "Tensor":
        """The scoring function f_test of Eq. 3 for n (user, history, item) triples.

        Parameters
        ----------
        users : int32 array of shape (n,)
        histories : Sequences of n rows
            The user's events so far, oldest first.
        items : int32 array of shape (n,)
            The item whose score is wanted.

        Returns
        -------
        tensor of shape (n,)
            With a gradient in :meth:`parameters`; orders items as ``score_next`` does.

        Raises
        ------
        Exception
            Of a user or an item that ``fit`` did not see.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorTerm:
    """One inner product of a score: ``<row_table[r], item_table[i]>``.

    Attributes
    ----------
    row : "user" or "last-item"
        What picks the row ``r``. Without a last item the term is zero.
    row_table : float32 array of shape (n_rows, d)
        ``n_rows`` is the number of users or of items.
    item_table : float32 array of shape (n_items, d)
    row_l2, item_l2 : float
        The regulariser of this term: each training sample adds
        ``row_l2 / 2 * |row|**2 + item_l2 / 2 * (|positive|**2 + |negative|**2)``
        when ``per_sample``, otherwise every row of a table is charged once.
    """

    row: Literal["user", "last-item"]
    row_table: NDArray[np.float32]
    item_table: NDArray[np.float32]
    row_l2: float
    item_l2: float


class FactorRecommender(DifferentiableRecommender):
    """A recommender whose score is a sum of inner products of table rows (BPRMF, FPMC ...).

    Its loss per sample is ``log(1 + exp(-(score(positive) - score(negative))))``: gradients and
    Hessian-vector products then have sparse closed forms.
    """

    @property
    def loss_is_log_probability(self) -> bool:
        """True: the logistic loss of a pair is one."""
        return True

    @abstractmethod
    def factor_terms(self) -> tuple[FactorTerm, ...]:
        """The terms of the score, in the order of their tables in ``parameters()``: row table,
        item table, row table, item table ...

        Returns
        -------
        tuple of FactorTerm
            Float32 tables of shapes (n_rows, d) and (n_items, d), as ``parameters()`` holds them.

        Raises
        ------
        Exception
            Before ``fit``.
        """

    @property
    @abstractmethod
    def l2_per_sample(self) -> bool:
        """Whether the regulariser is charged once for each sample that touches a row (True), or
        once for each row (False)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TranslationTables:
    """The parameters of a translation model.

    Attributes
    ----------
    users : float32 array of shape (n_users, d)
    items : float32 array of shape (n_items, d)
    biases : float32 array of shape (n_items,)
    shared : float32 array of shape (d,)
        The translation that all users share.
    l2 : float
        Each training sample adds ``l2 / 2 * |.|**2`` for each vector and bias that it touches: its
        user, its last item, both items with their biases, and the shared translation.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    biases: NDArray[np.float32]
    shared: NDArray[np.float32]
    l2: float


class TranslationRecommender(DifferentiableRecommender):
    """A recommender with the score ``b_i - |T + u + l - i|``, l the last item (TransRec).

    Its loss per sample is ``log(1 + exp(-(score(positive) - score(negative))))``: fake users are
    then scored by a compiled closed form. ``parameters()`` are users, items, biases and the
    shared translation, in this order.
    """

    @property
    def loss_is_log_probability(self) -> bool:
        """True: the logistic loss of a pair is one."""
        return True

    @abstractmethod
    def translation_tables(self) -> TranslationTables:
        """The tables, as ``parameters()`` holds them.

        Returns
        -------
        TranslationTables
            Float32 arrays of the shapes that it states.

        Raises
        ------
        Exception
            Before ``fit``.
        """


# --------------------------------------------------------------------------- attacks and defenses


class Attacker(ABC):
    """Writes the fake users' item sequences."""

    @abstractmethod
    def poison(self, view: AttackerView) -> Sequences:
        """Write the sequences.

        Parameters
        ----------
        view : AttackerView
            All that the attacker is given; read-only.

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
            The goal can't be reached with what is granted: the cell is ``rejected`` and says why.
            Any other exception makes it ``failed``.
        """

    def prepare(self, view: AttackerView) -> Mapping[str, NDArray[Any]]:
        """What the attack learns before it knows how many fake users it has.

        Called where the attacker's spec says that it ``prepares``: once for all shares of fake
        users that a suite compares. Each of them is then shown the answer as ``view.prepared``.

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


class Defense(ABC):
    """Chooses which users' events the victim is trained on.

    It is told neither who is fake nor how many fake users there are: the host shows it the users
    in an order drawn at random and without their tokens.
    """

    @abstractmethod
    def keep(self, train: Interactions, *, seed: int) -> NDArray[np.bool_]:
        """Which users to keep; a defense may drop users, never add or change events.

        Parameters
        ----------
        train : Interactions
            Training events of all users, genuine and fake; read-only. A row may be empty.
        seed : int
            The only randomness that the defense may use.

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
        The host judges the ordering by it, whatever the threshold.
        """
        return None

    @property
    def report(self) -> dict[str, float]:
        """Numbers worth recording about the last :meth:`keep`: its threshold, for example."""
        return {}


# --------------------------------------------------------------------------- influence


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
        """Do all that does not depend on candidates, once.

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


# --------------------------------------------------------------------------- metrics and data

Metric: TypeAlias = Callable[..., float]
"""A pure function of an :class:`Outcome`; ranked metrics also take the cut-off ``k``."""


class DatasetLoader(ABC):
    """Reads one dataset."""

    @abstractmethod
    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the dataset.

        Parameters
        ----------
        folder : Path
            The data folder; a downloaded file is kept there.
        download : bool
            Whether the loader may use the network.

        Returns
        -------
        Interactions
            Every user's items, oldest first: int32 items of shape (n_events,), int64 offsets of
            shape (n_users + 1,).

        Raises
        ------
        DatasetError
            One sentence: which file, what is wrong with it or where to put it.
        """

    def read(self, folder: Path, *, download: bool) -> EventLog:
        """The dataset with what else is known of its events: times, parts, what was left out.

        The parameters and errors are those of :meth:`load`, and so are the sequences. A loader
        that knows no more than the sequences need not write it.
        """
        return EventLog.of(self.load(folder, download=download))


def ids(values: Sequence[int]) -> NDArray[np.int32]:
    """An id array as every contract here wants it: int32, and locked for good."""
    return locked(np.array(values, dtype=np.int32))
