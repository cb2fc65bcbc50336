"""From a plan to whole attacks that serve one target user with each fake user, and the best one."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import equal_length_sequences
from loki_bench.attackers.easiest_users import easiest_first
from loki_bench.attackers.loki.crafting import kept_targets
from loki_bench.attackers.loki.design import Design, write_design
from loki_bench.attackers.loki.motifs import repeated
from loki_bench.attackers.loki.options import LokiOptions
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.attackers.loki.search import Found, Limits, searched
from loki_bench.attackers.loki.served_users import ServedUsers
from loki_bench.attackers.loki.simulator_trial import RecommenderSimulator, Trial, surrogates_to_try
from loki_bench.contracts import AttackerView
from loki_bench.seeds import generator_for

__all__ = ["ServedAttack"]

_TARGET, _OWN_ITEM, _LAST_ITEM = 0, 1, 2

_LEAST_OWN_ITEMS, _LEAST_LAST_ITEMS = 0.2, 0.1
"""Shares of clicks that a proposal needs where all surrogates are of one kind."""

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
"""Group sequences that are tried beside the agent's: shares of targets and of last items."""


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
    """

    def __init__(
        self, view: AttackerView, plan: AttackPlan, users: ServedUsers, options: LokiOptions
    ) -> None:
        self._view, self._plan, self._users, self._options = view, plan, users, options
        self._n_fake_users = view.budget.n_fake_users

    def write(self, design: Design) -> NDArray[np.int32]:
        """The fake users' items, (n_fake_users, n_actions); the same for the same design."""
        rng = generator_for(self._view.seed, "crafting")
        return write_design(design, self._users, self._n_fake_users, rng)

    def estimated(self) -> Design:
        """The plan's best group sequence, for as many target users as get two fake users each."""
        origin, groups = next(iter(self._plan.proposals.items()))
        return self._design(origin, groups, self._numbers_of_users()[-2:][0])

    def find(self) -> Found:
        """The attack that the recommender simulator finds best."""
        simulator = RecommenderSimulator(
            self._view,
            surrogates_to_try(self._view, self._options.tried_surrogates),
            self._plan.groups.members[0],
            list_length=self._options.list_length,
        )

        def try_out(design: Design) -> Trial:
            return simulator.try_out(equal_length_sequences(self.write(design)))

        sequences: dict[str, NDArray[np.int64]] = {}
        if self._users.serves_one:
            n_actions = self._view.budget.n_actions
            sequences = {name: repeated(p, n_actions) for name, p in FIXED_SHARES.items()}
        sequences |= {
            name: groups for name, groups in self._plan.proposals.items() if self._may_try(groups)
        }
        first, *others = sequences
        return searched(
            [self._design(first, sequences[first], n) for n in self._numbers_of_users()],
            easiest_first(self._view.history, self._view.goal.users),
            {name: sequences[name] for name in others},
            try_out,
            Limits(
                n_trials=self._options.n_trials,
                n_rounds=self._options.n_rounds if self._users.serves_one else 0,
                list_length=self._options.list_length,
            ),
        )

    def _may_try(self, groups: NDArray[np.int64]) -> bool:
        """Whether the surrogates could tell that a proposal fails.

        To surrogates of one kind alone, fake users are worth most that give up the other kind: on
        Amazon Beauty, clicks on nothing but last items and targets reach every list of FPMC and
        none of BPRMF. Then a proposal has to keep some clicks for the kind that isn't seen.
        """
        if self._plan.sees_both_kinds or not self._users.serves_one:
            return True
        shares = (np.mean(groups == _OWN_ITEM), np.mean(groups == _LAST_ITEM))
        return bool(shares[0] >= _LEAST_OWN_ITEMS and shares[1] >= _LEAST_LAST_ITEMS)

    def _numbers_of_users(self) -> list[int]:
        """How many target users to serve: all, or as many as get three or two fake users each."""
        if not self._users.serves_one:
            return [self._users.n_users]
        most = min(self._users.n_users, self._n_fake_users)
        return sorted({min(most, max(1, self._n_fake_users // each)) for each in (1, 2, 3)})

    def _design(self, origin: str, groups: NDArray[np.int64], n_served: int) -> Design:
        """The group sequence for the target users that are easiest to reach."""
        weights = np.zeros(self._users.n_users)
        easiest = easiest_first(self._view.history, self._view.goal.users)
        weights[easiest[:n_served]] = 1.0
        targets = self._plan.groups.members[0]
        values = self._plan.click_values
        if self._options.target_order == "rarest":
            values = -self._view.history.item_counts[targets].astype(np.float64)
        kept = kept_targets(
            targets,
            values,
            n_clicks=int(np.count_nonzero(groups == 0)) * self._n_fake_users,
            n_clicks_each=int(np.count_nonzero(groups == 0)),
            clicks_per_target=self._options.clicks_per_target,
        )
        return Design(origin=origin, groups=groups, weights=weights, targets=kept)
