"""The query oracle: a black-box victim's lists, asked for one at a time and counted by the host.

The victim itself is never near the attacker. It is trained on genuine users alone, its lists are
written down once for all of them, and a question is looked up there. Genuine users can be
asked for, each with the history that the attacker knows: a recommender scores the users that it
was trained on, and a controlled user would have to be trained on first, which is what the attack
itself does. A victim that a history alone decides can also be asked about a history that the
attacker made up. An answer leaves out what is in the history.
"""

from collections.abc import Callable
from typing import TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import RejectedError

__all__ = ["Ask", "AskedOracle", "Oracle", "OracleAnswer"]


class OracleAnswer(TypedDict, total=False):
    """One of the two: the items of a list, or why there is none."""

    items: list[int]
    refused: str


Ask: TypeAlias = Callable[[object], OracleAnswer]
"""Puts a question, as plain JSON data, to the host, and returns its answer: a user's number, or
``{"history": [...]}`` of a sequence."""

ListOf: TypeAlias = Callable[[NDArray[np.int32]], NDArray[np.int32]]
"""What the victim shows somebody with a history: int32 (n,) to int32 (K,), -1 at the end."""

MOST_ASKED_EVENTS = 1000


class Oracle:
    """The host's side: answers, counts, and remembers the first question that was not allowed.

    Parameters
    ----------
    lists : int32 array of shape (n_users, K)
        What the victim shows each genuine user, best first; -1 where it has no more to show.
    n_granted : int
    attacker : str
    n_items : int
        Size of the catalogue.
    list_of : callable or None
        Answers for histories that nobody has; None where that is not granted.
    """

    def __init__(
        self,
        lists: NDArray[np.int32],
        *,
        n_granted: int,
        attacker: str,
        n_items: int = 0,
        list_of: ListOf | None = None,
    ) -> None:
        self._lists = lists
        self._n_items, self._list_of = n_items, list_of
        self._n_granted = n_granted
        self._attacker = attacker
        self._broken_rule = ""
        self.n_asked = 0

    def answer(self, question: object) -> OracleAnswer:
        """One list, or why there is none; plain JSON data, as the question is."""
        if self._broken_rule:
            return {"refused": self._broken_rule}
        if isinstance(question, dict):
            return self._answer_for(question.get("history"))
        n_users = len(self._lists)
        if isinstance(question, bool) or not isinstance(question, int):
            return self._refuse(f"asked the oracle for user {question!r}; expected an integer")
        if not 0 <= question < n_users:
            return self._refuse(
                f"asked the oracle for user {question}; users are 0 to {n_users - 1}"
            )
        return self._counted(lambda: self._lists[question])

    def _answer_for(self, history: object) -> OracleAnswer:
        if self._list_of is None:
            return self._refuse(
                "asked the oracle about a sequence; its spec must name the need 'sequence-queries'"
            )
        if not isinstance(history, list) or not 1 <= len(history) <= MOST_ASKED_EVENTS:
            return self._refuse(
                f"asked the oracle about no sequence of 1 to {MOST_ASKED_EVENTS} items"
            )
        for item in history:
            if isinstance(item, bool) or not isinstance(item, int):
                return self._refuse("asked the oracle about a sequence with an item of no integer")
            if not 0 <= item < self._n_items:
                return self._refuse(
                    f"asked the oracle about a sequence with item {item}; items are 0 to "
                    f"{self._n_items - 1}"
                )
        list_of = self._list_of
        return self._counted(lambda: list_of(np.array(history, dtype=np.int32)))

    def _counted(self, answer: Callable[[], NDArray[np.int32]]) -> OracleAnswer:
        if self.n_asked == self._n_granted:
            return self._refuse(
                f"asked the oracle {self.n_asked + 1} times; the suite grants {self._n_granted} "
                "queries"
            )
        self.n_asked += 1
        return {"items": [item for item in answer().tolist() if item >= 0]}

    def settle(self) -> None:
        """Raise ``RejectedError`` if a rule was broken, even if the attacker went on after it."""
        if self._broken_rule:
            raise RejectedError(self._broken_rule)

    def _refuse(self, what: str) -> OracleAnswer:
        self._broken_rule = f"attacker '{self._attacker}' {what}"
        return {"refused": self._broken_rule}


class AskedOracle:
    """The attacker's side; see :class:`loki_bench.contracts.QueryOracle`."""

    def __init__(self, ask: Ask, *, n_granted: int) -> None:
        self._ask = ask
        self.n_left = n_granted

    def top_k(self, user: int) -> NDArray[np.int32]:
        """The items that the victim shows a genuine user, best first; costs one query."""
        return self._heard(user.item() if isinstance(user, np.integer) else user)

    def top_k_of(self, items: NDArray[np.int32]) -> NDArray[np.int32]:
        """The items that the victim shows somebody with this history; costs one query."""
        return self._heard({"history": np.asarray(items).tolist()})

    def _heard(self, question: object) -> NDArray[np.int32]:
        answer = self._ask(question)
        if "refused" in answer:
            raise RejectedError(answer["refused"])
        self.n_left -= 1
        return np.array(answer["items"], dtype=np.int32)
