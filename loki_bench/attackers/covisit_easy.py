"""Co-visitations for the target users that are easiest to reach, with each fake user for one."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn, equal_length_sequences
from loki_bench.attackers.easiest_users import easiest_first, shared_out
from loki_bench.attackers.promoted_items import other_items, promoted_items
from loki_bench.contracts import Attacker, AttackerView
from loki_bench.errors import ParameterError
from loki_bench.interactions import Sequences

__all__ = ["CovisitEasyAttack"]

_ITEM, _TARGET, _LAST = 0, 1, 2
_PATTERN = (_ITEM, _TARGET, _ITEM, _TARGET, _LAST, _TARGET)


class CovisitEasyAttack(Attacker):
    """What covisit can be made of by hand: one target user for each fake user, the easiest first.

    A fake user alternates an item of the target user that it serves and an item to lift; every
    third item is that user's last one. Small budgets reach few instead of touching all: no more
    target users than get ``fake_users_each`` fake users (:func:`easiest_first`), and no more items
    to lift than get ``clicks_each`` clicks, those with the fewest events first. It is as much as
    was found without a recommender, so that what a recommender simulator adds can be told.

    Parameters
    ----------
    fake_users_each : int, at least 1
    clicks_each : int, at least 1
    """

    def __init__(self, *, fake_users_each: int = 2, clicks_each: int = 13) -> None:
        for name, value in (("fake_users_each", fake_users_each), ("clicks_each", clicks_each)):
            if value < 1:
                raise ParameterError(
                    f"attacker 'covisit-easy': {name} is {value}, expected at least 1"
                )
        self._fake_users_each, self._clicks_each = fake_users_each, clicks_each

    def poison(self, view: AttackerView) -> Sequences:
        """Use the whole budget; see ``Attacker.poison``."""
        generator = np.random.default_rng(view.seed)
        n_rows, n_actions = view.budget.n_fake_users, view.budget.n_actions
        promoted = promoted_items(view)
        others = other_items(view, promoted)
        pattern = np.resize(_PATTERN, n_actions)
        if n_actions == 1 or not len(others):
            pattern[:] = _TARGET
        sequences = np.empty((n_rows, n_actions), dtype=np.int32)
        if not n_rows:
            return equal_length_sequences(sequences)
        lifted = self._lifted(view, promoted, int(np.count_nonzero(pattern == _TARGET)))
        first = 0
        for user, count in self._served(view):
            own = view.history[user]
            own = own[np.isin(own, others)]
            last = own[-1:] if len(own) else others
            rest = np.setdiff1d(own, last) if len(own) else others
            rows = sequences[first : first + count]
            for action, pool in ((_ITEM, rest), (_TARGET, lifted), (_LAST, last)):
                is_action = pattern == action
                rows[:, is_action] = draw_in_turn(
                    pool if len(pool) else last,
                    n_rows=count,
                    n_draws=int(is_action.sum()),
                    generator=generator,
                )
            first += count
        return equal_length_sequences(sequences)

    def _served(self, view: AttackerView) -> list[tuple[int, int]]:
        """Target users and how many fake users each of them gets."""
        order = easiest_first(view.history, view.goal.users)
        order = order[: max(1, view.budget.n_fake_users // self._fake_users_each)]
        counts = shared_out(np.ones(len(order)), view.budget.n_fake_users)
        return list(zip(view.goal.users[order].tolist(), counts.tolist(), strict=True))

    def _lifted(
        self, view: AttackerView, promoted: NDArray[np.int32], n_clicks: int
    ) -> NDArray[np.int32]:
        """The items that get enough clicks each, those with the fewest events first.

        No fewer than a fake user's ``n_clicks`` on them: it would click one twice.
        """
        n_lifted = max(n_clicks, view.budget.n_fake_users * n_clicks // self._clicks_each)
        order = np.argsort(view.history.item_counts[promoted], kind="stable")
        return promoted[order[:n_lifted]]
