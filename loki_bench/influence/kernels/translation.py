"""Compiled influence of fake users on a translation model, from a solved vector ``s``.

A sample ranks item i above item j after item l for a user with row p. With ``z_i = p + T + l - i``,
its length ``|z_i|`` and direction ``e_i = z_i / |z_i|``::

    x = b_i - b_j - |z_i| + |z_j|      D = grad_p x = e_j - e_i
    dx = s^b_i - s^b_j - <e_i, s^T + s_l - s_i> + <e_j, s^T + s_l - s_j>
    s . gradient of its loss = g dx + w rho,   g = -w sigmoid(-x)

where rho holds the regulariser of the rows that the sample touches. A direction of length 0 is 0.

The row p is folded in as in ``kernels.fold_in``, but its loss is no convex function of it, as a
length is bent::

    grad^2 x = (I - e_j e_j^T) / |z_j| - (I - e_i e_i^T) / |z_i|

Steps are Newton steps by conjugate gradients, which end where the loss curves down, with
backtracking. They start where the row of the prefix before ended. So the influence of a fake user
is *defined* event by event, and the rewards of its events add up to it.

A user's only transition is fitted best by ``z_i = 0``, where |z_i| has a kink. Near a kink the
curvature has no bound and Newton's steps are as short as the distance to it: the row would stay
there though later events pull it away. So the curvature takes |z_i| for no shorter than half of
|z_j|.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import NONE, compiled
from loki_bench.influence.kernels.fake_row import RowRules, copy_numbers, first_row, row_ridge
from loki_bench.influence.kernels.fold_in import derivatives
from loki_bench.influence.kernels.negatives import SampleRules, choose_negatives
from loki_bench.influence.kernels.row_sums import (
    dot,
    dot_row,
    dot_row_of_sum,
    square_of_row_sum,
)

__all__ = [
    "TranslationUserTables",
    "TranslationWorkspace",
    "prefix_values",
    "translation_workspace",
]

Array = NDArray[np.float64]
FloatArray = NDArray[np.floating]
IndexArray = NDArray[np.int64]
IntArray = NDArray[np.int32]

_GRADIENT_TOLERANCE = 1e-5
_MAX_STEPS = 60
_MAX_HALVINGS = 25
_INNER_TOLERANCE = 1e-2
"""A step is solved until the square of its residual is such a share of what it was."""
_LEAST_CURVATURE = 1e-3
"""Curvature along a direction below such a share of the ridge counts as curved down."""
_SHORTEST = 0.5
"""|z_i| counts for no less than such a share of |z_j| where the loss's curvature is taken."""


class TranslationUserTables(NamedTuple):
    """What scoring fake users needs to know of a fitted translation model and a solved vector."""

    items: FloatArray  # (n_items, d)
    biases: FloatArray  # (n_items,)
    shared: FloatArray  # (d,) the translation T
    s_items: FloatArray  # the parts of s, shaped alike
    s_biases: FloatArray
    s_shared: FloatArray
    item_rho: Array  # (n_items,) l2 <i, s_i> of each item's vector
    bias_rho: Array  # (n_items,) l2 b_i s^b_i
    shared_rho: float
    samples: SampleRules
    row: RowRules


class TranslationWorkspace(NamedTuple):
    """Arrays for one fake user at a time; m samples, width d."""

    toward: Array  # (m, d) T + l - i
    away: Array  # (m, d) T + l - j
    s_toward: Array  # (m, d) s^T + s_l - s_i
    s_away: Array
    constant: Array  # (m,) b_i - b_j
    drift: Array  # (m,) s^b_i - s^b_j
    rho: Array
    weight: Array
    chosen: IntArray  # (m,) negatives
    closer: Array  # (m,) |z_i| at the row of the last margins
    farther: Array  # (m,) |z_j|
    near: Array  # (m, d) e_i
    far: Array  # (m, d) e_j
    near_bend: Array  # (m,) -slope / |z_i|
    far_bend: Array  # (m,) -slope / |z_j|
    near_pull: Array  # (m,) what e_i is taken by in a product
    far_pull: Array
    x: Array
    slope: Array
    curvature: Array
    p: Array  # (d,)
    trial: Array
    step: Array
    residual: Array
    direction: Array
    product: Array


def translation_workspace(n_samples: int, width: int) -> TranslationWorkspace:
    """Room for users of up to ``n_samples`` samples."""
    m = max(n_samples, 1)
    toward, away, s_toward, s_away, near, far = (np.zeros((m, width)) for _ in range(6))
    constant, drift, rho, weight, x, slope, curvature = (np.zeros(m) for _ in range(7))
    closer, farther, near_bend, far_bend, near_pull, far_pull = (np.zeros(m) for _ in range(6))
    p, trial, step, residual, direction, product = (np.zeros(width) for _ in range(6))
    return TranslationWorkspace(
        toward=toward,
        away=away,
        s_toward=s_toward,
        s_away=s_away,
        constant=constant,
        drift=drift,
        rho=rho,
        weight=weight,
        chosen=np.zeros(m, dtype=np.int32),
        closer=closer,
        farther=farther,
        near=near,
        far=far,
        near_bend=near_bend,
        far_bend=far_bend,
        near_pull=near_pull,
        far_pull=far_pull,
        x=x,
        slope=slope,
        curvature=curvature,
        p=p,
        trial=trial,
        step=step,
        residual=residual,
        direction=direction,
        product=product,
    )


