"""The host's side of every contract: what a component answers is checked before it is used.

Nothing is clipped, coerced or repaired: an answer is right, or it is refused with a sentence.
"""

import json
from collections.abc import Iterator, Mapping
from operator import index
from typing import Any, SupportsIndex, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Budget, FactorRecommender, Recommender
from loki_bench.errors import InvalidAnswerError, RejectedError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.listed_ranks import checked_lists, listed_ranks
from loki_bench.plain_data import MOST_REPORT_BYTES, checked_plain, in_short
from loki_bench.product_ranking import ranks_by_products
from loki_bench.ranking import masked_ranks_if_finite

__all__ = [
    "NamedArrays",
    "checked_keep",
    "checked_prepared",
    "checked_report",
    "checked_sample_count",
    "checked_scores",
    "checked_solver_report",
    "checked_suspicion",
    "checked_weights",
    "lists_given_by",
    "ranks_given_by",
    "validate_poison",
]

NamedArrays: TypeAlias = dict[str, NDArray[Any]]
"""Arrays of numbers or text by name: what is sent, stored and read again without unpickling."""

BLOCK_EVENTS = 4_000_000  # scores held at once: 16 MB of float32, whatever the catalogue's size


def validate_poison(answer: object, *, attacker: str, budget: Budget, n_items: int) -> Sequences:
    """The fake users' sequences if they keep the rules.

    Raises
    ------
    RejectedError
        Says which rule was broken, by how much, and what is allowed.
    """

    def reject(what: str) -> RejectedError:
        return RejectedError(f"attacker '{attacker}' {what}")

    if not isinstance(answer, Sequences):
        raise reject(f"returned {type(answer).__name__}; expected loki_bench Sequences")
    try:  # a subclass could answer differently each time: keep plain arrays only
        poison = Sequences(np.array(answer.offsets), np.array(answer.items))
    except ValueError as error:
        raise reject(f"returned broken sequences: {error}") from error
    if len(poison) > budget.n_fake_users:
        raise reject(f"wrote {len(poison)} fake users; the budget is {budget.n_fake_users}")
    lengths = poison.lengths
    if budget.lengths is not None:
        wrong_rows = np.flatnonzero(lengths != budget.lengths[: len(poison)])
        if len(wrong_rows):
            row = int(wrong_rows[0])
            raise reject(
                f"gave fake user {row} {lengths[row]} events; the host drew a length for each "
                f"from genuine users, and that of fake user {row} is {budget.lengths[row]}: write "
                "rows of view.budget.lengths"
            )
    if len(poison) and lengths.max() > budget.n_actions:
        row = int(lengths.argmax())
        raise reject(
            f"gave fake user {row} {lengths[row]} events; the budget is {budget.n_actions}"
        )
    if len(poison) and lengths.min() == 0:
        raise reject(
            f"gave fake user {int(lengths.argmin())} no event; leave that user out instead"
        )
    if poison.n_events and (poison.items.min() < 0 or poison.items.max() >= n_items):
        wrong = poison.items[(poison.items < 0) | (poison.items >= n_items)][0]
        raise reject(f"used item {wrong}; the catalogue is 0 to {n_items - 1}")
    return poison


def checked_keep(answer: object, *, defense: str, train: Interactions) -> NDArray[np.bool_]:
    """The mask of users that a defense keeps, as an array of the host's own.

    Raises
    ------
    InvalidAnswerError
        Not a bool array of shape (n_users,), or no event is left to train on.
    """
    if (
        not isinstance(answer, np.ndarray)
        or answer.dtype != np.bool_
        or answer.shape != (train.n_users,)
    ):
        raise InvalidAnswerError(
            f"defense '{defense}' answered keep with {_described(answer)}; expected a bool array "
            f"of shape {(train.n_users,)}"
        )
    kept = np.array(answer)
    if train.n_events and not train.lengths[kept].any():
        raise InvalidAnswerError(
            f"defense '{defense}' dropped all {train.n_users} users: no event is left to train on"
        )
    return kept


def checked_suspicion(answer: object, *, defense: str, n_users: int) -> NDArray[np.float64] | None:
    """The suspicion of each user, as an array of the host's own, or None.

    Raises
    ------
    InvalidAnswerError
        Neither None nor a finite float64 array of shape (n_users,).
    """
    if answer is None:
        return None
    if (
        not isinstance(answer, np.ndarray)
        or answer.dtype != np.float64
        or answer.shape != (n_users,)
        or not np.isfinite(answer).all()
    ):
        raise InvalidAnswerError(
            f"defense '{defense}' has the suspicion {_described(answer)}; expected None or a "
            f"finite float64 array of shape {(n_users,)}"
        )
    return np.array(answer)


