"""Times that are dates and clocks: ISO 8601, typed ones, and forms of the user's own."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loki_bench.datasets.arrow_arrays import as_numpy, one_value
from loki_bench.datasets.time_units import PER_SECOND
from loki_bench.datasets.times import TimeColumn, Times

__all__ = ["ISO", "NUMBER", "of_form", "of_iso", "of_timestamps", "refuse_text"]

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)?$"
_ZONE = r"^.{10,}(Z|[+-]\d{2}:?\d{2})$"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_UNIT_NAMES = {count: name for name, count in PER_SECOND.items()}
_DAYS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y-%m-%d",
    "%Y%m%d",
    "%m %d, %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%a %b %d %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMS = (
    *(day + clock for day in _DAYS for clock in _CLOCKS),
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
"""Forms that messages name where they fit; they are never taken without being asked for."""


def of_iso(column: TimeColumn) -> Times:
    """Times as ISO 8601 writes them, all with a time zone or all without."""
    cells = pc.replace_substring_regex(column.cells, r" ?(UTC|GMT)$", "Z")
    cells = pc.replace_substring(pc.replace_substring_regex(cells, r" ([Z+-])", r"\1"), ",", ".")
    zoned = as_numpy(pc.match_substring_regex(cells, _ZONE), np.bool_)
    if zoned.any() and not zoned.all():
        at = int(np.argmax(zoned != zoned[0]))
        column.refuse(
            at,
            ("has a time zone" if zoned[at] else "has no time zone")
            + f", unlike {column.place(0)}; write all times in one way",
        )
    for unit in ("us", "ns"):
        try:
            stamps = cells.cast(pa.timestamp(unit, tz="UTC" if zoned.any() else None))
        except pa.ArrowInvalid:
            continue
        only_dates = bool(pc.all(pc.equal(pc.utf8_length(cells), one_value(np.int32(10)))).as_py())
        return replace(of_timestamps(stamps), form="dates" if only_dates else "ISO 8601")
    wrong = next((at for at, text in enumerate(cells.to_pylist()) if not _exists(text)), None)
    if wrong is not None:
        column.refuse(wrong, "is no date that exists; write it as ISO 8601")
    return column.refuse(
        0, "or another cell there is too far from today to be kept to its last digit"
    )


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def of_timestamps(stamps: pa.ChunkedArray) -> Times:
    """Times of a typed column."""
    kind = stamps.type
    if pa.types.is_date(kind):
        stamps = stamps.cast(pa.timestamp("ms"))
    values = as_numpy(stamps.cast(pa.int64()), np.int64)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[stamps.type.unit]
    form = "dates" if pa.types.is_date(kind) else "timestamps"
    zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    return Times(keys=(values,), unit=_UNIT_NAMES[per_second], form=form, zoned=zoned)


def of_form(column: TimeColumn, form: str) -> Times:
    """Times in a form of the user's, each different text parsed once."""
    encoded = column.cells.dictionary_encode().unify_dictionaries()
    texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    micros = np.empty(len(texts), dtype=np.int64)
    for at, text in enumerate(texts):
        moment = _moment(text, form)
        if moment is None:
            row = pc.index(column.cells, one_value(text)).as_py()
            column.refuse(row, f"is not of the form '{form}' that times names")
        micros[at] = moment
    codes = [as_numpy(chunk.indices, np.int32) for chunk in encoded.chunks]
    values = micros[np.concatenate(codes)] if codes else micros
    return Times(keys=(values,), unit="microseconds since 1970", form=form)


def _moment(text: str, form: str) -> int | None:
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds


def refuse_text(column: TimeColumn) -> NoReturn:
    """Name the first cell that is no time; where all are in a form that is known, name it."""
    texts = pc.unique(column.cells).to_pylist()
    forms = [form for form in _FORMS if all(_moment(text, form) is not None for text in texts)]
    if len(forms) == 1:
        column.refuse(0, f'is a time in a form of its own; pass times = "{forms[0]}"')
    if forms:
        column.refuse(
            0,
            f"is a date of which the file does not say what is the day and what the month "
            f"({' or '.join(forms)}); write dates as ISO 8601 (2009-05-04), or pass the form that "
            "you know to be the file's as times",
        )
    is_number: Callable[[str], bool] = lambda text: bool(re.match(NUMBER, text))  # noqa: E731
    expected = is_number if is_number(texts[0]) else lambda text: bool(re.match(ISO, text))
    wrong = next((text for text in texts if not expected(text)), texts[0])
    row = pc.index(column.cells, one_value(wrong)).as_py()
    kind = "a finite number like those above it" if is_number(texts[0]) else "a time"
    column.refuse(
        row,
        f"is not {kind}; times are whole numbers, decimals, or ISO 8601 (2009-05-04T23:00:57Z)",
    )