@compiled
def _append(
    tables: TranslationUserTables,
    work: TranslationWorkspace,
    row: IntArray,
    event: int,
    length: int,
    n: int,
) -> int:
    """Add the samples of one event of a user with the items ``row[:length]``; returns their end."""
    rules = tables.samples
    weight = rules.first_weight if event == 0 else rules.later_weight
    if weight == 0.0:
        return n
    item = np.int64(row[event])
    last = np.int64(-1)
    if event > 0:
        last = np.int64(row[event - 1])
    width = len(work.p)
    if not choose_negatives(rules, row, event, length, work.chosen[n:]):
        return n
    for _ in range(rules.n_negatives):
        negative = np.int64(work.chosen[n])
        work.weight[n] = weight / rules.n_negatives
        work.constant[n] = tables.biases[item] - tables.biases[negative]
        work.drift[n] = tables.s_biases[item] - tables.s_biases[negative]
        rho = tables.shared_rho + tables.item_rho[item] + tables.item_rho[negative]
        rho += tables.bias_rho[item] + tables.bias_rho[negative]
        if last >= 0:
            rho += tables.item_rho[last]
        work.rho[n] = rho
        toward, away = work.toward[n], work.away[n]
        s_toward, s_away = work.s_toward[n], work.s_away[n]
        for t in range(width):
            start = tables.shared[t]
            s_start = tables.s_shared[t]
            if last >= 0:
                start += tables.items[last, t]
                s_start += tables.s_items[last, t]
            toward[t] = start - tables.items[item, t]
            away[t] = start - tables.items[negative, t]
            s_toward[t] = s_start - tables.s_items[item, t]
            s_away[t] = s_start - tables.s_items[negative, t]
        n += 1
    return n


@compiled
def _margins(work: TranslationWorkspace, p: Array, n: int) -> None:
    """Write x of every sample at a row, and the two lengths that it is made of."""
    for s in range(n):
        closer = np.sqrt(square_of_row_sum(p, work.toward, s))
        farther = np.sqrt(square_of_row_sum(p, work.away, s))
        work.closer[s], work.farther[s] = closer, farther
        work.x[s] = work.constant[s] - closer + farther


@compiled
def _descent(work: TranslationWorkspace, n: int, ridge: float) -> float:
    """Write the residual, minus the loss's gradient, at the row of the last margins.

    Also what :func:`_hessian_product` needs of that row. Returns the residual's largest number.
    """
    p, toward, away, near, far = work.p, work.toward, work.away, work.near, work.far
    residual = work.residual
    for t in range(len(p)):
        residual[t] = -ridge * p[t]
    for s in range(n):
        closer, farther, slope = work.closer[s], work.farther[s], work.slope[s]
        a = 1.0 / closer if closer > 0.0 else 0.0
        b = 1.0 / farther if farther > 0.0 else 0.0
        work.near_bend[s] = -slope * min(a, b / _SHORTEST)
        work.far_bend[s] = -slope * b
        for t in range(len(p)):
            near[s, t] = a * (p[t] + toward[s, t])
            far[s, t] = b * (p[t] + away[s, t])
            residual[t] -= slope * (far[s, t] - near[s, t])
    largest = 0.0
    for t in range(len(p)):
        largest = max(largest, abs(residual[t]))
    return largest


@compiled
def _hessian_product(work: TranslationWorkspace, n: int, diagonal: float) -> None:
    """``product = H direction``, where ``diagonal`` is the ridge and all bends.

    Two samples at a time, added one after the other: the bits are those of one at a time.
    """
    near, far, near_pull, far_pull = work.near, work.far, work.near_pull, work.far_pull
    direction, product = work.direction, work.product
    width = len(direction)
    for s in range(n):
        along_near = dot_row(near, s, direction)
        along_far = dot_row(far, s, direction)
        along = work.curvature[s] * (along_far - along_near)
        near_pull[s] = -along - work.near_bend[s] * along_near
        far_pull[s] = along + work.far_bend[s] * along_far
    for t in range(width):
        product[t] = diagonal * direction[t]
    whole = n - n % 2
    for s in range(0, whole, 2):
        a, b, c, d = near_pull[s], far_pull[s], near_pull[s + 1], far_pull[s + 1]
        for t in range(width):
            total = product[t] + a * near[s, t]
            total = total + b * far[s, t]
            total = total + c * near[s + 1, t]
            product[t] = total + d * far[s + 1, t]
    for s in range(whole, n):
        a, b = near_pull[s], far_pull[s]
        for t in range(width):
            total = product[t] + a * near[s, t]
            product[t] = total + b * far[s, t]