def checked_weights(answer: object, *, who: str, train: Interactions) -> NDArray[np.float64]:
    """The weight of each event, as an array of the host's own; a user's goes to all its events.

    Raises
    ------
    InvalidAnswerError
        Not a float64 array of shape (n_users,) or (n_events,) with values from 0 to 1, or no event
        has any weight.
    """
    if (
        not isinstance(answer, np.ndarray)
        or answer.dtype != np.float64
        or answer.shape not in ((train.n_users,), (train.n_events,))
    ):
        raise InvalidAnswerError(
            f"{who} gave the weights {_described(answer)}; expected a float64 array of shape "
            f"{(train.n_users,)}, one for each user, or {(train.n_events,)}, one for each event"
        )
    weights = np.array(answer)
    if len(weights) and not (weights.min() >= 0 and weights.max() <= 1):
        raise InvalidAnswerError(
            f"{who} gave a weight outside 0 to 1; 0 leaves an event out, 1 changes nothing"
        )
    if weights.shape == (train.n_users,):
        weights = np.repeat(weights, train.lengths)
    if train.n_events and not weights.any():
        raise InvalidAnswerError(
            f"{who} gave weight 0 to all {train.n_events} events: none is left to train on"
        )
    return weights


def checked_prepared(answer: object, *, attacker: str) -> NamedArrays:
    """What an attacker prepared: named arrays of numbers or text, or ``InvalidAnswerError``."""
    if not isinstance(answer, Mapping):
        raise InvalidAnswerError(
            f"attacker '{attacker}' prepared a {type(answer).__name__}, expected a mapping of "
            "names to arrays"
        )
    for name, array in answer.items():
        is_plain = isinstance(array, np.ndarray) and not array.dtype.hasobject
        if not isinstance(name, str) or not is_plain or name == "about":
            raise InvalidAnswerError(
                f"attacker '{attacker}' prepared {name!r}: expected text other than 'about' that "
                "names an array without Python objects"
            )
    return dict(answer)


def checked_report(answer: object, *, who: str) -> dict[str, Any]:
    """What a component tells of itself, as the plain data that a file can hold.

    numpy's numbers and truth values become Python's: a mean of float32 scores is one.

    Raises
    ------
    InvalidAnswerError
        No mapping, more than 64 KiB as JSON, a number that is not finite, text that is not valid.
    """
    try:
        if not isinstance(answer, Mapping):
            raise ValueError(f"{type(answer).__name__} is no mapping")
        for name, value in answer.items():
            if isinstance(value, (float, np.floating)) and not np.isfinite(value):
                raise ValueError(f"{name!r} is {value}; expected a finite number, or None")
        written = json.dumps(dict(answer), allow_nan=False, default=_as_python)
        if len(written) > MOST_REPORT_BYTES:
            raise ValueError(f"{len(written)} bytes as JSON; at most {MOST_REPORT_BYTES}")
        return cast("dict[str, Any]", checked_plain(json.loads(written)))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidAnswerError(
            f"{who} reports what can't be kept: {in_short(str(error), 300)}"
        ) from error


def checked_solver_report(answer: object, *, who: str) -> dict[str, Any]:
    """What an influence estimator tells: as :func:`checked_report`, but None for a number that is
    not finite, as a solver that diverges has it."""
    if isinstance(answer, Mapping):
        answer = {
            name: None
            if isinstance(value, (float, np.floating)) and not np.isfinite(value)
            else value
            for name, value in answer.items()
        }
    return checked_report(answer, who=who)


