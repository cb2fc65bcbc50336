"""Files of a published folder that are replaced, and stay readable until all of them are.

A manifest names its files by their digests, and the suites of a family share some of them, so one
publication replaces several files that belong together. What is replaced stays beside its place,
under a name with its digest, until the manifests are written that no longer name it. A publication
that is killed on the way then takes nothing from anybody: who looks for a file by its digest finds
it, and the next publication ends what this one began.
"""

import re
from contextlib import suppress
from pathlib import Path

from loki_bench.bounded_files import digest_of, is_there
from loki_bench.content_ids import bytes_digest

__all__ = ["as_it_was", "drop_replaced", "set_aside"]

_REPLACED = re.compile(r"\..+\.[0-9a-f]{64}\.replaced")


def set_aside(path: Path, new: bytes | None, *, at_most: int) -> None:
    """Move a file out of the way of its new bytes, or of none; nothing is done for the same bytes.

    A file that can't be read, or has more than ``at_most`` bytes, is nobody's loss and stays.
    """
    with suppress(OSError):
        if is_there(path):
            digest = digest_of(path, at_most=at_most)
            if new is None or bytes_digest(new) != digest:
                path.replace(as_it_was(path, digest))


def as_it_was(path: Path, digest: str) -> Path:
    """Where a file with this digest lies, if it was here and is being replaced."""
    return path.with_name(f".{path.name}.{digest}.replaced")


def drop_replaced(folder: Path) -> None:
    """Delete what was set aside in a folder, once no manifest names it."""
    for path in folder.glob(".*.replaced"):
        if _REPLACED.fullmatch(path.name):
            path.unlink(missing_ok=True)
