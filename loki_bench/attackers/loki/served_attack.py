"""From a plan to whole attacks that serve one target user with each fake user, and the best one."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import lengths_of
from loki_bench.attackers.easiest_users import easiest_first, reachable_users
from loki_bench.attackers.loki.crafting import kept_targets
from loki_bench.attackers.loki.design import Design, write_design
from loki_bench.attackers.loki.horizon import (
    cut_to_lengths,
    horizon_of,
    kept_events,
    over_all_actions,
)
from loki_bench.attackers.loki.motifs import repeated
from loki_bench.attackers.loki.next_items import NextItems
from loki_bench.attackers.loki.options import LokiOptions
from loki_bench.attackers.loki.order import uses_order
from loki_bench.attackers.loki.own_detectors import found_by
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.attackers.loki.search import Found, Limits, searched
from loki_bench.attackers.loki.served_users import ServedUsers
from loki_bench.attackers.loki.simulator_trial import RecommenderSimulator, Trial, surrogates_to_try
from loki_bench.contracts import AttackerView
from loki_bench.interactions import Sequences
from loki_bench.seeds import generator_for

__all__ = ["FIXED_SHARES", "ServedAttack", "fixed_sequence", "is_hedged"]

_TARGET, _OWN_ITEM, _LAST_ITEM = 0, 1, 2

_FEWER_TARGETS = (3, 2, 1)
"""Different targets a fake user that are tried where being found costs something."""

FIXED_SHARES: Mapping[str, tuple[int, ...]] = {
    "half targets, one filler of three the last item": (
        *(_OWN_ITEM, _TARGET),
        *(_OWN_ITEM, _TARGET),
        *(_LAST_ITEM, _TARGET),
    ),
    "half targets, one filler of two the last item": (_OWN_ITEM, _TARGET, _LAST_ITEM, _TARGET),
    "two thirds targets, one filler of three the last item": (
        *(_OWN_ITEM, _TARGET, _TARGET),
        *(_OWN_ITEM, _TARGET, _TARGET),
        *(_LAST_ITEM, _TARGET, _TARGET),
    ),
}
"""Group sequences that are tried beside the agent's: shares of targets and of last items. A filler
stands first, and a target second."""

_DOUBT = 0.2
"""What covisit does is kept though it is worse by this share, where all surrogates use the order of
events, or none does: they don't see what a design gives up with a victim of the other kind. On
synthetic data with few items, fake users that serve one target user each looked a little better
than covisit to FPMC, and were worth three quarters of it to BPRMF."""

_COVISIT = "covisit: all target users' items, alternating with targets"


def is_hedged(groups: NDArray[np.int64], use_order: NDArray[np.bool_]) -> bool:
    """Whether surrogates could tell that a group sequence fails on a victim of the other kind.

    To surrogates that all depend on the order of events, fake users are worth most that click last
    items instead of others: on Amazon Beauty, last items and targets alone reach every list of
    FPMC and none of BPRMF. A fifth of the clicks must then be on other items of the target user,
    and no more than half as many on its last item. Surrogates that all ignore the order miss
    neither last items nor fillers: there must be one last item for four others, and one filler for
    two targets.

    Parameters
    ----------
    groups : int64 array of shape (horizon,)
    use_order : bool array of shape (n_surrogates,)
        Where they differ, every sequence is hedged: some surrogate sees what the other misses.
    """
    n_targets, n_own, n_last = (
        int(np.count_nonzero(groups == group)) for group in (_TARGET, _OWN_ITEM, _LAST_ITEM)
    )
    if use_order.all():
        return 5 * n_own >= len(groups) and 2 * n_last <= n_own
    return bool(use_order.any()) or (4 * n_last >= n_own and 3 * n_targets <= 2 * len(groups))


def fixed_sequence(pattern: tuple[int, ...], horizon: int) -> NDArray[np.int64]:
    """A pattern of :data:`FIXED_SHARES` repeated, with a last item that a target follows.

    Where order counts, a click on the target user's last item is worth what is clicked next. In few
    actions a pattern has no such click, or only at its end: then its first filler is one. Of two
    actions no filler is left for it, and a single one is a click on a target: a filler alone would
    be wasted.

    Returns
    -------
    int64 array of shape (horizon,)
    """
    if horizon == 1:
        return np.array([_TARGET])
    groups = repeated(pattern, horizon)
    if horizon > 2 and _LAST_ITEM not in groups[:-1]:
        groups[groups == _LAST_ITEM] = _OWN_ITEM
        groups[0] = _LAST_ITEM
    return groups


class ServedAttack:
    """Whole attacks for the target users of a view.

    Parameters
    ----------
    view : AttackerView
        With a number of fake users and a number of actions above 0.
    plan : AttackPlan
    users : ServedUsers
        Made of the plan's groups.
    options : LokiOptions
    following : NextItems or None
        See :class:`~loki_bench.attackers.loki.simulator_trial.RecommenderSimulator`.
    """

    def __init__(
        self,
        view: AttackerView,
        plan: AttackPlan,
        users: ServedUsers,
        options: LokiOptions,
        *,
        following: NextItems | None = None,
    ) -> None:
        self._view, self._plan, self._users, self._options = view, plan, users, options
        self._following = following
        self._n_fake_users = view.budget.n_fake_users
        can_be_shown = reachable_users(view, plan.groups.members[0])
        easiest = easiest_first(view.history, view.goal.users)
        self._easiest = easiest[can_be_shown[easiest]]

    def write(self, design: Design) -> Sequences:
        """The fake users' items; the same for the same design."""
        rng, budget = generator_for(self._view.seed, "crafting"), self._view.budget
        groups = over_all_actions(design.groups, budget)
        whole = design.with_groups(design.origin, groups)
        items = write_design(whole, self._users, self._n_fake_users, rng)
        return cut_to_lengths(items, groups, budget, has_last_items=self._users.serves_one)

    def estimated(self) -> Design:
        """The plan's best group sequence, for as many target users as get two fake users each."""
        origin, groups = next(iter(self._plan.proposals.items()))
        return self._design(origin, groups, self._numbers_of_users()[-2:][0])

    def find(self) -> Found:
        """The attack that the recommender simulator finds best."""
        surrogates = surrogates_to_try(self._view, self._options.tried_surrogates)
        simulator = RecommenderSimulator(
            self._view,
            surrogates,
            self._plan.groups.members[0],
            list_length=self._options.list_length,
            following=self._following,
            rows_alone=self._options.decision == "simulator-rows",
        )

        use_order = np.array([uses_order(one.fit(), self._view) for one in surrogates])
        known: dict[str, Trial] = {}

        def try_out(design: Design) -> Trial:
            poison = self.write(design)
            digest = poison.digest()
            if digest not in known:  # a round may change weights and no number of fake users
                trial = simulator.try_out(poison)
                if self._options.stealth:
                    trial = replace(trial, found=found_by(self._view.history, poison))
                known[digest] = trial
            return known[digest]

        sequences: dict[str, NDArray[np.int64]] = {}
        if self._users.serves_one:
            horizon = horizon_of(self._view.budget)
            sequences = {name: fixed_sequence(p, horizon) for name, p in FIXED_SHARES.items()}
        sequences |= self._plan.proposals
        first, *others = sequences
        if self._users.serves_one:
            others = [name for name in others if is_hedged(sequences[name], use_order)]
        return searched(
            [self._design(first, sequences[first], n) for n in self._numbers_of_users()],
            self._easiest,
            {name: sequences[name] for name in others},
            try_out,
            Limits(
                n_trials=self._options.n_trials,
                n_rounds=self._options.n_rounds if self._users.serves_one else 0,
                list_length=self._options.list_length,
                stealth=self._options.stealth,
                targets_each=_FEWER_TARGETS if self._options.stealth else (),
                doubt=0.0 if len(set(use_order.tolist())) > 1 else _DOUBT,
            ),
            last=[self._by_hand()] if self._users.serves_one else [],
        )

    def _by_hand(self) -> Design:
        """What covisit does, for data on which fake users do better that serve nobody alone."""
        horizon = horizon_of(self._view.budget)
        return Design(
            origin=_COVISIT,
            groups=repeated((_OWN_ITEM, _TARGET) if horizon > 1 else (_TARGET,), horizon),
            weights=np.ones(self._users.n_users),
            targets=self._plan.groups.members[0],
            mixed=True,
        )

    def _numbers_of_users(self) -> list[int]:
        """How many target users to serve: all, or as many as get three or two fake users each.

        All are those who can be shown something to lift.
        """
        if not self._users.serves_one:
            return [len(self._easiest)]
        most = min(len(self._easiest), self._n_fake_users)
        return sorted({min(most, max(1, self._n_fake_users // each)) for each in (1, 2, 3)})

    def _design(self, origin: str, groups: NDArray[np.int64], n_served: int) -> Design:
        """The group sequence for the target users that are easiest to reach."""
        weights = np.zeros(self._users.n_users)
        weights[self._easiest[:n_served]] = 1.0
        targets = self._plan.groups.members[0]
        values = self._plan.click_values
        if self._options.target_order == "rarest":
            values = -self._view.history.item_counts[targets].astype(np.float64)
        clicks = self._target_clicks(groups)
        kept = kept_targets(
            targets,
            values,
            n_clicks=int(clicks.sum()),
            n_clicks_each=int(clicks.max()),
            clicks_per_target=self._options.clicks_on_each(self._view.goal),
        )
        return Design(origin=origin, groups=groups, weights=weights, targets=kept)

    def _target_clicks(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """Clicks of each fake user on targets, int64 array of shape (n_fake_users,)."""
        whole = over_all_actions(groups, self._view.budget)
        lengths, which = np.unique(lengths_of(self._view.budget), return_inverse=True)
        has_last_items = self._users.serves_one
        kept = [kept_events(whole, int(n), has_last_items=has_last_items) for n in lengths]
        return np.array([np.count_nonzero(whole[places] == _TARGET) for places in kept])[which]
