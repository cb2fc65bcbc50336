"""Surrogates of the suite's pool, trained anew on the attacker's data and fake users of its own."""

import copy

from loki_bench.attackers.loki.simulator_trial import validation_of
from loki_bench.contracts import AttackerView, Recommender, Surrogate
from loki_bench.interactions import Interactions, Sequences
from loki_bench.seeds import seed_for

__all__ = ["retrained"]


def retrained(
    view: AttackerView, surrogate: Surrogate, poison: Sequences
) -> tuple[Recommender, Interactions]:
    """A copy of a surrogate trained on genuine users and the poison, and what it was trained on.

    The surrogate as it was provided where there is no poison yet. The provided one is never
    changed.
    """
    model = surrogate.fit()
    if not len(poison):
        return model, surrogate.train
    train = surrogate.train.with_users(poison)
    anew: Recommender = copy.deepcopy(model)
    anew.fit(
        train,
        validation=validation_of(view, surrogate.train),
        seed=seed_for(view.seed, f"retrained/{surrogate.name}"),
    )
    return anew, train
