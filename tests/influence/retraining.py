"""Retraining from the clean optimum with one weighted fake user: the truth of these tests."""

import numpy as np
from factor_doubles import ConvergedFactors

from loki_bench.contracts import TrainingSamples
from loki_bench.influence.fake_users.samples import frozen_negatives


class WithFakeUser(ConvergedFactors):
    """The last user's samples, and its row's regulariser, weigh ``fake_weight``."""

    fake_weight = 1.0

    def l2_coefficients(self, samples, weights=None):
        out = super().l2_coefficients(samples, weights)
        if not self.per_sample:
            for k, kind in enumerate(self.kinds):
                if kind == "user":
                    out[2 * k][-1] *= self.fake_weight
        return out


def negatives_of(samples, targets, n_items, rows, *, seed):
    """The negatives that the estimator's contract promises: of the frozen pool, by place."""
    pool = frozen_negatives(samples.negatives, targets, n_items=n_items, seed=seed)
    out = []
    for row in rows:
        chosen = []
        for t in range(len(row)):
            place = t
            while pool[place] in row:
                place += 1
            chosen.append(int(pool[place]))
        out.append(chosen)
    return out


def retrained(model, train, samples, row, negatives, weight, *, polish=0):
    """The clean model trained on, from its optimum, with a fake user of the given weight."""
    first = 0 if model.kinds == ("user",) else 1
    events = range(first, len(row))

    def joined(old, new):
        return np.concatenate([old, np.array(new, dtype=np.int32)])

    everything = TrainingSamples(
        users=joined(samples.users, [train.n_users for _ in events]),
        last_items=joined(samples.last_items, [row[t - 1] if t else -1 for t in events]),
        positives=joined(samples.positives, [row[t] for t in events]),
        negatives=joined(samples.negatives, [negatives[t] for t in events]),
    )
    start = []
    for k, table in enumerate(model.tables):
        values = table.detach().numpy()
        if k % 2 == 0 and model.kinds[k // 2] == "user":
            values = np.vstack([values, np.full((1, model.d), 0.01)])
        start.append(values.ravel())
    out = WithFakeUser(
        model.kinds,
        d=model.d,
        per_sample=model.per_sample,
        table_l2=model.table_l2,
        max_iterations=4000,
        tolerance=1e-11,
    )
    out.fake_weight = weight
    return out.fit_samples(
        train.n_users + 1,
        train.n_items,
        everything,
        seed=0,
        weights=np.concatenate([np.ones(len(samples)), np.full(len(events), weight)]),
        start=np.concatenate(start),
        polish=polish,
    )
