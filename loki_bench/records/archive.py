"""Files of a leaderboard folder in one zip, and how such a file is opened without trusting it.

A third party's rows come as such a file, and a published leaderboard keeps its artefacts in one.
Only names that a leaderboard folder has are written out, so no path leads outside and no link is
made; sizes are held to limits before and while they are read, for the zip and for the ``.npz``
archives in it.
"""

import io
import re
import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from loki_bench.bounded_files import read_regular, refuse_irregular
from loki_bench.errors import StoreError
from loki_bench.records.arrays import BROKEN, LARGEST_ARRAYS, check_arrays
from loki_bench.suite.cell import MOST_CELLS
from loki_bench.whole_files import write_whole

__all__ = ["Limits", "pack", "refuse_too_large", "unpack", "zipped"]

NAMES = re.compile(
    r"manifest\.json|leaderboard\.(md|csv|json)|(records|runs)/[0-9a-f]{64}\.json"
    r"|artefacts/(poison|ranks|defense)/[0-9a-f]{64}\.npz"
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell: the same rows, the same bytes


class Limits:
    """What a file may hold, when it is written and when it is read.

    A pack of records has a line a cell: that of the largest suite, and as many again that were
    accepted into it or are its siblings', can be opened.
    """

    n_files = 2 * MOST_CELLS  # of a zip, and lines of a pack
    file_bytes = LARGEST_ARRAYS
    total_bytes = 2 * 2**30
    pack_bytes = 256 * 2**20  # of one pack, which is read whole; the published ones have 10 MB


def pack(folder: Path, file: Path) -> None:
    """Write all files of a leaderboard folder into one; the same folder gives the same bytes.

    Raises ``StoreError`` where the file can't be written, or nobody could open it.
    """
    names = [
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()
    ]
    files = {
        name: read_regular(folder / name, at_most=Limits.file_bytes)
        for name in names
        if NAMES.fullmatch(name)
    }
    write_whole(file, zipped(files, file))


def refuse_too_large(file: Path, sizes: Collection[int]) -> None:
    """Refuse to write what :class:`Limits` keeps everybody from reading.

    Parameters
    ----------
    sizes : collection of int
        Bytes of each file or line that ``file`` is to hold.
    """
    if len(sizes) > Limits.n_files:
        what = f"{len(sizes)} files or lines; at most {Limits.n_files}"
    elif max(sizes, default=0) > Limits.file_bytes:
        what = f"one of {max(sizes)} bytes; at most {Limits.file_bytes}"
    elif sum(sizes) > Limits.total_bytes:
        what = f"{sum(sizes)} bytes; at most {Limits.total_bytes}"
    else:
        return
    raise StoreError(
        f"{file} is not written: it would hold {what} are read again; give the cells to several "
        "suites, or keep suites of one family in several folders"
    )


def zipped(files: Mapping[str, bytes], file: Path) -> bytes:
    """A zip of files by name, in that order; the same files give the same bytes.

    What is compressed already, ``.npz``, is stored as it is. Raises ``StoreError`` where nobody
    could open it as ``file``.
    """
    refuse_too_large(file, [len(content) for content in files.values()])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            stored = name.endswith(".npz")
            method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, compress_type=method)
    return buffer.getvalue()


def unpack(file: Path, folder: Path, *, wanted: Collection[str] | None = None) -> None:
    """Write the files of an archive into an empty folder.

    Parameters
    ----------
    wanted : collection of str or None
        Names to write out; all, if None. The others are held to the same rules.

    Raises
    ------
    StoreError
        It is no such archive, or holds anything that a leaderboard does not: another name, a
        path out of the folder, a link, a name twice, encrypted or oversized content.
    """
    try:
        refuse_irregular(file)
        with zipfile.ZipFile(file) as archive:
            entries = _checked(archive.infolist(), file)
            total = 0
            for entry in entries:
                if wanted is not None and entry.filename not in wanted:
                    continue
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
    except BROKEN as error:
        raise StoreError(
            f"{file} is not a file that `loki-bench submit` wrote, or a pack of artefacts: {error}"
        ) from error


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
        check_arrays(content, at_most=Limits.file_bytes)
    except ValueError as error:
        raise StoreError(f"{where}: {error}") from error
    except BROKEN as error:
        raise StoreError(f"{where} is not a whole artefact") from error
