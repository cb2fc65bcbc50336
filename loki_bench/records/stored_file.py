"""A file as a job is told of it: by its content, wherever it lies.

Jobs are sent addresses, not contents: workers on this machine open the host's own file, and a
cluster's workers a copy that they were sent once (:mod:`loki_bench.engine.dask_workers`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["StoredFile"]


@dataclass(frozen=True)
class StoredFile:
    """A file that does not change.

    Attributes
    ----------
    path : str
        Where it lies on the machine that reads it.
    sha256 : str
        Hexadecimal digest of its content.
    start : int
        The byte at which the content begins; what comes before is the store's own.
    """

    path: str
    sha256: str
    start: int = 0

    def open(self) -> BinaryIO:
        """The file, open for reading at the beginning of its content."""
        file = Path(self.path).open("rb")  # noqa: SIM115  # the caller closes it
        file.seek(self.start)
        return file

    def read(self) -> bytes:
        """The content."""
        with self.open() as file:
            return file.read()
