"""The folder of one isolated process: made by the host, removed by whoever is left."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loki_bench.errors import TemporaryFolderError

__all__ = ["PREFIX", "no_room", "remove", "scratch_folder"]

PREFIX = "loki-bench-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for one process; removed whatever that process left in it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    except OSError as error:
        raise no_room(str(error)) from error
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder whatever a plugin made of it: closed folders, or thousands in each other."""
    import shutil  # imported here: a process that ends as it should does without

    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run(  # noqa: S603
                [*command, "--", str(folder)], check=False, stderr=subprocess.DEVNULL
            )


def no_room(message: str) -> TemporaryFolderError:
    """The error that says so."""
    return TemporaryFolderError(
        f"the temporary folder {tempfile.gettempdir()} can't be used ({message}); make room or set "
        "TMPDIR to another, then type the same command to go on"
    )
