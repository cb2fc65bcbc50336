"""From the split that a suite asks for, and a dataset's times and parts, to where it is cut."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import SuiteError
from loki_bench.event_log import PARTS, EventLog, EventTimes
from loki_bench.split import SplitBounds
from loki_bench.suite.suite import SplitChoice, SplitRef

__all__ = ["MadeSplit", "made_split"]

TimeValues: TypeAlias = NDArray[np.int64] | NDArray[np.float64]

CUT = 0.8
"""Of all events, the share before the cut of a temporal split that names none."""
VALIDATION_SHARE = Fraction(9, 10)
"""Of the events before the cut, the share before a validation cut that is not named."""

_PER_SECOND = {
    "seconds since 1970": 1,
    "milliseconds since 1970": 10**3,
    "microseconds since 1970": 10**6,
    "nanoseconds since 1970": 10**9,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MadeSplit:
    """Where a dataset is cut.

    Attributes
    ----------
    bounds : SplitBounds
    ref : SplitRef
        As a cell names it.
    notes : tuple of str
        Who is tested, who is not, and what is not used.
    """

    bounds: SplitBounds
    ref: SplitRef
    notes: tuple[str, ...]


def made_split(choice: SplitChoice, log: EventLog) -> MadeSplit | None:
    """The split of a dataset; None for leave-one-out, which needs nothing but the sequences.

    Raises
    ------
    SuiteError
        The dataset lacks the parts or the times that the split is made of, or has parts and the
        suite does not say what becomes of them; or a cut can't be read.
    """
    if choice.name == "own":
        bounds, told = _own(log)
    elif log.parts is not None:
        raise SuiteError(
            f"the dataset is given in parts (test_path), which the split '{choice.name}' does not "
            'keep; set split = "own" to use them, or list all files in path'
        )
    elif choice.name == "temporal":
        bounds, told = _temporal(choice, log)
    else:
        return None
    ref = SplitRef(**choice.model_dump(), sha256=bounds.digest())
    return MadeSplit(bounds=bounds, ref=ref, notes=(f"{told}: {_counted(log, bounds)}",))


def _own(log: EventLog) -> tuple[SplitBounds, str]:
    """The parts as they were given; without one to validate, the last training event does."""
    if log.parts is None:
        raise SuiteError(
            'split = "own" needs a dataset in parts, and this one has none: give the dataset '
            "'file' the files validation_path and test_path beside path, or leave split out"
        )
    trained = _per_user(log, log.parts == PARTS.index("train"))
    known = _per_user(log, log.parts < PARTS.index("test"))
    told = "split 'own'"
    if not np.any(log.parts == PARTS.index("validation")):
        can_validate = (known < log.interactions.lengths) & (trained >= 2)
        trained = trained - can_validate.astype(np.int64)
        told += ", where each tested user's last training event validates, for no part does"
    return SplitBounds(trained=trained, known=known), told


def _temporal(choice: SplitChoice, log: EventLog) -> tuple[SplitBounds, str]:
    if log.times is None:
        raise SuiteError(
            'split = "temporal" needs the times of events, and this dataset has none; name their '
            "column with timestamp_column, or choose another split"
        )
    values = cast("TimeValues", np.sort(log.times.values))
    cut = _time_of(CUT if choice.cut is None else choice.cut, "cut", values, log.times)
    before = values[: int(np.searchsorted(values, cut))]
    if choice.validation_cut is not None:
        earlier = _time_of(choice.validation_cut, "validation_cut", values, log.times)
    elif len(before):
        earlier = before[int(VALIDATION_SHARE * len(before))]
    else:
        earlier = cut
    if earlier > cut:
        raise SuiteError(
            f"key 'split.validation_cut': {choice.validation_cut!r} lies after the cut "
            f"({_shown(cut, log.times)})"
        )
    bounds = SplitBounds(
        trained=_per_user(log, log.times.values < earlier),
        known=_per_user(log, log.times.values < cut),
    )
    return bounds, (
        f"split 'temporal', tested from {_shown(cut, log.times)} and validated from "
        f"{_shown(earlier, log.times)}"
    )


def _per_user(log: EventLog, events: NDArray[np.bool_]) -> NDArray[np.int64]:
    whole = log.interactions
    return np.bincount(whole.rows[events], minlength=len(whole)).astype(np.int64)


def _time_of(
    given: int | float | str,
    key: str,
    values: TimeValues,
    times: EventTimes,
) -> np.int64 | np.float64:
    """A cut in the unit of the times; ``values`` are all times, rising."""
    kind: Callable[[int | float | Fraction], np.int64 | np.float64] = values.dtype.type
    if isinstance(given, float) and 0 < given < 1:
        return values[int(Fraction(repr(given)) * len(values))]  # type: ignore[no-any-return]
    if not isinstance(given, str):
        number = Fraction(given if isinstance(given, int) else repr(given))
        exact = number * times.scale - times.origin
        return kind(_ceiling(exact) if values.dtype.kind == "i" else _float(exact))
    try:
        moment = datetime.fromisoformat(given.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        raise SuiteError(
            f"key 'split.{key}': {given!r} is no date or time; write 2014-01-31, "
            "2014-01-31T12:00:00, a number as the data's times are, or a share between 0 and 1"
        ) from None
    if times.unit not in _PER_SECOND:
        raise SuiteError(
            f"key 'split.{key}': {given!r} is a date, and the data's times are numbers of an "
            "unknown unit; write a number as they are, or a share between 0 and 1"
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    exact = Fraction(since, 10**6) * _PER_SECOND[times.unit] * times.scale - times.origin
    return kind(_ceiling(exact) if values.dtype.kind == "i" else _float(exact))


def _ceiling(value: Fraction) -> int:
    """The least whole number that is not below, kept within 64 bits."""
    return min(max(-(-value.numerator // value.denominator), -(2**63)), 2**63 - 1)


def _float(value: Fraction) -> float:
    """The nearest float that is finite."""
    largest = Fraction(sys.float_info.max)
    return float(min(max(value, -largest), largest))


def _shown(value: np.int64 | np.float64, times: EventTimes) -> str:
    number = Fraction(value.item() + times.origin) / times.scale
    per_second = _PER_SECOND.get(times.unit)
    if per_second is not None:
        try:
            moment = datetime(1970, 1, 1) + timedelta(seconds=float(number / per_second))
            return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
        except OverflowError:
            pass
    return str(number.numerator) if number.denominator == 1 else repr(float(number))


def _counted(log: EventLog, bounds: SplitBounds) -> str:
    """Who is tested, in words; whoever is not is named."""
    lengths = log.interactions.lengths
    has_later, has_earlier = bounds.known < lengths, bounds.trained > 0
    tested = has_later & has_earlier
    said = [f"{int(tested.sum())} of {len(lengths)} users are tested"]
    for users, what in (
        (has_earlier & ~has_later, "only training, for want of a test event"),
        (~has_earlier, "not tested, for want of a training event"),
    ):
        if users.any():
            said.append(f"{what}: {int(users.sum())} ({_named(log, np.flatnonzero(users))})")
    n_more = int((lengths - bounds.known - 1)[tested].sum())
    if n_more:
        said.append(f"not used, after a user's first test event: {n_more} events")
    return "; ".join(said)


def _named(log: EventLog, users: NDArray[np.int64]) -> str:
    tokens = log.interactions.user_tokens
    names = [f"'{tokens[u]}'" if tokens else str(u) for u in users[:3].tolist()]
    more = len(users) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
