"""The influence estimator ``target-block``: the Hessian cut down to the target items' own rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.first_order import (
    FirstOrderInfluence,
    FloatArray,
    LinearSystem,
    SolvedSystem,
)
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.influence.solvers.conjugate_gradient import Solution
from loki_bench.parameters import require_number

__all__ = ["TargetBlockInfluence", "target_block_solution"]


@dataclass(frozen=True, kw_only=True)
class TargetBlockInfluence(FirstOrderInfluence):
    """Closed form over the rows of each target item; every other row is held still.

    Fast influence analysis (Cheng et al., KDD 2019) solves the block of one test pair; here each
    target item's rows of all terms form a block, and the target users' rows are held still too: a
    fake user's samples never touch them. A fake user without a target item has influence 0 but for
    its negatives, so it ranks only those with one. Factor models only.

    Parameters
    ----------
    damping : float, 0 or more
        Added to each block's diagonal.
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.options.FakeUserOptions`.
    precision : "float32" or "float64"
        Of the tables; blocks are solved in float64.
    """

    damping: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number(type(self).__name__, "damping", self.damping)

    def _solve(self, system: LinearSystem) -> SolvedSystem:
        training = system.training
        if not isinstance(training, FactorObjective):
            raise InvalidAnswerError(
                "influence estimator 'target-block' needs a FactorRecommender's tables: use 'cg'"
            )
        items = np.unique(system.targets.items)
        s = target_block_solution(training, system.target, items, damping=self.damping)
        return SolvedSystem(
            solution=Solution.direct(s), damping=self.damping, report={"damping": self.damping}
        )


def target_block_solution(
    model: FactorObjective,
    target: FloatArray,
    items: NDArray[np.int32],
    *,
    damping: float,
) -> FloatArray:
    """``s`` that is ``A_v^-1`` times the target gradient in the rows of each item v, 0 elsewhere.

    ``A_v = sum_s h_s z_s z_s^T + l2 + damping`` over the samples that rank v above or below another
    item, with z_s their rows. The margin is linear in one item's rows, so this block of the exact
    Hessian has no indefinite part.

    Raises
    ------
    InvalidAnswerError
        A block is singular: no L2 term, no damping, and too few samples.
    """
    layout, samples = model.layout, model.samples
    row_at = model.sample_offsets[0]
    out = np.zeros_like(target)
    for item in items:
        touched = np.flatnonzero((samples.positives == item) | (samples.negatives == item))
        h = model.curvature[touched].astype(np.float64)
        parts, places, l2 = [], [], []
        for k in range(len(layout.dims)):
            d = int(layout.dims[k])
            at = row_at[k][touched]
            rows = model.theta[np.maximum(at, 0)[:, None] + np.arange(d)].astype(np.float64)
            parts.append(np.where(at[:, None] >= 0, rows, 0.0))
            start = int(layout.item_starts[k]) + int(item) * d
            places.append(start + np.arange(d))
            l2.append(np.full(d, float(model.item_l2(k)[item]) + damping))
        z, place = np.hstack(parts), np.concatenate(places)
        block = (z * h[:, None]).T @ z + np.diag(np.concatenate(l2))
        try:
            factor = np.linalg.cholesky(block)
        except np.linalg.LinAlgError:
            raise InvalidAnswerError(
                f"influence estimator 'target-block': item {item} has a singular block: give the "
                "recommender an L2 term or the estimator a damping above 0"
            ) from None
        half = np.linalg.solve(factor, target[place].astype(np.float64))
        out[place] = np.linalg.solve(factor.T, half)
    return out
