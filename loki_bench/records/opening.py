"""Opens a leaderboard in any of its forms as a working folder: that folder, a pack, or a zip."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loki_bench.bounded_files import refuse_irregular
from loki_bench.errors import StoreError
from loki_bench.records.archive import unpack
from loki_bench.records.packed import is_packed, unpack_folder

__all__ = ["as_working_folder"]


@contextmanager
def as_working_folder(path: Path, *, artefacts: bool = True) -> Iterator[Path]:
    """A leaderboard as the folder that `run` writes, to be read.

    A working folder is given as it is. A packed folder (`publish`) and a submitted file (`submit`)
    are unpacked into a temporary folder for the length of the block, within limits and without
    trust. ``artefacts=False`` leaves out those of a packed folder, for who reads records alone.

    Raises
    ------
    StoreError
        The pack or the file is damaged, or is none. Raised in the block, it names the leaderboard
        where it would have named the temporary folder, which is gone when it is read.
    """
    if path.is_dir() and not is_packed(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="loki-bench-") as temporary:
        folder = Path(temporary)
        if path.is_dir():
            unpack_folder(path, folder, artefacts=artefacts)
        else:
            _refuse_poison(path)
            unpack(path, folder)
        try:
            yield folder
        except StoreError as error:
            raise StoreError(str(error).replace(str(folder), str(path))) from error


def _refuse_poison(path: Path) -> None:
    """`submit` writes JSON, too, which would be called a file that `submit` did not write."""
    with suppress(OSError):
        refuse_irregular(path)
        with path.open("rb") as file:
            if file.read(64).lstrip().startswith(b"{"):
                raise StoreError(
                    f"{path} is JSON, as `loki-bench submit --poison` writes it: poison has no "
                    "rows to look at; `loki-bench accept` measures it for a leaderboard"
                )
