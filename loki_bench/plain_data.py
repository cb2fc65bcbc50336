"""Data and text that a stranger's code made, fit for a record, a table and a terminal."""

import math
import traceback
from typing import Any

__all__ = [
    "LARGEST_INTEGER",
    "MOST_CHARACTERS",
    "MOST_DEPTH",
    "MOST_REPORT_BYTES",
    "checked_plain",
    "in_short",
    "last_lines",
    "text_of",
    "traceback_of",
]

MOST_CHARACTERS = 500
MOST_DEPTH = 32
MOST_REPORT_BYTES = 64 << 10
"""Of what a component tells of itself, written as JSON."""
MOST_FORMATTED = 1 << 20
LARGEST_INTEGER = 1 << 63
"""All are below it, and none is below its negative: what is taken here is read again in records."""


def checked_plain(value: Any, depth: int = 0) -> Any:
    """JSON data as it was, once its depth, numbers and text are checked; or ``ValueError``."""
    if depth > MOST_DEPTH:
        raise ValueError(f"nested deeper than {MOST_DEPTH}")
    if isinstance(value, dict):
        for name, part in value.items():
            checked_plain(name, depth)
            checked_plain(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            checked_plain(part, depth + 1)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("text with half of a surrogate pair") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    elif isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        raise ValueError("an integer of more than 64 bits")
    return value


def in_short(text: str, most: int = MOST_CHARACTERS) -> str:
    """One line of at most ``most`` characters, all of them printable.

    Line breaks, control characters and halves of surrogate pairs become spaces; what is cut off
    is marked by an ellipsis.
    """
    start = text[: 8 * most]
    line = " ".join("".join(c if c.isprintable() else " " for c in start).split())
    return line if len(line) <= most and len(start) == len(text) else f"{line[: most - 1]}…"


def last_lines(text: str, most: int = 16_384) -> str:
    """The end of a longer text, line breaks kept; at most ``most`` characters, all valid."""
    end = text[-most:]
    return "".join(c if c.isprintable() or c == "\n" else " " for c in end)


def text_of(error: BaseException) -> str:
    """An error's message in one line; a stranger's class may raise when it is asked for it."""
    try:
        return in_short(str(error))
    except BaseException as worse:
        return f"(its text raised {in_short(type(worse).__name__, 100)})"


def traceback_of(error: BaseException) -> str:
    """An error's traceback, each part of it bounded, as far as it can be had."""
    try:
        if len(str(error)) > MOST_FORMATTED:  # each of its lines would be an object
            parts = [*traceback.format_tb(error.__traceback__, limit=-20), text_of(error)]
        else:
            parts = traceback.format_exception(error, limit=-20)
    except BaseException:
        return ""
    return last_lines("".join(last_lines(part, 2000) for part in parts))
