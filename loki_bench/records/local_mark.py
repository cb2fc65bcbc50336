"""Marks what this installation wrote: an HMAC by a secret that never leaves the user's folder.

A digest says that a file is whole; anybody can compute one. Nobody else can compute a mark, so what
lies beside one's own results, downloaded or copied from elsewhere, is told from what was computed
here. Without a folder to keep the secret in it lasts as long as the process: what other processes
wrote is then computed again.
"""

import contextlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

import platformdirs

from loki_bench.whole_files import part_of, sweep_parts

__all__ = ["MARK_LENGTH", "is_marked", "mark"]

MARK_LENGTH = 64
"""Hexadecimal digits of a mark."""

SECRET_BYTES = 32


def mark(name: str, digest: str) -> str:
    """The mark of a file, by its name below its results folder and its content's SHA-256."""
    return hmac.digest(_secret(), f"{name}\0{digest}".encode(), "sha256").hex()


def is_marked(name: str, digest: str, found: str) -> bool:
    """Whether this installation wrote the content of that digest under that name."""
    return hmac.compare_digest(mark(name, digest).encode(), found.encode("utf-8", "replace"))


@lru_cache(maxsize=1)
def _secret() -> bytes:
    path = platformdirs.user_state_path("loki-bench", appauthor=False) / "secret"
    try:
        sweep_parts(path.parent)  # what a process left that was killed while it made one
        return _read(path) or _made(path)
    except OSError:
        return secrets.token_bytes(SECRET_BYTES)


def _read(path: Path) -> bytes | None:
    """The secret, if it is there and whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if len(content) == SECRET_BYTES else None


def _made(path: Path) -> bytes:
    """A new secret, readable by its owner alone; of two processes that make one the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_of(path, secrets.token_bytes(SECRET_BYTES), mode=0o600) as part:
        if path.exists() and _read(path) is None:
            path.unlink()  # not whole: nothing can have been marked by it
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    return _read(path) or secrets.token_bytes(SECRET_BYTES)
