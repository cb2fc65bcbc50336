"""One influence question of bprmf, and how pyDVL and dattri answer it.

The model is bprmf trained by L-BFGS on MovieLens-100K, the target a difference of two scores of
one user, the system ``(H + damping I) s = grad f`` with H the exact Hessian of the summed loss.
Peers take the mean of the losses and one multiple of the identity: the same system divided by
the number of samples.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from loki_bench.contracts import InfluenceObjective
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.influence.solvers.conjugate_gradient import conjugate_gradient
from loki_bench.plugins.registry import discover
from loki_bench.split import leave_one_out
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import Named
from loki_bench_recbole.bprmf import BPRMF

L2, DAMPING, TOLERANCE = 3.0, 3.0, 1e-3
USER, LIKED, OTHER = 7, 40, 300


class Margin(nn.Module):
    """score(user, positive) - score(user, negative) of rows (user, positive, negative)."""

    def __init__(self, users, items):
        super().__init__()
        self.users = nn.Parameter(torch.tensor(users, dtype=torch.float64))
        self.items = nn.Parameter(torch.tensor(items, dtype=torch.float64))

    def forward(self, triples):
        u, i, j = triples[..., 0], triples[..., 1], triples[..., 2]
        return (self.users[u] * (self.items[i] - self.items[j])).sum(-1)


@dataclass(frozen=True)
class Case:
    """A fitted model, its samples, and the question."""

    model: BPRMF
    train: object

    @cached_property
    def samples(self):
        return self.model.training_samples(self.train, seed=0)

    @cached_property
    def linear(self):
        return FactorObjective.of(self.model, self.samples, np.float64)

    @cached_property
    def target(self):
        return self.linear.target_gradient(
            InfluenceObjective(
                users=np.array([USER, USER], np.int32),
                histories=self.train.take([USER, USER]),
                items=np.array([LIKED, OTHER], np.int32),
                weights=np.array([1.0, -1.0]),
            )
        )

    @cached_property
    def triples(self):
        columns = (self.samples.users, self.samples.positives, self.samples.negatives)
        return torch.from_numpy(np.stack(columns, axis=1).astype(np.int64))

    @property
    def asked(self):
        return torch.tensor([[USER, LIKED, OTHER]])

    @cached_property
    def margin(self):
        (term,) = self.model.factor_terms()
        return Margin(term.row_table, term.item_table)

    @property
    def regularisation(self):
        """Of the mean loss."""
        return (L2 + DAMPING) / len(self.samples)

    def residual(self, s):
        """Relative residual of a solution of the summed system, by our product."""
        left = self.linear.hessian_product(s, damping=DAMPING) - self.target
        return float(np.linalg.norm(left) / np.linalg.norm(self.target))


def trained_case(n_users=None):
    """bprmf on all of MovieLens-100K, or on its first users."""
    torch.set_num_threads(1)
    _, interactions = load_dataset(Named(name="ml-100k"), discover(), download=True)
    train = leave_one_out(interactions).train
    if n_users is not None:
        train = train.with_sequences(train.take(range(n_users)))
    model = BPRMF(trainer="lbfgs", embedding_size=16, epochs=150, l2=L2, tolerance=0.1)
    return Case(model.fit(train, validation=None, seed=0), train)


def solved_here(case, tolerance=TOLERANCE):
    """Our solution of the summed system."""

    def product(vector, out):
        return case.linear.hessian_product(vector, damping=DAMPING, out=out)

    return conjugate_gradient(product, case.target, tolerance=tolerance, max_iterations=500)


def solved_by_pydvl(case, n_iterations, *, collated):
    """pyDVL's conjugate gradients: its solution of the mean system.

    Its tolerance is relative to one component of the target (``norm(mat, dim=0)``) and compared
    as a square with the residual itself, so the residual wanted is given as ``atol ** 2``. It reads
    its data loader anew for every product: ``collated`` gives it one that holds its only batch
    ready, otherwise it has what its users write, a loader of a dataset of tensors.
    """
    from pydvl.influence.torch import CgInfluence
    from torch.utils.data import DataLoader, TensorDataset

    columns = (case.triples, torch.zeros(len(case.triples)))
    if collated:
        loader = DataLoader([columns], batch_size=None)
    else:
        loader = DataLoader(TensorDataset(*columns), batch_size=len(case.triples))
    solver = CgInfluence(
        case.margin,
        # y = 0: a training sample's loss; y = 1: the score difference that is asked about
        lambda margin, y: torch.where(y == 1, margin, nn.functional.softplus(-margin)).mean(),
        regularization=case.regularisation,
        rtol=0.0,
        atol=float(np.sqrt(TOLERANCE * np.linalg.norm(case.target))),
        maxiter=5 * n_iterations,
    ).fit(loader)
    found = solver.influence_factors(case.asked, torch.ones(1))
    return found.detach().numpy().ravel()


def influence_by_dattri(case, triples, n_iterations):
    """dattri's influence of training samples, of the mean system.

    Its conjugate gradients take no tolerance: they run the number of iterations given.
    """
    from dattri.algorithm.influence_function import IFAttributorCG
    from dattri.task import AttributionTask
    from torch.func import functional_call
    from torch.utils.data import DataLoader, TensorDataset

    def mean_loss(parameters, data):
        return nn.functional.softplus(-functional_call(case.margin, parameters, data[0])).mean()

    def score_difference(parameters, data):
        return functional_call(case.margin, parameters, data[0]).mean()

    task = AttributionTask(
        loss_func=mean_loss,
        model=case.margin,
        checkpoints=case.margin.state_dict(),
        target_func=score_difference,
    )
    attributor = IFAttributorCG(
        task, max_iter=n_iterations, regularization=case.regularisation, mode="rev-rev"
    )

    def loader(rows):
        return DataLoader(TensorDataset(rows), batch_size=len(rows), shuffle=False)

    attributor.cache(loader(case.triples))
    values = attributor.attribute(loader(triples), loader(case.asked))
    return values.detach().numpy().ravel()
