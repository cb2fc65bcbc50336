"""What a robust training asks of the victims that are trained for it, checked before it is done.

The host, a third party's process and the conformance kit check alike, so that what passes in one
place is answered in the others.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_weights
from loki_bench.contracts import AdversarialNoise
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences

__all__ = ["check_fit", "check_question"]


def check_fit(
    *,
    who: str,
    train: Interactions,
    kept: NDArray[np.bool_] | None,
    weights: NDArray[np.float64] | None,
    noise: AdversarialNoise | None,
) -> None:
    """Raise ``InvalidAnswerError`` where a fit can't be had.

    See :meth:`loki_bench.contracts.VictimTrainer.fit`.

    Parameters
    ----------
    who : str
        The defense, for messages.
    train : Interactions
        What it was shown.
    """
    if kept is not None:
        _expect_array(f"{who} gave kept as", kept, "bool", (train.n_users,))
        if train.n_events and not train.lengths[kept].any():
            raise InvalidAnswerError(
                f"{who} keeps none of the {train.n_users} users: no event is left to train on"
            )
    if weights is not None:
        _expect_array(f"{who} gave weights as", weights, "float64", (train.n_events,))
        checked_weights(weights, who=who, train=train)
    if noise is None:
        return
    if not isinstance(noise, AdversarialNoise):
        raise InvalidAnswerError(
            f"{who} gave noise as {type(noise).__name__}; expected AdversarialNoise"
        )
    if noise.of_users is not None and len(noise.of_users) != train.n_users:
        raise InvalidAnswerError(
            f"{who} gave noise for {len(noise.of_users)} users; it was shown {train.n_users}"
        )
    if weights is not None:
        raise InvalidAnswerError(f"{who} gave weights and noise for one fit; give one of the two")


def check_question(
    *,
    who: str,
    users: NDArray[np.int32],
    histories: Sequences,
    n_users: int,
    n_items: int,
    k: int | None = None,
) -> None:
    """Raise ``InvalidAnswerError`` where a victim can't be asked for scores, or for ``k`` items.

    See :class:`loki_bench.contracts.FittedVictim`.
    """
    if not isinstance(histories, Sequences):
        raise InvalidAnswerError(
            f"{who} asked a victim about histories as {type(histories).__name__}; expected "
            "Sequences, such as Sequences.of(rows)"
        )
    _expect_array(f"{who} asked a victim about users as", users, "int32", (len(histories),))
    for what, ids, n in (("user", users, n_users), ("item", histories.items, n_items)):
        if len(ids) and not 0 <= ids.min() <= ids.max() < n:
            wrong = ids[(ids < 0) | (ids >= n)][0]
            raise InvalidAnswerError(
                f"{who} asked a victim about {what} {wrong}, outside 0 to {n - 1}"
            )
    is_count = isinstance(k, (int, np.integer)) and not isinstance(k, bool)
    if k is not None and not (is_count and 1 <= k <= n_items):
        raise InvalidAnswerError(
            f"{who} asked a victim for lists of {k!r} items; expected a whole number from 1 to "
            f"{n_items}"
        )


def _expect_array(what: str, given: object, dtype: str, shape: tuple[int, ...]) -> None:
    if not isinstance(given, np.ndarray):
        raise InvalidAnswerError(
            f"{what} {type(given).__name__}; expected a {dtype} array of shape {shape}: use "
            f"np.array(..., dtype=np.{_NUMPYS[dtype]})"
        )
    if given.shape != shape or given.dtype != np.dtype(dtype):
        cast = "" if given.dtype == np.dtype(dtype) else f": use .astype(np.{_NUMPYS[dtype]})"
        raise InvalidAnswerError(
            f"{what} {given.dtype} of shape {given.shape}; expected a {dtype} array of shape "
            f"{shape}{cast}"
        )


_NUMPYS = {"bool": "bool_", "float64": "float64", "int32": "int32"}