@compiled
def _solve_step(work: TranslationWorkspace, n: int, ridge: float) -> None:
    """``step = H^-1 residual`` by conjugate gradients; uses up the residual.

    They end at a direction along which the loss curves down. If it is the first, the residual's
    own, the step goes along it.
    """
    width = len(work.p)
    step, residual, direction, product = work.step, work.residual, work.direction, work.product
    diagonal = ridge
    for s in range(n):
        diagonal += work.near_bend[s] - work.far_bend[s]
    for t in range(width):
        step[t] = 0.0
        direction[t] = residual[t]
    rr = dot(residual, residual)
    enough = _INNER_TOLERANCE * rr
    for k in range(width):
        if rr <= enough:
            break
        _hessian_product(work, n, diagonal)
        rise = dot(direction, product)
        curvature = rise / dot(direction, direction)
        if curvature <= _LEAST_CURVATURE * ridge:
            if k == 0:
                for t in range(width):
                    step[t] = direction[t] / max(-curvature, ridge)
            break
        alpha = rr / rise
        for t in range(width):
            step[t] += alpha * direction[t]
            residual[t] -= alpha * product[t]
        after = dot(residual, residual)
        for t in range(width):
            direction[t] = residual[t] + after / rr * direction[t]
        rr = after


@compiled
def _fold_in(work: TranslationWorkspace, n: int, ridge: float) -> int:
    """Lower the user's own loss from the row ``p``; returns the Newton steps taken."""
    width = len(work.p)
    p, trial = work.p, work.trial
    _margins(work, p, n)
    value = derivatives(n, work.x, work.weight, work.slope, work.curvature)
    value += 0.5 * ridge * dot(p, p)
    for taken in range(_MAX_STEPS):
        if _descent(work, n, ridge) <= _GRADIENT_TOLERANCE:
            return taken
        _solve_step(work, n, ridge)
        length = 1.0
        lowered = False
        for _ in range(_MAX_HALVINGS):
            for t in range(width):
                trial[t] = p[t] + length * work.step[t]
            _margins(work, trial, n)
            moved = derivatives(n, work.x, work.weight, work.slope, work.curvature)
            moved += 0.5 * ridge * dot(trial, trial)
            if moved < value:
                lowered = True
                break
            length *= 0.5
        if not lowered:  # as low as rounding shows
            _margins(work, p, n)
            derivatives(n, work.x, work.weight, work.slope, work.curvature)
            return taken
        value = moved
        for t in range(width):
            p[t] = trial[t]
    return _MAX_STEPS


@compiled
def _value(tables: TranslationUserTables, work: TranslationWorkspace, n: int) -> float:
    """``-s . G`` of the user whose first ``n`` samples are loaded; moves its row."""
    if n == 0:
        return 0.0
    if tables.row.fold:
        _fold_in(work, n, row_ridge(tables.row, work.weight, n))
    else:
        _margins(work, work.p, n)
        derivatives(n, work.x, work.weight, work.slope, work.curvature)
    total = 0.0
    for s in range(n):
        closer, farther = work.closer[s], work.farther[s]
        dx = work.drift[s]
        if closer > 0.0:
            dx -= dot_row_of_sum(work.p, work.toward, work.s_toward, s) / closer
        if farther > 0.0:
            dx += dot_row_of_sum(work.p, work.away, work.s_away, s) / farther
        total -= work.slope[s] * dx + work.weight[s] * work.rho[s]
    return total


@compiled
def prefix_values(
    tables: TranslationUserTables,
    work: TranslationWorkspace,
    offsets: IndexArray,
    items: IntArray,
    every_event: bool,
    out: Array,
) -> None:
    """Influence of each sequence into ``out`` (n,), or after each of its events (n_events,).

    An item that served as a negative and is now the user's own makes all samples anew, and the row
    is walked from the first event again.
    """
    for r in range(len(offsets) - 1):
        row = items[offsets[r] : offsets[r + 1]]
        length = len(row)
        n = NONE
        value = 0.0
        for end in range(1, length + 1):
            # a whole sequence is asked for: its negatives are those of its last event
            owned = end if every_event else length
            start = end - 1
            for s in range(n):
                if work.chosen[s] == row[end - 1]:
                    start = 0
            if start == 0:
                n = NONE
                copy_numbers(first_row(tables.row, row), work.p)
            for event in range(start, end):
                n = _append(tables, work, row, event, owned, n)
                if event < end - 1:
                    _value(tables, work, n)
            value = _value(tables, work, n)
            if every_event:
                out[offsets[r] + end - 1] = value
        if not every_event:
            out[r] = value
