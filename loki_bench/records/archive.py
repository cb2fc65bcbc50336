"""A third party's rows in one file, and how such a file is opened without trusting it.

The file is a zip of a leaderboard folder. Only names that such a folder has are written out, so no
path leads outside and no link is made; sizes are held to limits before and while they are read,
for the zip and for the ``.npz`` archives in it.
"""

import io
import math
import re
import stat
import zipfile
from pathlib import Path

import numpy as np

from loki_bench.errors import StoreError

__all__ = ["Limits", "pack", "unpack"]

NAMES = re.compile(
    r"manifest\.json|leaderboard\.(md|csv|json)|(records|runs)/[0-9a-f]{64}\.json"
    r"|artefacts/(poison|ranks|defense)/[0-9a-f]{64}\.npz"
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell: the same rows, the same bytes


class Limits:
    """What a file may hold: far above what a suite of a thousand cells needs."""

    n_files = 50_000
    file_bytes = 64 * 2**20
    total_bytes = 2 * 2**30


def pack(folder: Path, file: Path) -> None:
    """Write all files of a leaderboard folder into one; the same folder gives the same bytes."""
    names = [
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()
    ]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            if NAMES.fullmatch(name):
                archive.writestr(
                    zipfile.ZipInfo(name, EPOCH),
                    (folder / name).read_bytes(),
                    compress_type=zipfile.ZIP_DEFLATED,
                )


def unpack(file: Path, folder: Path) -> None:
    """Write the files of an archive into an empty folder.

    Raises
    ------
    StoreError
        It is no such archive, or holds anything that a leaderboard does not: another name, a
        path out of the folder, a link, a name twice, encrypted or oversized content.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked(archive.infolist(), file)
            total = 0
            for entry in entries:
                with archive.open(entry) as stream:
                    content = stream.read(Limits.file_bytes + 1)
                total += len(content)
                if len(content) > Limits.file_bytes or total > Limits.total_bytes:
                    raise StoreError(f"{file}: {entry.filename} is larger than it says")
                if entry.filename.endswith(".npz"):
                    _check_arrays(content, f"{file}: {entry.filename}")
                path = folder / entry.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise StoreError(f"{file} is not a file that `loki-bench submit` wrote: {error}") from error


def _checked(entries: list[zipfile.ZipInfo], file: Path) -> list[zipfile.ZipInfo]:
    if len(entries) > Limits.n_files:
        raise StoreError(f"{file} holds {len(entries)} files; at most {Limits.n_files} are read")
    names = set()
    for entry in entries:
        name = entry.filename
        if not NAMES.fullmatch(name):
            raise StoreError(f"{file} holds {name!r}, which is no file of a leaderboard")
        if name in names:
            raise StoreError(f"{file} holds {name} twice")
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
            raise StoreError(f"{file}: {name} is a link or encrypted")
        names.add(name)
        if entry.file_size > Limits.file_bytes:
            raise StoreError(f"{file}: {name} has {entry.file_size} bytes, more than are read")
    if sum(entry.file_size for entry in entries) > Limits.total_bytes:
        raise StoreError(f"{file} unpacks to more than {Limits.total_bytes} bytes")
    return entries


def _check_arrays(content: bytes, where: str) -> None:
    """Refuse an ``.npz`` whose arrays need more memory than is allowed, before they are made."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > Limits.file_bytes:
                raise StoreError(f"{where} unpacks to more than {Limits.file_bytes} bytes")
            for entry in entries:
                with archive.open(entry) as stream:
                    version = np.lib.format.read_magic(stream)
                    read = {
                        (1, 0): np.lib.format.read_array_header_1_0,
                        (2, 0): np.lib.format.read_array_header_2_0,
                    }[version]
                    shape, _, dtype = read(stream)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize > entry.file_size:
                    raise StoreError(f"{where}: {entry.filename} is no plain array of its size")
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise StoreError(f"{where} is not a whole artefact") from error
