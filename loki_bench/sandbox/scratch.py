"""The folder of one isolated process: made by the host, removed by whoever is left."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loki_bench.errors import TemporaryFolderError

__all__ = ["PREFIX", "no_room", "remove", "scratch_folder", "sweep", "swept", "why_unusable"]

PREFIX = "loki-bench-process-"
ROOM_BYTES = 16 << 20
"""With less left on the disk, it is full."""
PROBE_BYTES = 1 << 20


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for one process; removed whatever that process left in it."""
    try:
        folder, held = _held_folder()
    except OSError as error:
        raise no_room(str(error)) from error
    try:
        yield folder
    finally:
        remove(folder)
        if held is not None:
            os.close(held)


@contextmanager
def swept() -> Iterator[None]:
    """A block in which workers may be killed: swept before it, and after it however it ends."""
    sweep()
    try:
        yield
    finally:
        sweep()


def sweep() -> None:
    """Remove the folders of processes that were killed before anybody could.

    Such a folder is held by nobody: the system lets go of it when the last holder ends.

    Raises ``TemporaryFolderError`` where there is no folder for temporary files at all.
    """
    try:
        around = Path(tempfile.gettempdir())
    except OSError as error:
        raise _none_found(error) from error
    for folder in around.glob(f"{PREFIX}*"):
        with suppress(OSError):  # held, another user's, or gone meanwhile
            held = None if folder.is_symlink() else _hold(folder)
            if held is not None:
                remove(folder)
                os.close(held)


def _held_folder() -> tuple[Path, int | None]:
    """A new folder and what holds it; :func:`sweep` takes what nobody holds yet."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        try:
            held = _hold(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # somebody takes it away, or did
        if folder.exists():
            return folder, held
        if held is not None:
            os.close(held)


def _hold(folder: Path) -> int | None:
    """Hold a folder until the open file that is returned is closed; None where that can't be told.

    Raises ``BlockingIOError`` where somebody else holds it.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return None  # a file system without locks
    return held


def remove(folder: Path) -> None:
    """Remove a folder whatever a plugin made of it: closed folders, or thousands in each other."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run(  # noqa: S603
                [*command, "--", str(folder)], check=False, stderr=subprocess.DEVNULL
            )


def why_unusable() -> str:
    """Why nothing can be written to the temporary folder now; empty where it can.

    A file is written: no room, no file left to make, and a quota look alike to a process, and what
    the system tells of free space knows of the first alone.
    """
    try:
        if shutil.disk_usage(tempfile.gettempdir()).free < ROOM_BYTES:
            return os.strerror(errno.ENOSPC)
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError as error:
        return str(error)
    return ""


def _none_found(error: OSError) -> TemporaryFolderError:
    """Python looked for a folder and found none that can be written to."""
    return TemporaryFolderError(
        f"there is no folder for temporary files ({error.strerror}); set TMPDIR to a folder that "
        "can be written to, then type the same command to go on"
    )


def no_room(message: str) -> TemporaryFolderError:
    """The error that says so."""
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        return _none_found(error)
    return TemporaryFolderError(
        f"the temporary folder {folder} can't be used ({message}); make room or set "
        "TMPDIR to another, then type the same command to go on"
    )
