"""Small factor recommenders in float64, trained to convergence: the tests' own surrogates."""

import numpy as np
import torch
from scipy.optimize import minimize

from loki_bench.contracts import FactorRecommender, FactorTerm, TrainingSamples
from loki_bench.interactions import Interactions, Sequences


class ConvergedFactors(FactorRecommender):
    """BPRMF (``terms = ("user",)``) or FPMC (``("user", "last-item")``), fitted by L-BFGS."""

    def __init__(
        self,
        terms=("user",),
        *,
        d=4,
        l2=0.3,
        per_sample=False,
        table_l2=None,
        max_iterations=3000,
        tolerance=1e-9,
    ):
        self.kinds = terms
        self.d = d
        self.per_sample = per_sample
        self.table_l2 = table_l2 or [(l2, l2)] * len(terms)
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(self, train, *, validation=None, seed):
        samples = self.training_samples(train, seed=seed)
        return self.fit_samples(train.n_users, train.n_items, samples, seed=seed)

    def fit_samples(self, n_users, n_items, samples, *, seed, weights=None, start=None, polish=0):
        self.shapes = []
        for kind in self.kinds:
            self.shapes += [(n_users if kind == "user" else n_items, self.d), (n_items, self.d)]
        size = sum(a * b for a, b in self.shapes)
        rng = np.random.default_rng(seed)
        theta = rng.normal(scale=0.3, size=size) if start is None else start.copy()
        weights = None if weights is None else torch.as_tensor(weights)

        def total_of_tables():
            loss = self.sample_loss(samples)
            total = (loss if weights is None else loss * weights).sum()
            l2 = self.l2_coefficients(samples, weights)
            for table, coefficient in zip(self.tables, l2, strict=True):
                total = total + 0.5 * (coefficient * table**2).sum()
            return total

        def value_and_gradient(flat):
            self.load(flat)
            total = total_of_tables()
            gradients = torch.autograd.grad(total, self.tables)
            return total.item(), torch.cat([g.reshape(-1) for g in gradients]).numpy()

        result = minimize(
            value_and_gradient,
            theta,
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": self.max_iterations,
                "maxfun": 10 * self.max_iterations,
                "gtol": self.tolerance,
                "ftol": 0.0,
                "maxcor": 30,
            },
        )
        self.load(result.x)
        for _ in range(polish):
            self.load(self.flat - _newton_step(total_of_tables(), self.tables))
        return self

    def load(self, flat):
        self.flat = np.array(flat, dtype=np.float64)
        self.tables, at = [], 0
        for rows, d in self.shapes:
            table = torch.tensor(self.flat[at : at + rows * d].reshape(rows, d))
            self.tables.append(table.requires_grad_())
            at += rows * d

    def parameters(self):
        return self.tables

    def training_samples(self, train, *, seed):
        """One negative an event, drawn per user so that more users leave the others' unchanged."""
        first = 1 if set(self.kinds) == {"last-item"} or len(self.kinds) == 2 else 0
        users, last, positives, negatives = [], [], [], []
        for u, row in enumerate(train):
            rng = np.random.default_rng([seed, u])
            others = np.setdiff1d(np.arange(train.n_items), row)
            for t in range(first, len(row)):
                users.append(u)
                last.append(row[t - 1] if t else -1)
                positives.append(row[t])
                negatives.append(
                    rng.choice(others) if len(others) else (row[t] + 1) % train.n_items
                )
        return TrainingSamples(
            users=np.array(users, dtype=np.int32),
            last_items=np.array(last, dtype=np.int32),
            positives=np.array(positives, dtype=np.int32),
            negatives=np.array(negatives, dtype=np.int32),
        )

    def _score(self, users, last_items, items):
        users, items = torch.as_tensor(users).long(), torch.as_tensor(items).long()
        last = torch.as_tensor(np.asarray(last_items)).long()
        total = torch.zeros(len(users), dtype=torch.float64)
        for k, kind in enumerate(self.kinds):
            rows, table = self.tables[2 * k], self.tables[2 * k + 1]
            if kind == "user":
                total = total + (rows[users] * table[items]).sum(-1)
            else:
                known = (last >= 0).double()
                total = total + known * (rows[last.clamp(min=0)] * table[items]).sum(-1)
        return total

    def sample_loss(self, samples):
        margin = self._score(samples.users, samples.last_items, samples.positives) - self._score(
            samples.users, samples.last_items, samples.negatives
        )
        return torch.nn.functional.softplus(-margin)

    def l2_coefficients(self, samples, weights=None):
        weights = np.ones(len(samples)) if weights is None else np.asarray(weights)
        out = []
        for k, kind in enumerate(self.kinds):
            row_l2, item_l2 = self.table_l2[k]
            for which, strength in enumerate((row_l2, item_l2)):
                n = self.shapes[2 * k + which][0]
                if not self.per_sample:
                    out.append(torch.full((n, 1), strength, dtype=torch.float64))
                    continue
                index = samples.users if kind == "user" else samples.last_items
                known = index >= 0
                if which == 0:
                    counts = np.bincount(index[known], weights=weights[known], minlength=n)
                else:
                    counts = np.bincount(
                        samples.positives[known], weights=weights[known], minlength=n
                    ) + np.bincount(samples.negatives[known], weights=weights[known], minlength=n)
                out.append(torch.as_tensor(strength * counts)[:, None])
        return out

    def target_score(self, users, histories, items):
        last = [int(row[-1]) if len(row) else -1 for row in histories]
        return self._score(users, np.array(last, dtype=np.int64), items)

    def score_next(self, users, histories):
        n = self.shapes[1][0]
        rows = []
        with torch.no_grad():
            for user, history in zip(users, histories, strict=True):
                last = int(history[-1]) if len(history) else -1
                rows.append(self._score(np.full(n, user), np.full(n, last), np.arange(n)).numpy())
        return np.array(rows, dtype=np.float32).reshape(len(users), n)

    def factor_terms(self):
        tables = [t.detach().numpy() for t in self.tables]
        return tuple(
            FactorTerm(
                row=kind,
                row_table=tables[2 * k],
                item_table=tables[2 * k + 1],
                row_l2=self.table_l2[k][0],
                item_l2=self.table_l2[k][1],
            )
            for k, kind in enumerate(self.kinds)
        )

    @property
    def l2_per_sample(self):
        return self.per_sample


def _newton_step(total, tables):
    """``H^-1 g`` by dense automatic differentiation, without the zero modes of rotations."""
    first = torch.autograd.grad(total, tables, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in first])
    rows = []
    for g in flat:
        second = torch.autograd.grad(g, tables, retain_graph=True)
        rows.append(torch.cat([h.reshape(-1) for h in second]))
    values, vectors = torch.linalg.eigh(torch.stack(rows))
    inverse = torch.where(values.abs() > 1e-6, 1 / values, 0.0)
    return (vectors @ (inverse * (vectors.T @ flat.detach()))).numpy()


def random_users(n_users, n_items, *, seed, low=3, high=8):
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(n_items, size=rng.integers(low, high), replace=False) for _ in range(n_users)
    ]
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)
