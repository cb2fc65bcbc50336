"""The victims that the host trains for a defense, and what the defense may know of them.

A defense sees users in an order drawn at random; here its ids are turned into the host's, and its
masks and weights are checked. Validation events stay here: only genuine users have any.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_scores, lists_given_by
from loki_bench.contracts import (
    AdversarialNoise,
    AdversarialRecommender,
    FittedVictim,
    Recommender,
    VictimTrainer,
    WeightedRecommender,
)
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.sandbox.carry_out import runs_apart
from loki_bench.sandbox.parent import Isolated
from loki_bench.split import HeldOut
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Isolation, Limits
from loki_bench.training_checks import check_fit, check_question

__all__ = ["MOST_FITS", "TrainedVictim", "TrainedVictims", "VictimSource"]

MOST_FITS = 100


@dataclass(frozen=True, kw_only=True)
class VictimSource:
    """Makes victims to train, each a new one; a third party's in a process of its own.

    ``processes`` are those, in the order in which they were made.
    """

    component: ComponentRef
    isolation: Isolation
    limits: Limits
    closed: Path
    open: ExitStack
    processes: list[Isolated]

    def new(self) -> Recommender:
        """A victim that is not fitted; it is gone when the stack is closed."""
        if self.isolation == "process" and runs_apart(self.component):
            from loki_bench.sandbox.foreign_recommender import opened_recommender

            opened = opened_recommender(self.component, limits=self.limits, closed=self.closed)
            foreign, process = self.open.enter_context(opened)
            self.processes.append(process)
            return foreign
        recommender: Recommender = self.component.build()
        return recommender


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedVictim(FittedVictim):
    """One of them.

    ``order`` are the host's ids of the users as the defense ``who`` knows them;
    ``repeats_are_shown`` is whether its lists have items of the history, as the protocol says.
    """

    who: str
    recommender: Recommender
    name: str
    order: NDArray[np.int64]
    n_items: int
    repeats_are_shown: bool

    def scores(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """See :meth:`~loki_bench.contracts.FittedVictim.scores`."""
        found = self.recommender.score_next(self._hosts(users, histories), histories)
        return checked_scores(found, self.name, (len(histories), self.n_items))

    def top_k(self, users: NDArray[np.int32], histories: Sequences, k: int) -> NDArray[np.int32]:
        """See :meth:`~loki_bench.contracts.FittedVictim.top_k`."""
        return lists_given_by(
            self.recommender,
            name=self.name,
            users=self._hosts(users, histories, k),
            histories=histories,
            k=k,
            n_items=self.n_items,
            repeats_are_shown=self.repeats_are_shown,
        )

    def _hosts(
        self, users: NDArray[np.int32], histories: Sequences, k: int | None = None
    ) -> NDArray[np.int32]:
        check_question(
            who=self.who,
            users=users,
            histories=histories,
            n_users=len(self.order),
            n_items=self.n_items,
            k=k,
        )
        return self.order[users].astype(np.int32)


class TrainedVictims(VictimTrainer):
    """Trains them on the host's data, of which the defense is shown ``train.take(order)``.

    Parameters
    ----------
    source : VictimSource
    who : str
        The defense, for messages.
    train : Interactions
    validation : HeldOut or None
    order : int64 array of shape (n_users,)
    seed_of_fit : callable
        The seed of the n-th fit, from 0.
    repeats_are_shown : bool
        Whether the protocol ranks items of a user's history with the others.
    """

    def __init__(
        self,
        source: VictimSource,
        *,
        who: str,
        train: Interactions,
        validation: HeldOut | None,
        order: NDArray[np.int64],
        seed_of_fit: Callable[[int], int],
        repeats_are_shown: bool,
    ) -> None:
        self._source, self._who, self._train, self._validation = source, who, train, validation
        self._order, self._seed_of_fit = order, seed_of_fit
        self._repeats_are_shown = repeats_are_shown
        self._place = np.argsort(order)
        self.fitted: list[TrainedVictim] = []

    def fit(
        self,
        *,
        kept: NDArray[np.bool_] | None = None,
        weights: NDArray[np.float64] | None = None,
        noise: AdversarialNoise | None = None,
    ) -> TrainedVictim:
        """See :meth:`~loki_bench.contracts.VictimTrainer.fit`."""
        number = len(self.fitted)
        if number == MOST_FITS:
            raise InvalidAnswerError(
                f"{self._who} asked for {MOST_FITS + 1} fits of the victim; at most {MOST_FITS}"
            )
        shown = self._train.with_sequences(self._train.take(self._order))
        check_fit(who=self._who, train=shown, kept=kept, weights=weights, noise=noise)
        train, validation, left = self._left_of(shown, kept, weights)
        heard = noise
        if noise is not None and noise.of_users is not None:
            heard = replace(noise, of_users=noise.of_users[self._place])
        victim, name = self._source.new(), self._source.component.name
        seed = self._seed_of_fit(number)
        if heard is not None and isinstance(victim, AdversarialRecommender):
            victim.fit_adversarial(train, validation=validation, seed=seed, noise=heard)
        elif heard is not None:
            raise InvalidAnswerError(
                f"{self._who} trains against noise, and victim '{name}' is no "
                "AdversarialRecommender; the spec of the defense must say needs_noise, so that "
                "this is known before a run"
            )
        elif left is None:
            victim.fit(train, validation=validation, seed=seed)
        elif isinstance(victim, WeightedRecommender):
            victim.fit_weighted(train, validation=validation, seed=seed, weights=left)
        else:
            raise InvalidAnswerError(
                f"{self._who} gives weights, and victim '{name}' is no WeightedRecommender; the "
                "spec of the defense must say needs_weights, so that this is known before a run"
            )
        found = TrainedVictim(
            who=self._who,
            recommender=victim,
            name=name,
            order=self._order,
            n_items=train.n_items,
            repeats_are_shown=self._repeats_are_shown,
        )
        self.fitted.append(found)
        return found

    def _left_of(
        self,
        shown: Interactions,
        kept: NDArray[np.bool_] | None,
        weights: NDArray[np.float64] | None,
    ) -> tuple[Interactions, HeldOut | None, NDArray[np.float64] | None]:
        """Training data, validation events and weights of the host's users."""
        train, validation = self._train, self._validation
        left = None
        if weights is not None:
            moved = shown.offsets[self._place] - train.offsets[:-1]  # of each user's events
            left = weights[np.arange(train.n_events) + np.repeat(moved, train.lengths)]
        if kept is not None:
            whom = kept[self._place]
            if left is not None:
                left = left[np.repeat(whom, train.lengths)]
            train = train.with_sequences(train.first(np.where(whom, train.lengths, 0)))
            if validation is not None:
                rows = np.flatnonzero(whom[validation.users])
                validation = validation.take(rows) if len(rows) else None
        if left is not None and (left == 1).all():
            left = None
        return train, validation, left
