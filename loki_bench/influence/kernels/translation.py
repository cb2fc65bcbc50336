"""Compiled influence of fake users on a translation model, from a solved vector ``s``.

A sample ranks item i above item j after item l for a user with row p. With ``z_i = p + T + l - i``,
its length ``|z_i|`` and direction ``e_i = z_i / |z_i|``::

    x = b_i - b_j - |z_i| + |z_j|      D = grad_p x = e_j - e_i
    dx = s^b_i - s^b_j - <e_i, s^T + s_l - s_i> + <e_j, s^T + s_l - s_j>
    s . gradient of its loss = g dx + w rho,   g = -w sigmoid(-x)

where rho holds the regulariser of the rows that the sample touches. A direction of length 0 is 0.

The row p is folded in as in ``kernels.fold_in``, but its loss is no convex function of it: steps
are Gauss-Newton steps (the curvature of the lengths is left out) with backtracking, and start where
the row of the prefix before ended. So the influence of a fake user is *defined* event by event, and
the rewards of its events add up to it.

Most of the time goes into steps that are cut again and again, since lengths curve. A sample's loss
is a convex function of x, so it lies above its tangent; and along a step the two lengths in x are
roots of parabolas. That bound, without a single exponential, refuses nearly all steps that are too
long; what it does not refuse is computed, and nothing that is computed depends on it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import NONE, compiled, compiled_sum
from loki_bench.influence.kernels.fake_row import RowRules, copy_numbers, first_row, row_ridge
from loki_bench.influence.kernels.fold_in import derivatives
from loki_bench.influence.kernels.negatives import SampleRules, choose_negatives
from loki_bench.influence.kernels.row_sums import (
    dot,
    dot_row,
    dot_row_of_step,
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
_INNER_TOLERANCE = 1e-4
_ROUNDING = 1e-10
"""Far more than sums of a few hundred numbers are off, as a share of what is summed."""
_SHORT = 1e-6
"""A squared length below such a share of its terms has lost its digits to the difference."""


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
    difference: Array  # (m, d) D
    along: Array  # (m,) H D times a direction
    closer: Array  # (m,) |z_i| at the row of the last margins
    farther: Array  # (m,) |z_j|
    x: Array
    slope: Array
    curvature: Array
    kept_slope: Array  # (m,) at the row where a step starts, as the two lengths
    kept_closer: Array
    kept_farther: Array
    toward_step: Array  # (m,) <z_i, step>
    away_step: Array  # (m,) <z_j, step>
    p: Array  # (d,)
    trial: Array
    step: Array
    residual: Array
    direction: Array
    product: Array


def translation_workspace(n_samples: int, width: int) -> TranslationWorkspace:
    """Room for users of up to ``n_samples`` samples."""
    m = max(n_samples, 1)
    toward, away, s_toward, s_away, difference = (np.zeros((m, width)) for _ in range(5))
    constant, drift, rho, weight, x, slope, curvature = (np.zeros(m) for _ in range(7))
    along, closer, farther, toward_step, away_step = (np.zeros(m) for _ in range(5))
    kept_slope, kept_closer, kept_farther = (np.zeros(m) for _ in range(3))
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
        difference=difference,
        along=along,
        closer=closer,
        farther=farther,
        x=x,
        slope=slope,
        curvature=curvature,
        kept_slope=kept_slope,
        kept_closer=kept_closer,
        kept_farther=kept_farther,
        toward_step=toward_step,
        away_step=away_step,
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
    """Write D and the residual, minus the loss's gradient, at the row of the last margins.

    Returns the residual's largest number.
    """
    p, toward, away, difference = work.p, work.toward, work.away, work.difference
    residual = work.residual
    for t in range(len(p)):
        residual[t] = -ridge * p[t]
    for s in range(n):
        a = 1.0 / work.farther[s] if work.farther[s] > 0.0 else 0.0
        b = 1.0 / work.closer[s] if work.closer[s] > 0.0 else 0.0
        slope = work.slope[s]
        for t in range(len(p)):
            d = a * (p[t] + away[s, t]) - b * (p[t] + toward[s, t])
            difference[s, t] = d
            residual[t] -= slope * d
    largest = 0.0
    for t in range(len(p)):
        largest = max(largest, abs(residual[t]))
    return largest


@compiled
def _gauss_newton_product(work: TranslationWorkspace, n: int, ridge: float) -> None:
    """``product = (ridge I + D^T H D) direction``.

    Four samples at a time, added one after the other: the bits are those of one at a time.
    """
    difference, along = work.difference, work.along
    direction, product = work.direction, work.product
    width = len(direction)
    for s in range(n):
        along[s] = work.curvature[s] * dot_row(difference, s, direction)
    for t in range(width):
        product[t] = ridge * direction[t]
    whole = n - n % 4
    for s in range(0, whole, 4):
        a, b, c, d = along[s], along[s + 1], along[s + 2], along[s + 3]
        for t in range(width):
            total = product[t] + a * difference[s, t]
            total = total + b * difference[s + 1, t]
            total = total + c * difference[s + 2, t]
            product[t] = total + d * difference[s + 3, t]
    for s in range(whole, n):
        a = along[s]
        for t in range(width):
            product[t] += a * difference[s, t]


@compiled
def _solve_step(work: TranslationWorkspace, n: int, ridge: float) -> None:
    """``step = (ridge I + D^T H D)^-1 residual`` by conjugate gradients; uses up the residual."""
    width = len(work.p)
    step, residual, direction, product = work.step, work.residual, work.direction, work.product
    for t in range(width):
        step[t] = 0.0
        direction[t] = residual[t]
    rr = dot(residual, residual)
    enough = _INNER_TOLERANCE * rr
    for _ in range(width):
        if rr <= enough:
            break
        _gauss_newton_product(work, n, ridge)
        alpha = rr / dot(direction, product)
        for t in range(width):
            step[t] += alpha * direction[t]
            residual[t] -= alpha * product[t]
        after = dot(residual, residual)
        for t in range(width):
            direction[t] = residual[t] + after / rr * direction[t]
        rr = after


@compiled
def _keep_start(work: TranslationWorkspace, n: int) -> None:
    """Keep what :func:`_least_rise` needs of the row where a step starts."""
    for s in range(n):
        work.kept_slope[s] = work.slope[s]
        work.kept_closer[s] = work.closer[s]
        work.kept_farther[s] = work.farther[s]
        work.toward_step[s] = dot_row_of_step(work.p, work.toward, s, work.step)
        work.away_step[s] = dot_row_of_step(work.p, work.away, s, work.step)


@compiled_sum
def _least_rise(
    n: int,
    weight: Array,
    slope: Array,
    closer: Array,
    farther: Array,
    toward_step: Array,
    away_step: Array,
    square: float,
    length: float,
) -> float:
    """What the samples' losses rise by at least, ``length`` steps on; -inf where it can't be told.

    ``square`` is |step|**2. Rounding is taken off.
    """
    rise = 0.0
    size = 0.0
    unsure = 0.0
    moved = length * length * square
    far_moved = 2.0 * length * np.sqrt(square)
    for s in range(n):
        near, far = closer[s] * closer[s] + moved, farther[s] * farther[s] + moved
        new_near = near + 2.0 * length * toward_step[s]
        new_far = far + 2.0 * length * away_step[s]
        unsure += 1.0 if new_near < _SHORT * near else 0.0
        unsure += 1.0 if new_far < _SHORT * far else 0.0
        dx = closer[s] - np.sqrt(abs(new_near)) + np.sqrt(abs(new_far)) - farther[s]
        rise += slope[s] * dx
        size += weight[s] * (closer[s] + farther[s] + far_moved)
    if unsure > 0.0:
        return -np.inf
    return rise - _ROUNDING * size


@compiled
def _fold_in(work: TranslationWorkspace, n: int, ridge: float) -> int:
    """Lower the user's own loss from the row ``p``; returns the Gauss-Newton steps taken."""
    width = len(work.p)
    p, trial = work.p, work.trial
    _margins(work, p, n)
    value = derivatives(n, work.x, work.weight, work.slope, work.curvature)
    value += 0.5 * ridge * dot(p, p)
    for taken in range(_MAX_STEPS):
        if _descent(work, n, ridge) <= _GRADIENT_TOLERANCE:
            return taken
        _solve_step(work, n, ridge)
        _keep_start(work, n)
        square, own = dot(work.step, work.step), dot(p, work.step)
        length = 1.0
        lowered = False
        for _ in range(_MAX_HALVINGS):
            least = _least_rise(
                n,
                work.weight,
                work.kept_slope,
                work.kept_closer,
                work.kept_farther,
                work.toward_step,
                work.away_step,
                square,
                length,
            )
            longer = 0.5 * ridge * length * length * square
            if least + ridge * length * own + longer > _ROUNDING * (value + longer):
                length *= 0.5
                continue
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
