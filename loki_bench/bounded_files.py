"""Reads files and JSON that anybody may have written: regular files of a bounded size and depth."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import cast

from loki_bench.content_ids import JsonObject

__all__ = ["LARGEST_RECORD", "home_expanded", "json_object", "read_regular", "refuse_irregular"]

LARGEST_RECORD = 64 * 2**20
"""Bytes of one JSON file at the most: a record has some kilobytes."""


def refuse_irregular(path: Path) -> None:
    """Raise ``OSError`` for a path that can't be a file, and for what would be waited for.

    A pipe, a socket or a device may never end.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path can't hold a null character")
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file (a pipe, socket or device)")


def read_regular(path: Path, *, at_most: int) -> bytes:
    """The content of a regular file.

    Raises
    ------
    OSError
        With a ``strerror`` for a sentence: it can't be read, is no regular file, or has more than
        ``at_most`` bytes.
    """
    refuse_irregular(path)
    with path.open("rb") as file:
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise OSError(errno.EFBIG, f"it has more than {at_most} bytes")
    return content


def json_object(raw: bytes) -> JsonObject:
    """A JSON object in UTF-8; ``ValueError`` for anything else, NaN and deep nesting included."""
    try:
        content = json.loads(raw, parse_constant=_refused, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return cast("JsonObject", content)


def home_expanded(path: str | Path) -> Path:
    """The path with ``~`` replaced by the home folder; ``ValueError`` where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: there is no such home folder; write the whole path") from error


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is no finite number")
    return number
