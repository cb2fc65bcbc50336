"""Views for attackers under test: what a spec needs is granted, and nothing else."""

import copy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView, Budget, Goal, GoalKind, Recommender
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import AttackerSpec, Need
from loki_bench.split import Split, leave_one_out
from loki_bench.testing.planted import interactions_of
from loki_bench.testing.ridge import RidgeInfluence, RidgeRecommender
from loki_bench.testing.subject import Subject
from loki_bench.testing.surroundings import writable

__all__ = ["attacked_data", "is_asked_to_prepare", "needs_of", "takes_lengths", "view_for"]

N_QUERIES = 20


@lru_cache(maxsize=1)
def attacked_data() -> Split:
    """50 users of 40 items, popularity falling with the id, 4 to 9 events; user 0 has none.

    Item 39 is in nobody's history.
    """
    generator = np.random.default_rng(3)
    odds = 1.0 / np.arange(1, 40)
    rows = [
        generator.choice(
            39, size=int(generator.integers(4, 10)), replace=False, p=odds / odds.sum()
        )
        for _ in range(49)
    ]
    return leave_one_out(interactions_of([[], *(r.tolist() for r in rows)], n_items=40))


def view_for(
    subject: Subject,
    *,
    n_fake_users: int = 6,
    n_actions: int = 5,
    seed: int = 20,
    kind: GoalKind = "promote",
    items: tuple[int, ...] = (30, 34, 38),
    users: tuple[int, ...] = (3, 8, 21, 40),
    lengths: tuple[int, ...] | None = None,
) -> AttackerView:
    """A view of :func:`attacked_data` whose arrays are its own and can be written to.

    With ``lengths`` there is a fake user for each, whatever ``n_fake_users`` is. The surrogate is
    the view's own, too.
    """
    needs = needs_of(subject)
    history = attacked_data().history
    if "history" not in needs:
        history = history.with_sequences(Sequences.of([[]] * history.n_users))
    return AttackerView(
        history=writable(history),
        goal=Goal(
            items=np.array(items, dtype=np.int32), users=np.array(users, dtype=np.int32), kind=kind
        ),
        budget=Budget(n_fake_users=n_fake_users, n_actions=n_actions)
        if lengths is None
        else Budget(
            n_fake_users=len(lengths),
            n_actions=n_actions,
            lengths=np.array(lengths, dtype=np.int64),
        ),
        seed=seed,
        surrogates=(_lent_surrogate(),) if "surrogates" in needs else (),
        influence=RidgeInfluence if "influence" in needs else None,
        oracle=_CountedOracle(sequences="sequence-queries" in needs)
        if needs & {"queries", "sequence-queries"}
        else None,
    )


def needs_of(subject: Subject) -> frozenset[Need]:
    """What the attack must be granted, given the parameters that it is built with."""
    spec = _spec(subject)
    defaults = {name: p.default for name, p in spec.parameters().items()}
    return spec.needs_with({**defaults, **subject.parameters})


def is_asked_to_prepare(subject: Subject) -> bool:
    """Whether the host lets the attack prepare: it says so, and asks the victim nothing."""
    return _spec(subject).prepares and not needs_of(subject) & {"queries", "sequence-queries"}


def takes_lengths(subject: Subject) -> bool:
    """Whether the attack says that it keeps to the lengths that the host drew."""
    return _spec(subject).takes_lengths


def _spec(subject: Subject) -> AttackerSpec:
    assert isinstance(subject.spec, AttackerSpec)  # noqa: S101  # checks are chosen by kind
    return subject.spec


@dataclass
class _LentSurrogate:
    name: str
    weight: float
    train: Interactions
    model: Recommender

    def fit(self) -> Recommender:
        return self.model


@lru_cache(maxsize=1)
def _fitted() -> RidgeRecommender:
    return RidgeRecommender().fit(attacked_data().train, validation=None, seed=0)


def _lent_surrogate() -> _LentSurrogate:
    # a copy: what one attack does to it must not show in the next check
    return _LentSurrogate("ridge", 1.0, attacked_data().train, copy.deepcopy(_fitted()))


class _CountedOracle:
    """Answers with the first ten items of the kit's ridge recommender that a user does not have."""

    def __init__(self, *, sequences: bool) -> None:
        self.n_left = N_QUERIES
        self._sequences = sequences

    def top_k(self, user: int) -> NDArray[np.int32]:
        return self._list(user, attacked_data().history[user])

    def top_k_of(self, items: NDArray[np.int32]) -> NDArray[np.int32]:
        asked = np.asarray(items)
        n_items = attacked_data().history.n_items
        if not self._sequences or not len(asked) or asked.min() < 0 or asked.max() >= n_items:
            raise RejectedError(
                "asked about a sequence: it must hold items of the catalogue, and the spec must "
                "name the need 'sequence-queries'"
            )
        return self._list(0, asked)

    def _list(self, user: int, history: NDArray[np.int32]) -> NDArray[np.int32]:
        if not self.n_left:
            raise RejectedError(f"all {N_QUERIES} queries are used; ask fewer")
        self.n_left -= 1
        scores = _fitted().score_next(np.array([user], dtype=np.int32), Sequences.of([history]))[0]
        order = np.argsort(-scores, kind="stable")
        return order[~np.isin(order, history)][:10].astype(np.int32)
