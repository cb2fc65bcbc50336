"""The training objective of a factor model as one flat vector: value, gradient, Hessian products.

``F(theta) = sum_s softplus(-x_s) + 1/2 sum_p l2_p theta_p**2`` over frozen training samples, the
sum and not the mean (Eq. 2 divides both the Hessian and the weight of an added sample by N, which
cancels).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import (
    FactorRecommender,
    FactorTerm,
    InfluenceObjective,
    TrainingSamples,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.kernels.candidates import add_margins, losses_along, order_by_row
from loki_bench.influence.kernels.factor import (
    add_gradient,
    add_hessian_product,
    margin_derivatives,
    regularise,
)
from loki_bench.influence.objectives.training_objective import Curvature
from loki_bench.interactions import Sequences

__all__ = ["FactorObjective", "TableLayout", "last_items_of"]

FloatArray = NDArray[np.floating]
IndexArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TableLayout:
    """Where each table lies in the flat parameter vector.

    Attributes
    ----------
    rows : tuple of "user" or "last-item"
        What picks the row of each term.
    row_starts, item_starts : int64 arrays of shape (n_terms,)
        Offset of each term's row table and item table.
    dims : int64 array of shape (n_terms,)
    n_rows : int64 array of shape (n_terms,)
        Number of rows of each row table.
    n_items : int
    size : int
        Number of parameters.
    """

    rows: tuple[str, ...]
    row_starts: IndexArray
    item_starts: IndexArray
    dims: IndexArray
    n_rows: IndexArray
    n_items: int
    size: int

    @classmethod
    def of(cls, terms: tuple[FactorTerm, ...]) -> "TableLayout":
        """The layout of the tables in the order of ``parameters()``: row, item, row, item ..."""
        row_starts, item_starts, start = [], [], 0
        for term in terms:
            row_starts.append(start)
            start += term.row_table.size
            item_starts.append(start)
            start += term.item_table.size
        return cls(
            rows=tuple(term.row for term in terms),
            row_starts=np.array(row_starts, dtype=np.int64),
            item_starts=np.array(item_starts, dtype=np.int64),
            dims=np.array([term.item_table.shape[1] for term in terms], dtype=np.int64),
            n_rows=np.array([len(term.row_table) for term in terms], dtype=np.int64),
            n_items=len(terms[0].item_table),
            size=start,
        )

    def row_at(self, users: NDArray[np.int32], last_items: NDArray[np.int32]) -> IndexArray:
        """Offset of the row of each term and pair, shape (n_terms, n); -1 where there is none."""
        out = np.empty((len(self.rows), len(users)), dtype=np.int64)
        for k, kind in enumerate(self.rows):
            index = np.asarray(users if kind == "user" else last_items, dtype=np.int64)
            out[k] = np.where(index < 0, -1, self.row_starts[k] + index * self.dims[k])
        return out

    def item_at(self, items: NDArray[np.int32]) -> IndexArray:
        """Offset of each item's row in each term's item table, shape (n_terms, n)."""
        index = np.asarray(items, dtype=np.int64)
        return self.item_starts[:, None] + index[None, :] * self.dims[:, None]


class FactorObjective:
    """The objective of a fitted factor model around its parameters.

    Parameters
    ----------
    terms : tuple of FactorTerm
    samples : TrainingSamples
        With frozen negatives: an expectation over fresh ones has no fixed Hessian.
    l2_per_sample : bool
        As in ``FactorRecommender``.
    dtype : numpy dtype
        float32 halves the memory traffic, and so the time, of a product.

    Raises
    ------
    InvalidAnswerError
        The terms are empty, of unequal width or not finite.
    """

    def __init__(
        self,
        terms: tuple[FactorTerm, ...],
        samples: TrainingSamples,
        *,
        l2_per_sample: bool,
        dtype: type[np.float32] | type[np.float64] = np.float64,
    ) -> None:
        _check(terms)
        self.layout = TableLayout.of(terms)
        self.terms = terms
        self.samples = samples
        self.l2_per_sample = l2_per_sample
        self.theta: FloatArray = np.concatenate(
            [
                np.asarray(table, dtype=dtype).ravel()
                for term in terms
                for table in (term.row_table, term.item_table)
            ]
        )
        if not np.isfinite(self.theta).all():
            raise InvalidAnswerError(
                "the recommender's factor tables hold NaN or infinity: train it again with a "
                "smaller learning rate before asking for influence"
            )
        self._row_at = self.layout.row_at(samples.users, samples.last_items)
        self._pos_at = self.layout.item_at(samples.positives)
        self._neg_at = self.layout.item_at(samples.negatives)
        self.row_starts, self.row_widths, self.row_l2 = self._rows()
        self._slope = np.empty(len(samples), dtype=dtype)
        self._curvature = np.empty(len(samples), dtype=dtype)
        self._loss = margin_derivatives(
            self.theta,
            self._row_at,
            self._pos_at,
            self._neg_at,
            self.layout.dims,
            self._slope,
            self._curvature,
        )

    @classmethod
    def of(
        cls,
        model: FactorRecommender,
        samples: TrainingSamples,
        dtype: type[np.float32] | type[np.float64] = np.float64,
    ) -> "FactorObjective":
        """The objective of a fitted recommender on its training samples."""
        return cls(model.factor_terms(), samples, l2_per_sample=model.l2_per_sample, dtype=dtype)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.layout.size

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        return len(self.samples)

    @property
    def value(self) -> float:
        """F(theta)."""
        ridge = self._ridge(self.theta).astype(np.float64)
        return float(self._loss + 0.5 * (ridge @ self.theta.astype(np.float64)))

    @property
    def slope(self) -> FloatArray:
        """First derivative of each sample's loss in its margin, shape (n_samples,)."""
        return self._slope

    @property
    def curvature(self) -> FloatArray:
        """Second derivative of each sample's loss in its margin, shape (n_samples,)."""
        return self._curvature

    @property
    def sample_offsets(self) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Where each term's row, positive and negative start, each (n_terms, n_samples)."""
        return self._row_at, self._pos_at, self._neg_at

    def item_l2(self, term: int) -> FloatArray:
        """The L2 coefficient of every row of a term's item table, shape (n_items,)."""
        return self.row_l2[self._first_row(term, item=True) :][: self.layout.n_items]

    def table_row_l2(self, term: int) -> FloatArray:
        """The L2 coefficient of every row of a term's row table, shape (n_rows,)."""
        return self.row_l2[self._first_row(term, item=False) :][: int(self.layout.n_rows[term])]

    def _first_row(self, term: int, *, item: bool) -> int:
        before = int(self.layout.n_rows[:term].sum()) + term * self.layout.n_items
        return before + int(self.layout.n_rows[term]) * item

    def gradient(self) -> FloatArray:
        """Gradient of the objective, shape (size,); zero at a minimum."""
        out = self._ridge(self.theta)
        add_gradient(
            self.theta,
            out,
            self._row_at,
            self._pos_at,
            self._neg_at,
            self.layout.dims,
            self._slope,
        )
        return out

    def hessian_product(
        self,
        vector: FloatArray,
        *,
        curvature: Curvature = "exact",
        damping: float = 0.0,
        out: FloatArray | None = None,
    ) -> FloatArray:
        """``(H + damping I) vector``; ``out`` takes the result where it is given."""
        result = np.empty_like(self.theta) if out is None else out
        regularise(vector, result, self.row_starts, self.row_widths, self.row_l2, damping)
        add_hessian_product(
            self.theta,
            vector,
            result,
            self._row_at,
            self._pos_at,
            self._neg_at,
            self.layout.dims,
            self._slope,
            self._curvature,
            curvature == "gauss-newton",
        )
        return result

    def sample_losses_along(
        self, vector: FloatArray, samples: TrainingSamples
    ) -> NDArray[np.float64]:
        """Derivative of each sample's loss along ``vector``, float64 array of shape (n,).

        Without the regulariser. With ``vector = s`` of ``H s = grad f`` its negative is the
        influence on f of one more such sample of users and items that the model knows: three
        sparse dot products a term.
        """
        margins = np.zeros(len(samples), self.theta.dtype)
        changes = np.zeros_like(margins)
        for k, kind in enumerate(self.layout.rows):
            rows = samples.users if kind == "user" else samples.last_items
            add_margins(
                order_by_row(rows, int(self.layout.n_rows[k])),
                rows,
                samples.positives,
                samples.negatives,
                (self.row_table(self.theta, k), self.row_table(vector, k)),
                np.hstack([self.item_table(self.theta, k), self.item_table(vector, k)]),
                margins,
                changes,
            )
        out = np.empty(len(samples))
        losses_along(margins, changes, out)
        return out

    def gauss_newton_diagonal(self, *, seed: int) -> None:
        """None: the rows of factor tables are scaled alike."""

    def target_gradient(self, objective: InfluenceObjective) -> FloatArray:
        """Gradient of the weighted sum of target scores (f_test of Eq. 3), shape (size,)."""
        out = np.zeros_like(self.theta)
        rows = self.layout.row_at(objective.users, last_items_of(objective.histories))
        items = self.layout.item_at(objective.items)
        for k, d in enumerate(self.layout.dims):
            known = rows[k] >= 0
            weights = objective.weights[known, None].astype(self.theta.dtype)
            row = rows[k][known, None] + np.arange(d)
            item = items[k][known, None] + np.arange(d)
            np.add.at(out, row, weights * self.theta[item])
            np.add.at(out, item, weights * self.theta[row])
        return out

    def item_table(self, vector: FloatArray, term: int) -> FloatArray:
        """The part of a flat vector that belongs to a term's item table, (n_items, d), a view."""
        start, d = self.layout.item_starts[term], self.layout.dims[term]
        return vector[start : start + self.layout.n_items * d].reshape(-1, d)

    def row_table(self, vector: FloatArray, term: int) -> FloatArray:
        """The part of a flat vector that belongs to a term's row table, (n_rows, d), a view."""
        start, d, n = (
            self.layout.row_starts[term],
            self.layout.dims[term],
            self.layout.n_rows[term],
        )
        return vector[start : start + n * d].reshape(n, d)

    def _ridge(self, vector: FloatArray) -> FloatArray:
        out = np.empty_like(self.theta)
        regularise(vector, out, self.row_starts, self.row_widths, self.row_l2, 0.0)
        return out

    def _rows(self) -> tuple[IndexArray, IndexArray, FloatArray]:
        """Start, width and L2 coefficient of every row of every table, in their flat order."""
        layout, samples = self.layout, self.samples
        starts, widths, l2 = [], [], []
        for k, term in enumerate(self.terms):
            d = int(layout.dims[k])
            n_rows = int(layout.n_rows[k])
            index = samples.users if term.row == "user" else samples.last_items
            known = index >= 0
            row_counts = np.bincount(index[known], minlength=n_rows)
            item_counts = np.bincount(samples.positives[known], minlength=layout.n_items)
            item_counts += np.bincount(samples.negatives[known], minlength=layout.n_items)
            for start, n, strength, counts in (
                (layout.row_starts[k], n_rows, term.row_l2, row_counts),
                (layout.item_starts[k], layout.n_items, term.item_l2, item_counts),
            ):
                starts.append(start + np.arange(n, dtype=np.int64) * d)
                widths.append(np.full(n, d, dtype=np.int64))
                l2.append(strength * counts if self.l2_per_sample else np.full(n, strength))
        return (
            np.concatenate(starts),
            np.concatenate(widths),
            np.concatenate(l2).astype(self.theta.dtype),
        )


def last_items_of(histories: Sequences) -> NDArray[np.int32]:
    """The last item of each row, -1 where the row is empty; int32 array of shape (n,)."""
    out = np.full(len(histories), -1, dtype=np.int32)
    known = histories.lengths > 0
    out[known] = histories.items[histories.offsets[1:][known] - 1]
    return out


def _check(terms: tuple[FactorTerm, ...]) -> None:
    if not terms:
        raise InvalidAnswerError("the recommender's factor_terms() is empty: it needs one or more")
    for k, term in enumerate(terms):
        if term.row_table.ndim != 2 or term.item_table.ndim != 2:
            raise InvalidAnswerError(f"factor term {k}: its tables must have two dimensions")
        if term.row_table.shape[1] != term.item_table.shape[1]:
            raise InvalidAnswerError(
                f"factor term {k}: rows of width {term.row_table.shape[1]} and items of width "
                f"{term.item_table.shape[1]} have no inner product: give tables of one width"
            )
        if len(term.item_table) != len(terms[0].item_table):
            raise InvalidAnswerError(
                f"factor term {k} has {len(term.item_table)} items, the first has "
                f"{len(terms[0].item_table)}: every item table must hold the whole catalogue"
            )
