"""Small differentiable recommenders in float64 without factor tables."""

import numpy as np
import torch

from loki_bench.contracts import (
    DifferentiableRecommender,
    TrainingSamples,
    TranslationRecommender,
    TranslationTables,
)
from loki_bench.interactions import Sequences


def following_samples(train, *, seed, with_histories):
    """A sample for every event but the first, with one negative drawn per user."""
    users, last, positives, negatives, histories = [], [], [], [], []
    for u, row in enumerate(train):
        rng = np.random.default_rng([seed, u])
        others = np.setdiff1d(np.arange(train.n_items), row)
        for t in range(1, len(row) if len(others) else 0):
            users.append(u)
            last.append(row[t - 1])
            positives.append(row[t])
            negatives.append(rng.choice(others))
            histories.append(row[:t])
    return TrainingSamples(
        users=np.array(users, dtype=np.int32),
        last_items=np.array(last, dtype=np.int32),
        positives=np.array(positives, dtype=np.int32),
        negatives=np.array(negatives, dtype=np.int32),
        histories=Sequences.of(histories) if with_histories else None,
    )


class Translations(TranslationRecommender):
    """Untrained TransRec tables, spread so that no length is near zero."""

    def __init__(self, n_users, n_items, *, d=5, l2=0.02, seed=0):
        rng = np.random.default_rng(seed)
        self.l2 = l2
        self.n_items = n_items
        self.tables = [
            torch.tensor(rng.normal(size=shape)).requires_grad_()
            for shape in ((n_users, d), (n_items, d), (n_items, 1), (1, d))
        ]

    def fit(self, train, *, validation, seed):
        return self

    def parameters(self):
        return self.tables

    def training_samples(self, train, *, seed):
        return following_samples(train, seed=seed, with_histories=False)

    def _score(self, users, last, items):
        u, i, b, shared = self.tables
        users, last, items = (torch.as_tensor(np.asarray(x)).long() for x in (users, last, items))
        start = shared + u[users] + i[last.clamp(min=0)] * (last >= 0)[:, None]
        return b[items, 0] - (start - i[items]).square().sum(-1).sqrt()

    def sample_loss(self, samples):
        margin = self._score(samples.users, samples.last_items, samples.positives)
        margin = margin - self._score(samples.users, samples.last_items, samples.negatives)
        return torch.nn.functional.softplus(-margin)

    def l2_coefficients(self, samples):
        both = np.concatenate([samples.positives, samples.negatives])
        touched = np.concatenate([both, samples.last_items[samples.last_items >= 0]])
        counts = (
            np.bincount(samples.users, minlength=len(self.tables[0])),
            np.bincount(touched, minlength=self.n_items),
            np.bincount(both, minlength=self.n_items),
            np.array([len(samples)]),
        )
        return [torch.as_tensor(self.l2 * c[:, None]) for c in counts]

    def target_score(self, users, histories, items):
        last = [int(row[-1]) if len(row) else -1 for row in histories]
        return self._score(users, np.array(last, dtype=np.int64), items)

    def score_next(self, users, histories):
        raise NotImplementedError

    def translation_tables(self):
        users, items, biases, shared = (t.detach().numpy() for t in self.tables)
        return TranslationTables(
            users=users, items=items, biases=biases[:, 0], shared=shared[0], l2=self.l2
        )


class Recurrent(DifferentiableRecommender):
    """A GRU over the items before, without a user table; ``loss`` as in GRU4Rec."""

    loss_is_log_probability = True

    def __init__(self, n_items, *, d=4, loss="BPR", l2=0.0, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.items = torch.randn(n_items, d, generator=generator, dtype=torch.float64)
        self.items.requires_grad_()
        self.gru = torch.nn.GRU(d, d, batch_first=True).double()
        with torch.no_grad():
            for p in self.gru.parameters():
                p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64))
        self.loss, self.l2 = loss, l2

    def fit(self, train, *, validation, seed):
        return self

    def parameters(self):
        return [self.items, *self.gru.parameters()]

    def training_samples(self, train, *, seed):
        return following_samples(train, seed=seed, with_histories=True)

    def _outputs(self, histories):
        d = self.items.shape[1]
        if not len(histories):
            return self.items.new_zeros(0, d)
        width = max(1, int(histories.lengths.max()))
        ids = np.full((len(histories), width), -1, dtype=np.int64)
        for at, row in enumerate(histories):
            ids[at, : len(row)] = row
        known = torch.as_tensor(ids >= 0)[:, :, None]
        inputs = self.items[torch.as_tensor(np.maximum(ids, 0))] * known
        ends = torch.as_tensor(np.maximum(histories.lengths - 1, 0))
        return self.gru(inputs)[0][torch.arange(len(histories)), ends]

    def sample_loss(self, samples):
        out = self._outputs(samples.histories)
        positives, negatives = (
            torch.as_tensor(x).long() for x in (samples.positives, samples.negatives)
        )
        if self.loss == "BPR":
            difference = self.items[positives] - self.items[negatives]
            return torch.nn.functional.softplus(-(out * difference).sum(-1))
        return torch.nn.functional.cross_entropy(out @ self.items.T, positives, reduction="none")

    def l2_coefficients(self, samples):
        return [
            torch.tensor(self.l2 * len(samples), dtype=torch.float64) for _ in self.parameters()
        ]

    def target_score(self, users, histories, items):
        return (self._outputs(histories) * self.items[torch.as_tensor(items).long()]).sum(-1)

    def score_next(self, users, histories):
        raise NotImplementedError


class Opaque(DifferentiableRecommender):
    """A factor model that does not show its factors."""

    loss_is_log_probability = True

    def __init__(self, model):
        self.model = model

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return self.model.score_next(users, histories)

    def parameters(self):
        return self.model.parameters()

    def training_samples(self, train, *, seed):
        return self.model.training_samples(train, seed=seed)

    def sample_loss(self, samples):
        return self.model.sample_loss(samples)

    def l2_coefficients(self, samples):
        return self.model.l2_coefficients(samples)

    def target_score(self, users, histories, items):
        return self.model.target_score(users, histories, items)
