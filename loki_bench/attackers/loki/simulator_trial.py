"""The recommender simulator asked about a whole poison: retrain, vote, count what is shown.

This is Figure 1 of the paper with the simulator in its place. Influence rewards single steps in a
fraction of a second; what a poison does as a whole, it can't tell: on MovieLens-100K's latest
events it values fake users who click nothing but targets as highly as others, and retraining shows
them to reach nobody. So influence proposes, and the simulator decides: every surrogate is trained
anew on the attacker's data with the candidate, Eq. 1 aggregates their ranks, and the vote's first
K items are compared with the targets. It costs one training of every surrogate a candidate, or, of
large data, one of the rows that the lists of the target users are made of.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.next_items import NextItems, blocks_of
from loki_bench.contracts import (
    AttackerView,
    FactorRecommender,
    Recommender,
    RowwiseRecommender,
    Surrogate,
    TranslationRecommender,
)
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.seeds import generator_for, seed_for
from loki_bench.simulator import ranks_of_scores, simulator_scores
from loki_bench.split import HeldOut

__all__ = [
    "RecommenderSimulator",
    "Trial",
    "TriedSurrogates",
    "surrogates_to_try",
    "validation_of",
]

TriedSurrogates: TypeAlias = Literal["tables", "all"]

_MOST_VALIDATION_EVENTS = 4000
"""Enough for a stable stop; on Amazon Beauty all of them cost a third of a training."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What the simulator shows the target users after it was trained on one candidate.

    Attributes
    ----------
    display_rate : float
        Mean of the surrogates' display rates at K, weighted by w_m.
    vote_display_rate : float
        Display rate at K of the vote, Eq. 1.
    by_surrogate : dict of str to float
        Each surrogate's own display rate.
    n_shown : float64 array of shape (n_target_users,)
        Items to promote in each target user's list of K: mean over surrogates, weighted by w_m.
    mean_log_rank : float
        Of the items to lift, over target users who can be shown them and surrogates, weighted by
        w_m: what tells attacks apart that reach no list.
    found : mapping of str to float, or None
        How well detectors of the attacker's own tell the fake users from the others, the area
        under the ROC curve by detector; None where that is not asked.
    """

    display_rate: float
    vote_display_rate: float
    by_surrogate: dict[str, float]
    n_shown: NDArray[np.float64]
    mean_log_rank: float = math.inf
    found: Mapping[str, float] | None = None


def surrogates_to_try(view: AttackerView, tried: TriedSurrogates) -> tuple[Surrogate, ...]:
    """The surrogates that are trained anew on every candidate.

    ``"tables"`` leaves out networks as GRU4Rec, which take ten times as long to train, where at
    least two models of tables of factors (``FactorRecommender``, ``TranslationRecommender``) are
    left.
    """
    tables = tuple(
        surrogate
        for surrogate in view.surrogates
        if isinstance(surrogate.fit(), FactorRecommender | TranslationRecommender)
    )
    return tables if tried == "tables" and len(tables) > 1 else view.surrogates


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lists:
    """What some of the target users are shown, and sums over them for the mean log rank."""

    shown: NDArray[np.float64]
    in_vote: NDArray[np.float64]
    log_ranks: float
    ranked: float


class RecommenderSimulator:
    """Surrogates that are trained anew on the attacker's data with a candidate poison.

    All candidates are judged with the same seeds, which are not those of the fitted surrogates.

    Parameters
    ----------
    view : AttackerView
    surrogates : tuple of Surrogate
        At least one.
    promoted : int32 array of shape (n_promoted,)
        The items to lift.
    list_length : int
        K, of the lists that users are shown.
    following : NextItems or None
        Then the lists are those that target users will be shown after each of their likeliest
        next items, as often as these are likely, and not those that they are shown now.
    rows_alone : bool
        Of models of tables of factors that can do so, only the rows of the target users, their
        items and the items to promote are trained anew, with all that touches them; the rest
        stays as it was fitted. On Amazon Beauty this ranks whole attacks almost as a whole
        training does (docs/influence.md, ``local-retrain``).
    """

    def __init__(
        self,
        view: AttackerView,
        surrogates: tuple[Surrogate, ...],
        promoted: NDArray[np.int32],
        *,
        list_length: int,
        following: NextItems | None = None,
        rows_alone: bool = False,
    ) -> None:
        if not surrogates:
            raise RejectedError(
                "attacker 'loki' got no surrogate to try its fake users on; name one in the "
                "suite's surrogates, or set the parameter decision to 'estimate'"
            )
        self._view, self._surrogates = view, surrogates
        self._promoted, self._list_length = promoted, list_length
        self._histories = view.history.take(view.goal.users)
        self._following, self._rows_alone = following, rows_alone
        self._own_items = np.union1d(promoted, self._histories.items).astype(np.int32)
        self._validation = {
            surrogate.name: validation_of(view, surrogate.train) for surrogate in surrogates
        }

    def try_out(self, poison: Sequences) -> Trial:
        """Train every surrogate on the attacker's data and the poison, and read the lists."""
        models = [self._trained(surrogate, poison) for surrogate in self._surrogates]
        weights = np.array([surrogate.weight for surrogate in self._surrogates])
        if weights.sum() <= 0:
            weights = np.ones(len(weights))
        blocks = [self._lists(models, weights, places) for places in blocks_of(self._view)]
        shown = np.concatenate([block.shown for block in blocks], axis=1)
        in_vote = np.concatenate([block.in_vote for block in blocks])
        mean = np.tensordot(weights / weights.sum(), shown, axes=1)
        ranked = sum(block.ranked for block in blocks)
        return Trial(
            display_rate=float(mean.mean()),
            vote_display_rate=float(in_vote.mean()),
            by_surrogate={
                surrogate.name: float(lists.mean())
                for surrogate, lists in zip(self._surrogates, shown, strict=True)
            },
            n_shown=mean.sum(axis=1),
            mean_log_rank=sum(block.log_ranks for block in blocks) / ranked if ranked else math.inf,
        )

    def _lists(
        self, models: list[Recommender], weights: NDArray[np.float64], places: NDArray[np.int64]
    ) -> "_Lists":
        """What some target users are shown by retrained models."""
        users = self._view.goal.users[places]
        n_lists = (len(users), len(self._promoted))
        shown, in_vote = np.zeros((len(models), *n_lists)), np.zeros(n_lists)
        log_ranks = ranked = 0.0
        for histories, share in self._imagined(places):
            ranks = np.stack([self._ranks(model, users, histories) for model in models])
            own = ranks[:, :, self._promoted]
            shown += share * (own <= self._list_length)  # False where NaN
            votes = -simulator_scores(ranks, weights)
            vote_ranks = ranks_of_scores(-np.where(np.isnan(votes), np.inf, votes))
            voted = np.where(np.isnan(votes), np.inf, vote_ranks)[:, self._promoted]
            in_vote += share * (voted <= self._list_length)
            counts = np.where(np.isnan(own), 0.0, weights[:, None, None] * share)
            log_ranks += float((counts * np.log(np.where(np.isnan(own), 1.0, own))).sum())
            ranked += float(counts.sum())
        return _Lists(shown=shown, in_vote=in_vote, log_ranks=log_ranks, ranked=ranked)

    def _imagined(
        self, places: NDArray[np.int64]
    ) -> Iterator[tuple[Sequences, NDArray[np.float64]]]:
        """Histories of some target users, and the share of each, shape (n, 1)."""
        if self._following is None:
            yield self._histories.take(places), np.ones((len(places), 1))
            return
        for number in range(self._following.n_each):
            histories = self._following.histories(self._view.history, number)
            yield histories.take(places), self._following.shares[places, number, None]

    def _trained(self, surrogate: Surrogate, poison: Sequences) -> Recommender:
        model: Recommender = copy.deepcopy(surrogate.fit())
        train = surrogate.train.with_users(poison)
        seed = seed_for(self._view.seed, f"simulator/{surrogate.name}")
        of_tables = isinstance(model, FactorRecommender | TranslationRecommender)
        if self._rows_alone and of_tables and isinstance(model, RowwiseRecommender):
            users = self._view.goal.users
            return model.fit_rows(train, users=users, items=self._own_items, seed=seed)
        return model.fit(train, validation=self._validation[surrogate.name], seed=seed)

    def _ranks(
        self, model: Recommender, users: NDArray[np.int32], known: Sequences
    ) -> NDArray[np.float64]:
        """Ranks of all items, (n_users, n_items); NaN where the user can't be shown one."""
        scores = model.score_next(users, known).astype(np.float64)
        if self._view.repeats == "allow":
            return ranks_of_scores(scores)
        scores[known.rows, known.items] = -np.inf  # last, so that they lift nobody
        ranks = ranks_of_scores(scores)
        ranks[known.rows, known.items] = np.nan
        return ranks


def validation_of(view: AttackerView, train: Interactions) -> HeldOut | None:
    """The event after a user's training events, where the attacker knows it; None without any."""
    known = view.history
    users = np.flatnonzero((train.lengths > 0) & (known.lengths > train.lengths)).astype(np.int32)
    if len(users) > _MOST_VALIDATION_EVENTS:
        rng = generator_for(view.seed, "simulator/validation")
        users = np.sort(rng.choice(users, _MOST_VALIDATION_EVENTS, replace=False))
    if not len(users):
        return None
    items = known.items[known.offsets[users] + train.lengths[users]]
    held_out = HeldOut(
        users=users,
        histories=train.take(users),
        items=items,
        repeats_are_shown=view.repeats == "allow",
    )
    return held_out.take(np.flatnonzero(held_out.is_ranked))
