"""Compiled first-order influence of fake users on an objective, from a solved vector ``s``.

A fake user's row ``p`` is no parameter of the clean model. Eliminating it (it is folded in from
the user's own samples) leaves a function of the clean parameters alone whose gradient ``G`` is, by
the envelope theorem, the gradient of the samples' losses at the folded-in row; the predicted change
of the objective is ``-s . G`` with ``s = H^-1 grad f`` (Eq. 3). For a sample that ranks item i
above item j after item l::

    D = B_i - B_j (user terms)         x = <D, p> + c,  c = <M_l, N_i - N_j> (last-item terms)
    y = <s_i - s_j, p>                 e = <M_l, s^N_i - s^N_j> + <s^M_l, N_i - N_j>
    s . gradient of its loss = g (y + e) + w rho,   g = -w sigmoid(-x)

where rho holds the regulariser of the rows that the sample touches, if that is charged by sample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import NONE, compiled, compiled_inline, compiled_part
from loki_bench.influence.kernels.fake_row import RowRules, copy_numbers, first_row, row_ridge
from loki_bench.influence.kernels.fold_in import derivatives, fold_in
from loki_bench.influence.kernels.negatives import SampleRules, choose_negatives
from loki_bench.influence.kernels.row_sums import dot, dot_difference

__all__ = [
    "FakeUserTables",
    "Workspace",
    "append_event",
    "extend_user",
    "sequence_values",
    "user_value",
    "workspace_for",
]

Array = NDArray[np.float64]
FloatArray = NDArray[np.floating]
IndexArray = NDArray[np.int64]
IntArray = NDArray[np.int32]


class FakeUserTables(NamedTuple):
    """What scoring fake users needs to know of a fitted model and a solved vector.

    ``theta`` and ``s`` are flat vectors; ``user_*`` and ``last_*`` describe the terms whose row is
    picked by the user and by the last item. User terms are scaled by ``1 / sqrt(l2)`` of their own
    row, so that one ``ridge`` serves all of them.
    """

    theta: FloatArray
    s: FloatArray
    user_items_at: IndexArray  # (n_user_terms,) offset of the item table
    user_dims: IndexArray
    user_scales: Array
    last_items_at: IndexArray  # (n_last_terms,) offset of the item table
    last_rows_at: IndexArray
    last_dims: IndexArray
    item_rho: Array  # (2, n_items) regulariser dot products: user terms, last-item terms
    last_rho: Array  # (n_items,) those of the rows of last-item terms
    samples: SampleRules
    row: RowRules  # after scaling


class Workspace(NamedTuple):
    """Arrays for one fake user at a time; m samples, width d."""

    difference: Array  # (m, d) D
    change: Array  # (m, d) s_i - s_j
    constant: Array  # (m,) c
    drift: Array  # (m,) e
    rho: Array  # (m,)
    weight: Array  # (m,)
    chosen: IntArray  # (m,) negatives
    event: IntArray  # (m,) the event that the sample ranks
    gram: Array
    a: Array
    p: Array
    x: Array
    slope: Array
    curvature: Array
    system: Array
    step: Array
    residual: Array
    moved: Array
    b: Array


def workspace_for(n_samples: int, width: int) -> Workspace:
    """Room for users of up to ``n_samples`` samples."""
    m = max(n_samples, 1)
    small = max(min(m, width), 1)
    long = max(m, width, 1)
    return Workspace(
        difference=np.zeros((m, width)),
        change=np.zeros((m, width)),
        constant=np.zeros(m),
        drift=np.zeros(m),
        rho=np.zeros(m),
        weight=np.zeros(m),
        chosen=np.zeros(m, dtype=np.int32),
        event=np.zeros(m, dtype=np.int32),
        gram=np.zeros((small, small)),
        a=np.zeros(long),
        p=np.zeros(width),
        x=np.zeros(m),
        slope=np.zeros(m),
        curvature=np.zeros(m),
        system=np.zeros((max(small, width), max(small, width))),
        step=np.zeros(long),
        residual=np.zeros(long),
        moved=np.zeros(long),
        b=np.zeros(width),
    )


@compiled_inline
def append_event(
    tables: FakeUserTables,
    work: Workspace,
    row: IntArray,
    event: int,
    length: int,
    n: int,
    with_gram: bool,
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
    if not choose_negatives(rules, row, event, length, work.chosen[n:]):
        return n
    for _ in range(rules.n_negatives):
        negative = np.int64(work.chosen[n])
        work.event[n] = event
        work.weight[n] = weight / rules.n_negatives
        rho = tables.item_rho[0, item] + tables.item_rho[0, negative]
        column = 0
        for m in range(len(tables.user_dims)):
            d = tables.user_dims[m]
            scale = tables.user_scales[m]
            i = tables.user_items_at[m] + item * d
            j = tables.user_items_at[m] + negative * d
            pos, neg = tables.theta[i : i + d], tables.theta[j : j + d]
            s_pos, s_neg = tables.s[i : i + d], tables.s[j : j + d]
            difference = work.difference[n, column : column + d]
            change = work.change[n, column : column + d]
            for t in range(d):
                difference[t] = scale * (pos[t] - neg[t])
                change[t] = scale * (s_pos[t] - s_neg[t])
            column += d
        constant = 0.0
        drift = 0.0
        if last >= 0 and len(tables.last_dims):
            rho += tables.item_rho[1, item] + tables.item_rho[1, negative] + tables.last_rho[last]
            for m in range(len(tables.last_dims)):
                d = tables.last_dims[m]
                i = tables.last_items_at[m] + item * d
                j = tables.last_items_at[m] + negative * d
                r = tables.last_rows_at[m] + last * d
                pos, neg = tables.theta[i : i + d], tables.theta[j : j + d]
                s_pos, s_neg = tables.s[i : i + d], tables.s[j : j + d]
                row_l, s_l = tables.theta[r : r + d], tables.s[r : r + d]
                constant += dot_difference(row_l, pos, neg)
                drift += dot_difference(row_l, s_pos, s_neg) + dot_difference(s_l, pos, neg)
        work.constant[n] = constant
        work.drift[n] = drift
        work.rho[n] = rho
        if with_gram and n < len(work.gram):
            own_row = work.difference[n]
            for s in range(n + 1):
                total = dot(own_row, work.difference[s])
                work.gram[n, s] = total
                work.gram[s, n] = total
        n += 1
    return n


@compiled_part
def extend_user(
    tables: FakeUserTables, work: Workspace, row: IntArray, event: int, n: int, start: int
) -> int:
    """Bring the samples up to ``row[:event + 1]``, of which ``row[:start]`` are there already.

    An item that served as a negative and is now the user's own makes all of them anew.
    """
    for t in range(start, event + 1):
        for s in range(n):
            if work.chosen[s] == row[t]:
                start = NONE
                break
        if start == 0:
            break
    if start == 0:
        n = NONE
        work.a[:] = 0.0
        copy_numbers(first_row(tables.row, row), work.p)
    before = n
    for t in range(start, event + 1):
        n = append_event(tables, work, row, t, event + 1, n, tables.row.fold)
    if tables.row.fold and n <= len(work.p):
        # A warm start: the new samples' coefficients at the row found so far.
        ridge = row_ridge(tables.row, work.weight, n)
        for s in range(before, n):
            x = work.constant[s] + dot(work.p, work.difference[s])
            work.a[s] = work.weight[s] / (1.0 + np.exp(x)) / ridge
    return n


@compiled_part
def user_value(tables: FakeUserTables, work: Workspace, n: int) -> float:
    """``-s . G`` of the user whose first ``n`` samples are loaded; sets the row it is taken at."""
    if n == 0:
        return 0.0
    if tables.row.fold:
        fold_in(
            n,
            work.difference,
            work.gram,
            work.constant,
            work.weight,
            row_ridge(tables.row, work.weight, n),
            work.a,
            work.p,
            work.x,
            work.slope,
            work.curvature,
            work.system,
            work.step,
            work.residual,
            work.moved,
        )
    else:
        for s in range(n):
            work.x[s] = work.constant[s] + dot(work.p, work.difference[s])
        derivatives(n, work.x, work.weight, work.slope, work.curvature)
    total = 0.0
    for s in range(n):
        y = work.drift[s] + dot(work.p, work.change[s])
        total -= work.slope[s] * y + work.weight[s] * work.rho[s]
    return total


@compiled
def sequence_values(
    tables: FakeUserTables,
    work: Workspace,
    offsets: IndexArray,
    items: IntArray,
    every_event: bool,
    out: Array,
) -> None:
    """Influence of each sequence into ``out`` (n,), or after each of its events (n_events,)."""
    for r in range(len(offsets) - 1):
        row = items[offsets[r] : offsets[r + 1]]
        length = len(row)
        if not every_event:
            out[r] = 0.0
        if length == 0:
            continue
        n = NONE
        for t in range(NONE if every_event else length - 1, length):
            n = extend_user(tables, work, row, t, n, t if every_event else NONE)
            value = user_value(tables, work, n)
            if every_event:
                out[offsets[r] + t] = value
            else:
                out[r] = value
