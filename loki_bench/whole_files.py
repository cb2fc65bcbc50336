"""Files that are written whole or not at all, also by a process that is killed meanwhile.

A file is first written beside its place, under a name that ends in ``.part``, and held open with a
lock until it is put there. Whoever finds such a part that nobody holds may take it away: its writer
was killed. The lock is the system's, so it ends with its holder, and it is seen on other machines
where the file system has locks at all; where it has none, nothing is taken away.
"""

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loki_bench.errors import StoreError

if sys.platform != "win32":
    import fcntl

__all__ = ["not_written", "part_of", "refuse_unwritable", "sweep_parts", "write_whole"]

PART = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.part")


@contextmanager
def part_of(
    path: Path, content: bytes, *, head: bytes = b"", mode: int = 0o666, sync: bool = False
) -> Iterator[Path]:
    """A file beside ``path`` with this content, to be renamed to it or linked there in the block.

    It is gone after the block, whatever happened in it.

    Parameters
    ----------
    head : bytes
        What comes before the content.
    mode : int
        Of the file, before the user's mask.
    sync : bool
        Whether it must lie on the disk before the block begins, to outlive a failing machine.
    """
    while True:
        part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
        if sys.platform != "win32":
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            break
        file.close()  # somebody took it away before it was held
    try:
        with file:
            file.write(head)
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # no open file can be renamed there
            yield part
    finally:
        part.unlink(missing_ok=True)


def write_whole(
    path: Path, content: bytes, *, head: bytes = b"", elsewhere: str = "choose another place"
) -> None:
    """Write a file, head and content, and the folders that it lies in; whole or not at all.

    ``elsewhere`` is what helps where the place can't be written to, for the message.

    Raises
    ------
    StoreError
        The file can't be written; one that was there is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_of(path, content, head=head, sync=True) as part:
            part.replace(path)
    except OSError as error:
        raise not_written(path, error, elsewhere) from error


def refuse_unwritable(path: Path, *, elsewhere: str = "choose another place") -> None:
    """Raise, before long work, the ``StoreError`` that :func:`write_whole` would raise after it.

    Nothing is written: a disk may still be full by then.
    """
    around = next(folder for folder in path.absolute().parents if folder.exists())
    number = 0
    if path.is_dir():
        number = errno.EISDIR
    elif not around.is_dir():
        number = errno.ENOTDIR
    elif not os.access(around, os.W_OK | os.X_OK):
        number = errno.EACCES
    if number:
        raise not_written(path, OSError(number, os.strerror(number)), elsewhere)


def not_written(path: Path, error: OSError, elsewhere: str) -> StoreError:
    """What is said of a file that can't be written."""
    hint = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else elsewhere
    return StoreError(f"can't write {path}: {error.strerror}; {hint}, then run again")


def sweep_parts(folder: Path, *, below: bool = False) -> None:
    """Take away the parts in a folder whose writers were killed, and those below it if asked.

    Nothing is done about what can't be read or removed.
    """
    if sys.platform == "win32":
        return
    for path in folder.rglob(".*.part") if below else folder.glob(".*.part"):
        if not PART.fullmatch(path.name):
            continue
        with suppress(OSError):  # held by its writer, another user's, or gone meanwhile
            held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(held)
