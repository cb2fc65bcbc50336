"""Attackers that a seed gives away, or that no seed determines."""

import os

import numpy as np

from loki_bench.contracts import Attacker
from loki_bench.errors import RejectedError
from loki_bench.interactions import Sequences
from loki_bench.seeds import seed_for
from toy_plugin.components import Counts


def _rows(view, items):
    """Fake users of the budget with these items, the first events first."""
    n = view.budget.n_actions
    return Sequences.of([items[i * n : (i + 1) * n] for i in range(view.budget.n_fake_users)])


class TrainsTheVictim(Attacker):
    """Tries root seeds until one gives its own seed, and then trains that seed's very victim.

    With it, events go to as many targets as they lift into that victim's first five; without it,
    to all targets alike.
    """

    def __init__(self, guesses: int = 1000, noise: float = 40.0) -> None:
        self.guesses, self.noise = guesses, noise

    def poison(self, view):
        n_events = view.budget.n_fake_users * view.budget.n_actions
        targets = view.goal.items.tolist()
        own = (seed_for(root, "attacker/trains-the-victim") for root in range(self.guesses))
        roots = [root for root, seed in enumerate(own) if seed == view.seed]
        self.report = {"roots": roots}
        if not roots:
            return _rows(view, (targets * n_events)[:n_events])
        train = view.history.with_sequences(Sequences.of([row[:-1] for row in view.history]))
        seed = seed_for(roots[0], "victim/counts")
        scores = Counts(noise=self.noise).fit(train, validation=None, seed=seed).scores
        others = np.sort(np.delete(scores, targets))
        by_score = sorted(targets, key=lambda item: -scores[item])
        for n_lifted in range(len(targets), 0, -1):  # as many as there are events for
            above = others[-(6 - n_lifted)]
            lacking = [int(np.floor(above - scores[t])) + 1 for t in by_score[:n_lifted]]
            items = [t for t, n in zip(by_score, lacking, strict=False) for _ in range(n)]
            if len(items) <= n_events:
                return _rows(view, (items + by_score[:n_lifted] * n_events)[:n_events])
        return _rows(view, (targets * n_events)[:n_events])


class RollsDice(Attacker):
    """Takes its chances from the system, not from its seed; or what it reports, or how it ends."""

    def __init__(self, what: str = "poison") -> None:
        self.what = what

    def poison(self, view):
        dice = int.from_bytes(os.urandom(7), "big")
        if self.what == "report":
            self.report = {"dice": dice}
        if self.what == "end" and view.goal.items.flags.writeable is False:
            type(self).times = getattr(type(self), "times", 0) + 1
            if type(self).times % 2 == 0:
                raise RejectedError("the second time")
        random = np.random.default_rng(dice if self.what == "poison" else view.seed)
        n_events = view.budget.n_fake_users * view.budget.n_actions
        return _rows(view, random.integers(view.history.n_items, size=n_events).tolist())
