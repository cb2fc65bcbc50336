"""What a recommender implements: scores and, for influence estimators, a differentiable loss."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut

if TYPE_CHECKING:  # plugin discovery reads this module, and must not import torch
    from torch import Tensor

__all__ = [
    "DifferentiableRecommender",
    "FactorRecommender",
    "FactorTerm",
    "FineTunableRecommender",
    "LinearisedLosses",
    "Recommender",
    "TrainingSamples",
    "TranslationRecommender",
    "TranslationTables",
    "WeightedRecommender",
]


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
            in the same way for every recommender. One that declares ``answers = "top-k"`` gives
            -inf to each item that it does not list, and may leave the history out
            (:func:`loki_bench.listed_ranks.scores_of_lists`).

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


class WeightedRecommender(Recommender):
    """A recommender that can be trained with a weight for each event; its spec says
    ``takes_weights``."""

    @abstractmethod
    def fit_weighted(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        weights: NDArray[np.float64],
    ) -> Self:
        """Train from scratch like ``fit``, each event counted as often as it weighs.

        Parameters
        ----------
        train, validation, seed
            See :meth:`Recommender.fit`.
        weights : float64 array of shape (n_events,)
            Finite, 0 or more, in the order of ``train.items``: what the loss is multiplied with
            where the event is what is predicted. With 1 for all the result is that of ``fit``,
            bit for bit.

        Returns
        -------
        self

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """


class FineTunableRecommender(Recommender):
    """A recommender that can go on from its last fit, as platforms do between full trainings."""

    @abstractmethod
    def fine_tune(self, train: Interactions, *, seed: int, epochs: int) -> Self:
        """Train on from the weights that the last ``fit`` left, on old and new data.

        Parameters
        ----------
        train : Interactions
            The whole training data: the users of the fit under their ids, whose events may have
            become more or less, then further ones; the catalogue is the same.
        seed : int
            The only source of randomness.
        epochs : int
            From 1; all of them are run, and the last weights are kept.

        Returns
        -------
        self
            Then knows the further users, and ``n_training_samples`` and ``fit_report`` are of this
            training.

        Raises
        ------
        Exception
            Any exception fails the cell; the record keeps its text.
        """


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

    def take(self, rows: NDArray[np.int64]) -> "TrainingSamples":
        """Some of the samples: int64 array of shape (m,), m may be 0."""
        return TrainingSamples(
            users=self.users[rows],
            last_items=self.last_items[rows],
            positives=self.positives[rows],
            negatives=self.negatives[rows],
            histories=None if self.histories is None else self.histories.take(rows),
        )


class LinearisedLosses(Protocol):
    """The losses of n samples around a model's parameters, and products with their Jacobian.

    Both products may be asked for again and again, in any order.
    """

    @property
    def values(self) -> "Tensor":
        """The losses, shape (n,), detached."""
        ...

    def jvp(self, direction: "list[Tensor]") -> "Tensor":
        """The derivative of each loss along a direction, shape (n,), detached.

        Parameters
        ----------
        direction : list of tensors
            Shaped like the parameters.
        """
        ...

    def vjp(self, cotangent: "Tensor") -> "list[Tensor]":
        """The gradient of ``sum_s cotangent_s loss_s``, shaped like the parameters, detached.

        Parameters
        ----------
        cotangent : tensor of shape (n,)
        """
        ...


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

    def linearised_losses(
        self, samples: TrainingSamples, *, keep: bool
    ) -> "LinearisedLosses | None":
        """The losses and their derivatives, where a model has a cheaper way than torch's.

        A cross-entropy over a catalogue is worth it: automatic differentiation goes through all of
        its scores again for each product. The parameters do not change while the answer is used.

        Parameters
        ----------
        samples : TrainingSamples
            n of them, n above 0, as for :meth:`sample_loss`.
        keep : bool
            Whether products are asked for many times, so that what they share may be kept.

        Returns
        -------
        LinearisedLosses or None
            Its losses have the shape (n,). None, as here, where :meth:`sample_loss` is
            differentiated automatically.

        Raises
        ------
        Exception
            As :meth:`sample_loss`.
        """
        return None

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
