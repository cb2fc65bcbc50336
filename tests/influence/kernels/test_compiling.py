"""The compiled kernels give the same bits wherever their arrays lie in memory.

A loop's machine code picks between a vectorised and a plain version by how close its arrays lie:
both must do the same arithmetic, or the same attack would differ between two runs.
"""

import ast
from pathlib import Path

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users

import loki_bench.influence
from loki_bench.influence.fake_users.factor import FactorFakeUsers
from loki_bench.influence.fake_users.leverage import LeverageFakeUsers
from loki_bench.influence.fake_users.options import FakeUserOptions
from loki_bench.influence.kernels.factor import (
    add_gradient,
    add_hessian_product,
    margin_derivatives,
    regularise,
)
from loki_bench.influence.kernels.fake_user import sequence_values
from loki_bench.influence.kernels.fold_in import cholesky, cholesky_solve, fold_in
from loki_bench.influence.kernels.leverage import leverage_values
from loki_bench.influence.kernels.marginal import derivative_marginals, difference_marginals
from loki_bench.influence.kernels.negatives import SampleRules
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

N_LAYOUTS = 40
N_ITEMS = 60


def arrays_of(argument):
    if isinstance(argument, np.ndarray):
        return [argument]
    if isinstance(argument, tuple):
        return [array for part in argument for array in arrays_of(part)]
    return []


def replaced(argument, arrays):
    """The argument with its arrays replaced by the next ones of an iterator."""
    if isinstance(argument, np.ndarray):
        return next(arrays)
    if isinstance(argument, tuple):
        parts = [replaced(part, arrays) for part in argument]
        return type(argument)(*parts) if hasattr(argument, "_fields") else tuple(parts)
    return argument