def _as_python(value: object) -> object:
    """A scalar of numpy's as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is neither a number nor text")


def checked_sample_count(answer: object, *, name: str) -> int | None:
    """How many samples a recommender was trained on, or None; any kind of integer will do."""
    if answer is None:
        return None
    try:
        count = index(cast("SupportsIndex", answer))
    except TypeError:
        count = -1
    if isinstance(answer, bool) or not 0 <= count < 1 << 63:
        raise InvalidAnswerError(
            f"recommender '{name}' answered n_training_samples with {in_short(repr(answer), 100)}; "
            "expected a whole number or None"
        )
    return count


def ranks_given_by(
    recommender: Recommender,
    *,
    name: str,
    users: NDArray[np.int32],
    histories: Sequences,
    items: NDArray[np.int32],
    n_items: int,
    repeats_are_shown: bool = False,
    list_length: int | None = None,
) -> NDArray[np.float64]:
    """Ask a fitted recommender for scores, block by block, and rank the given items.

    Parameters
    ----------
    users : int32 array of shape (n,)
    histories : Sequences of n rows
    items : int32 array of shape (n, m)
    repeats_are_shown : bool
        Whether items of the user's own history are ranked with the others.
    list_length : int or None
        How many items it lists for each user, where it answers no more than that.

    Returns
    -------
    float64 array of shape (n, m); see :func:`loki_bench.ranking.masked_ranks`. Infinity where an
    item is not in a list.

    Raises
    ------
    InvalidAnswerError
        Scores of the wrong type or shape, NaN or infinite. NaN sorts first in torch: an unchecked
        recommender that answers NaN would win.
    """
    ranks = np.empty(items.shape, dtype=np.float64)
    hidden = histories
    if repeats_are_shown:
        hidden = histories.first(np.zeros(len(histories), dtype=np.int64))
    for rows, known, scores in _scores(recommender, name, users, histories, n_items):
        left_out = hidden.take(np.arange(rows.start, rows.start + len(known)))
        if list_length is not None:
            ranks[rows] = listed_ranks(
                scores, left_out, items[rows], list_length=list_length, name=name
            )
            continue
        ranked = masked_ranks_if_finite(scores, left_out, items[rows])
        if ranked is None:
            raise _not_finite(name)
        ranks[rows] = ranked
        if (
            not rows.start
            and isinstance(recommender, FactorRecommender)
            and len(known) < len(users)
        ):
            terms = recommender.factor_terms()
            found = ranks_by_products(terms, users, histories, items, scores, hidden=hidden)
            if found is not None:  # the tables give the scores that were answered
                return found
    return ranks


def lists_given_by(
    recommender: Recommender,
    *,
    name: str,
    users: NDArray[np.int32],
    histories: Sequences,
    k: int,
    n_items: int,
    repeats_are_shown: bool = False,
    list_length: int | None = None,
) -> NDArray[np.int32]:
    """The first ``k`` items that a fitted recommender shows each user, best first.

    Items of the user's own history are left out unless ``repeats_are_shown``; of equal scores the
    lower id comes first. ``list_length`` as in :func:`ranks_given_by`.

    Returns
    -------
    int32 array of shape (n, k); -1 at the end of a row where the catalogue has no more to show.

    Raises
    ------
    InvalidAnswerError
        As :func:`ranks_given_by`.
    """
    lists = np.full((len(users), k), -1, dtype=np.int32)
    for rows, known, scores in _scores(recommender, name, users, histories, n_items):
        # The extremes carry NaN and infinity: two passes, no array of booleans.
        if list_length is not None:
            left_out = known if not repeats_are_shown else Sequences.of([[] for _ in known])
            checked_lists(scores, left_out, list_length=list_length, name=name)
        elif scores.size and not (np.isfinite(scores.min()) and np.isfinite(scores.max())):
            raise _not_finite(name)
        hidden = np.array(scores)
        if not repeats_are_shown:
            hidden[known.rows, known.items] = -np.inf
        best = np.argsort(-hidden, axis=1, kind="stable")[:, :k]
        can_be_shown = np.take_along_axis(hidden, best, axis=1) > -np.inf
        lists[rows, : best.shape[1]] = np.where(can_be_shown, best, -1)
    return lists


def _scores(
    recommender: Recommender,
    name: str,
    users: NDArray[np.int32],
    histories: Sequences,
    n_items: int,
) -> Iterator[tuple[slice, Sequences, NDArray[np.float32]]]:
    """Scores of a block of users at a time, with their rows and histories.

    Type and shape are checked, that they are finite is not: who counts them sees that too.
    """
    block = max(1, BLOCK_EVENTS // n_items)
    for start in range(0, len(users), block):
        rows = slice(start, start + block)
        known = histories.take(np.arange(len(users))[rows])
        scores = recommender.score_next(users[rows], known)
        yield rows, known, checked_scores(scores, name, (len(known), n_items))


def checked_scores(answer: object, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Scores of the right type and shape; that they are finite is not looked at.

    Raises ``InvalidAnswerError``.
    """
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != shape:
        raise InvalidAnswerError(
            f"recommender '{name}' answered score_next with {_described(answer)}; expected a "
            f"float32 array of shape {shape}"
        )
    return answer


def _not_finite(name: str) -> InvalidAnswerError:
    return InvalidAnswerError(f"recommender '{name}' answered score_next with NaN or infinity")


def _described(answer: object) -> str:
    if not isinstance(answer, np.ndarray):
        return type(answer).__name__
    return f"{answer.dtype} {answer.shape}"
