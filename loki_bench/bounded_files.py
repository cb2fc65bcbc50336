"""Reads files and JSON that anybody may have written: regular files of a bounded size and depth."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import cast

from loki_bench.json_values import JsonObject

__all__ = [
    "LARGEST_ARTEFACT",
    "LARGEST_RECORD",
    "copy_regular",
    "digest_of",
    "home_expanded",
    "is_there",
    "json_object",
    "read_regular",
    "refuse_irregular",
]

LARGEST_RECORD = 64 * 2**20
"""Bytes of one JSON file at the most: a record has some kilobytes."""

LARGEST_ARTEFACT = 256 * 2**20
"""Bytes of one artefact at the most, packed and unpacked: the ranks of 500,000 target users, 64
target items each. Two of them are compared in less than a gigabyte.
"""

_BLOCK = 2**20


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
        _refuse_large(os.fstat(file.fileno()).st_size, at_most)
        content = file.read()  # not `at_most + 1`: so much memory would be taken for any file
    _refuse_large(len(content), at_most)
    return content


def digest_of(path: Path, *, at_most: int, start: int = 0) -> str:
    """Hexadecimal SHA-256 of a regular file from a byte on; raises as :func:`read_regular`."""
    refuse_irregular(path)
    with path.open("rb") as file:
        _refuse_large(os.fstat(file.fileno()).st_size, at_most)
        file.seek(start)
        found = hashlib.sha256()
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def copy_regular(source: Path, target: Path, *, at_most: int) -> None:
    """Copy a regular file, and make the folder that it lies in; raises as :func:`read_regular`."""
    content = read_regular(source, at_most=at_most)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def is_there(path: Path) -> bool:
    """Whether a path leads to a regular file; False for what can't be a path."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a link to itself; a null character, half a letter
        return False


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


def _refuse_large(n_bytes: int, at_most: int) -> None:
    if n_bytes > at_most:
        raise OSError(errno.EFBIG, f"it has more than {at_most} bytes")


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is no finite number")
    return number
