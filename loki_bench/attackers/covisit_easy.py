"""Co-visitations for the target users that are easiest to reach, with each fake user for one."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn, lengths_of, rows_by_length
from loki_bench.attackers.easiest_users import easiest_first, reachable_users, shared_out
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.interactions import Sequences
from loki_bench.parameters import require_count

__all__ = ["CovisitEasyAttack"]

_ITEM, _TARGET, _LAST = 0, 1, 2
_PATTERN = (_ITEM, _TARGET, _ITEM, _TARGET, _LAST, _TARGET)


class CovisitEasyAttack(Attacker):
    """What covisit can be made of by hand: one target user for each fake user, the easiest first.

    A fake user alternates an item of the target user that it serves and an item to lift; every
    third of the former is that user's last one, the first time in the fifth action. Small budgets
    reach few instead of touching all: no more target users than get ``fake_users_each`` fake users
    (:func:`easiest_first`; who can't be shown anything to lift comes last), and no more items to
    lift than get ``clicks_each`` clicks, those with the fewest events first; to demote, all rivals.
    It is as much as was found without a recommender, so that what a recommender simulator adds can
    be told.

    Parameters
    ----------
    fake_users_each : int, at least 1
    clicks_each : int, at least 1
    """

    def __init__(self, *, fake_users_each: int = 2, clicks_each: int = 13) -> None:
        who = "attacker 'covisit-easy'"
        self._fake_users_each = require_count(who, "fake_users_each", fake_users_each)
        self._clicks_each = require_count(who, "clicks_each", clicks_each)

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        lengths = lengths_of(view.budget)
        rows: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)] * len(lengths)
        if not len(lengths):
            return Sequences.empty()
        patterns = {length: _pattern(length, others) for _, length in rows_by_length(lengths)}
        clicks = {length: int(np.sum(pattern == _TARGET)) for length, pattern in patterns.items()}
        lifted = self._lifted(view, promoted, [clicks[length] for length in lengths.tolist()])
        first = 0
        for user, count in self._served(view, promoted):
            own = view.history[user]
            own = own[np.isin(own, others)]
            last = own[-1:] if len(own) else others
            rest = np.setdiff1d(own, last) if len(own) else others
            pools = {_ITEM: rest if len(rest) else last, _TARGET: lifted, _LAST: last}
            for places, length in rows_by_length(lengths[first : first + count]):
                written = _written(patterns[length], pools, len(places), generator)
                for place, row in zip(places.tolist(), written, strict=True):
                    rows[first + place] = row
            first += count
        return Sequences.of(rows)

    def _served(self, view: AttackerView, promoted: NDArray[np.int32]) -> list[tuple[int, int]]:
        """Target users and how many fake users each of them gets."""
        order = easiest_first(view.history, view.goal.users)
        can_be_shown = reachable_users(view, promoted)[order]
        order = np.concatenate([order[can_be_shown], order[~can_be_shown]])
        order = order[: max(1, view.budget.n_fake_users // self._fake_users_each)]
        counts = shared_out(np.ones(len(order)), view.budget.n_fake_users)
        return list(zip(view.goal.users[order].tolist(), counts.tolist(), strict=True))

    def _lifted(
        self, view: AttackerView, promoted: NDArray[np.int32], clicks: list[int]
    ) -> NDArray[np.int32]:
        """The items that get enough clicks each, those with the fewest events first.

        No fewer than the ``clicks`` of a fake user on them, of a middling one where they differ:
        it would click one twice. All rivals of a target to demote: fewer than a list is long could
        not empty it of the target.
        """
        if view.goal.kind == "demote":
            return promoted
        n_lifted = max(sorted(clicks)[len(clicks) // 2], sum(clicks) // self._clicks_each)
        order = np.argsort(view.history.item_counts[promoted], kind="stable")
        return promoted[order[:n_lifted]]


def _pattern(n_actions: int, others: NDArray[np.int32]) -> NDArray[np.int64]:
    """The actions of a fake user of some length; an item to lift is never left out."""
    pattern = np.resize(_PATTERN, n_actions)
    if n_actions == 1 or not len(others):
        pattern[:] = _TARGET
    return pattern


def _written(
    pattern: NDArray[np.int64],
    pools: dict[int, NDArray[np.int32]],
    n_rows: int,
    generator: np.random.Generator,
) -> NDArray[np.int32]:
    """Rows of one length, their items drawn in turn; int32 array of shape (n_rows, n_actions)."""
    rows = np.empty((n_rows, len(pattern)), dtype=np.int32)
    for action, pool in pools.items():
        is_action = pattern == action
        n_draws = int(is_action.sum())
        rows[:, is_action] = draw_in_turn(pool, n_rows=n_rows, n_draws=n_draws, generator=generator)
    return rows