def laid_out(argument, rng):
    """Copies of all arrays inside one buffer, in any order, 0 to 40 words of 8 bytes apart."""
    arrays = arrays_of(argument)
    words = [-(-array.nbytes // 8) for array in arrays]
    buffer = np.zeros(sum(words) + 41 * (len(arrays) + 1), dtype=np.float64)
    copies = [np.empty(0)] * len(arrays)
    at = 0
    for k in rng.permutation(len(arrays)):
        at += int(rng.integers(0, 41))
        copy = buffer[at : at + words[k]].view(arrays[k].dtype)[: arrays[k].size]
        copies[k] = copy.reshape(arrays[k].shape)
        copies[k][...] = arrays[k]
        at += words[k]
    return replaced(argument, iter(copies))


def outcome(kernel, arguments):
    """The returned number and the bytes of every array, as the kernel leaves them."""
    answer = kernel(*arguments)
    return repr(answer), [array.tobytes() for array in arrays_of(arguments)]


def assert_same_bits_everywhere(kernel, arguments):
    expected = None
    for seed in range(N_LAYOUTS):
        got = outcome(kernel, laid_out(arguments, np.random.default_rng(seed)))
        expected = got if expected is None else expected
        assert got == expected, f"memory layout {seed} gives other bits"


def objective_of(kinds, dtype, d, *, per_sample=False):
    train = random_users(30, N_ITEMS, seed=1, low=3, high=12)
    l2 = [(0.3, 0.2), (0.1, 0.4)][: len(kinds)]
    model = ConvergedFactors(kinds, d=d, per_sample=per_sample, table_l2=l2, max_iterations=3)
    model.fit(train, seed=0)
    return FactorObjective.of(model, model.training_samples(train, seed=0), dtype)


def fake_users_of(objective):
    rng = np.random.default_rng(2)
    return FactorFakeUsers(
        objective,
        rng.normal(size=objective.size).astype(objective.theta.dtype),
        FakeUserOptions(),
        rules=SampleRules(
            negatives=rng.permutation(N_ITEMS).astype(np.int32),
            n_negatives=1,
            negatives_per_prefix=False,
            first_weight=1.0,
            later_weight=1.0,
        ),
        seed=0,
    )


def candidates():
    rng = np.random.default_rng(3)
    return Sequences.of([rng.integers(0, N_ITEMS, n) for n in (1, 4, 9, 13)])


KINDS = pytest.mark.parametrize("kinds", [("user",), ("user", "last-item")])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
# narrower and wider than the candidates are long (both kinds of fold-in), and no multiple of a
# vector register, so that every loop has a vectorised part and a rest
WIDTHS = pytest.mark.parametrize("d", [5, 37])


@KINDS
@DTYPES
@WIDTHS
@pytest.mark.parametrize("gauss_newton", [False, True])
def test_hessian_products_do_not_depend_on_addresses(kinds, dtype, d, gauss_newton):
    objective = objective_of(kinds, dtype, d)
    vector = np.random.default_rng(0).normal(size=objective.size).astype(dtype)
    arguments = (
        *(objective.theta, vector, np.zeros_like(vector), *objective.sample_offsets),
        *(objective.layout.dims, objective.slope, objective.curvature, gauss_newton),
    )
    assert_same_bits_everywhere(add_hessian_product, arguments)


@KINDS
@DTYPES
@WIDTHS
def test_gradients_and_margins_do_not_depend_on_addresses(kinds, dtype, d):
    objective = objective_of(kinds, dtype, d)
    theta, dims, at = objective.theta, objective.layout.dims, objective.sample_offsets
    slope, curvature, out = objective.slope, objective.curvature, np.zeros_like(theta)
    rows = (objective.row_starts, objective.row_widths, objective.row_l2)
    assert_same_bits_everywhere(add_gradient, (theta, out, *at, dims, slope))
    assert_same_bits_everywhere(margin_derivatives, (theta, *at, dims, slope, curvature))
    assert_same_bits_everywhere(regularise, (theta, out, *rows, 0.25))


@pytest.mark.parametrize("n", [3, 16, 29])
def test_cholesky_and_its_solve_do_not_depend_on_addresses(n):
    rows = np.random.default_rng(0).normal(size=(n, n))
    matrix = rows @ rows.T + np.eye(n)
    assert_same_bits_everywhere(cholesky, (matrix, n))
    assert_same_bits_everywhere(cholesky_solve, (np.linalg.cholesky(matrix), n, rows[0].copy()))


@pytest.mark.parametrize(("n", "d"), [(3, 37), (15, 37), (15, 5)])
def test_fold_ins_do_not_depend_on_addresses(n, d):
    rng = np.random.default_rng(0)
    difference = rng.normal(size=(n, d))
    c, w, size = rng.normal(size=n), np.ones(n), max(n, d)
    start = (np.zeros(n), np.zeros(d), np.zeros(n), np.zeros(n), np.zeros(n))
    work = (np.zeros((size, size)), np.zeros(size), np.zeros(size), np.zeros(size))
    gram = difference @ difference.T
    assert_same_bits_everywhere(fold_in, (n, difference, gram, c, w, 0.7, *start, *work))


@KINDS
@DTYPES
@WIDTHS
@pytest.mark.parametrize("every_event", [False, True])
def test_influences_and_rewards_do_not_depend_on_addresses(kinds, dtype, d, every_event):
    users, rows = fake_users_of(objective_of(kinds, dtype, d)), candidates()
    out = np.zeros(rows.n_events)
    arguments = (users.tables, users.workspace(13), rows.offsets, rows.items, every_event, out)
    assert_same_bits_everywhere(sequence_values, arguments)


@pytest.mark.parametrize("kernel", [difference_marginals, derivative_marginals])
@KINDS
@WIDTHS
def test_marginal_influences_do_not_depend_on_addresses(kernel, kinds, d):
    objective = objective_of(kinds, np.float32, d, per_sample=True)
    users, rows = fake_users_of(objective), candidates()
    following, out = np.array([5, 6, 7, 8], np.int32), np.zeros(len(rows))
    arguments = (users.tables, users.workspace(14), rows.offsets, rows.items, following, out)
    assert_same_bits_everywhere(kernel, arguments)


@KINDS
@WIDTHS
def test_leverage_corrections_do_not_depend_on_addresses(kinds, d):
    objective = objective_of(kinds, np.float32, d, per_sample=True)
    users, rows = fake_users_of(objective), candidates()
    blocks = LeverageFakeUsers(objective, users, damping=0.1)._blocks
    work, out = users.workspace(13), np.zeros(rows.n_events)
    arguments = (users.tables, blocks, work, rows.offsets, rows.items, True, out)
    assert_same_bits_everywhere(leverage_values, arguments)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_table_that_is_not_finite_makes_the_summed_loss_not_finite(bad):
    objective = objective_of(("user",), np.float32, 5)
    theta = np.full_like(objective.theta, bad)
    loss = margin_derivatives(
        theta,
        *objective.sample_offsets,
        objective.layout.dims,
        objective.slope.copy(),
        objective.curvature.copy(),
    )
    assert np.isnan(loss)  # infinity less infinity is NaN too


def test_functions_that_sum_in_any_order_write_no_array():
    sums = 0
    for path in Path(loki_bench.influence.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            if "compiled_sum" not in [ast.unparse(d) for d in node.decorator_list]:
                continue
            sums += 1
            written = [
                ast.unparse(part)
                for part in ast.walk(node)
                if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store)
            ]
            assert not written, f"{path.name}: {node.name} writes {written}"
    assert sums > 0
