"""Open what is compressed in a file: gzip, zip, bzip2 and xz, one in another, too."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from loki_bench.datasets.file_kinds import COMPRESSIONS
from loki_bench.errors import DatasetError

__all__ = ["BLOCK", "unpacked"]

BLOCK = 1 << 22
"""Bytes that are read at once."""


def unpacked(path: Path) -> tuple[BinaryIO, str, tuple[str, ...]]:
    """A stream of what is inside, its name, and the compressions around it, from outside."""
    stream: BinaryIO = path.open("rb")
    name = path.name
    packing: tuple[str, ...] = ()
    try:
        for _ in range(2):  # a zip archive may hold a gzipped file
            first = stream.read(8)
            stream.seek(0)
            kind = next((k for magic, k in COMPRESSIONS.items() if first.startswith(magic)), None)
            if kind is None:
                break
            inner, name = _OPENERS[kind](stream, name, path)
            stream = cast("BinaryIO", io.BufferedReader(_Checked(inner, stream, path), BLOCK))
            packing = (*packing, kind)
    except DatasetError:
        stream.close()
        raise
    return stream, name, packing


class _Checked(io.RawIOBase):
    """What is in a compressed file; a broken one is refused in one sentence."""

    def __init__(self, stream: BinaryIO, outer: BinaryIO, path: Path) -> None:
        self._stream, self._outer, self._path = stream, outer, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            self._refuse(error)
        except zipfile.BadZipFile as error:
            self._refuse(error)
        buffer[: len(data)] = data
        return len(data)

    def _refuse(self, error: Exception) -> None:
        raise DatasetError(
            f"{self._path}: what is compressed in it can't be read to its end "
            f"({str(error).strip() or type(error).__name__}); check that it was written whole"
        ) from error

    def close(self) -> None:
        self._stream.close()
        self._outer.close()
        super().close()


def _open_gzip(stream: BinaryIO, name: str, path: Path) -> tuple[BinaryIO, str]:
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream)), _without(name, ".gz", ".gzip")


def _open_bzip2(stream: BinaryIO, name: str, path: Path) -> tuple[BinaryIO, str]:
    return cast("BinaryIO", bz2.BZ2File(stream)), _without(name, ".bz2")


def _open_xz(stream: BinaryIO, name: str, path: Path) -> tuple[BinaryIO, str]:
    return cast("BinaryIO", lzma.LZMAFile(stream)), _without(name, ".xz")


def _open_zip(stream: BinaryIO, name: str, path: Path) -> tuple[BinaryIO, str]:
    """The one file in a zip archive."""
    try:
        archive = zipfile.ZipFile(stream)
        names = [
            entry.filename
            for entry in archive.infolist()
            if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
        ]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise DatasetError(
            f"{path}: it begins as a zip archive but is none ({error}); "
            "check that it was written whole"
        ) from error
    if "[Content_Types].xml" in names:
        raise DatasetError(f"{path}: it is an Excel workbook; save the sheet as CSV")
    if names and all(n.endswith(".npy") for n in names):
        raise DatasetError(
            f"{path}: it is a NumPy .npz archive; write the events as CSV or Parquet"
        )
    if len(names) != 1:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise DatasetError(
            f"{path}: it is a zip archive of {len(names)} files ({shown or 'none'}), and a "
            "dataset is one; unpack the archive and give the path of the file that you mean"
        )
    try:
        return cast("BinaryIO", archive.open(names[0])), PurePosixPath(names[0]).name
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
        raise DatasetError(
            f"{path}: '{names[0]}' in it can't be unpacked here ({error}); unpack it first"
        ) from error


_OPENERS: dict[str, Callable[[BinaryIO, str, Path], tuple[BinaryIO, str]]] = {
    "gzip": _open_gzip,
    "bzip2": _open_bzip2,
    "xz": _open_xz,
    "zip": _open_zip,
}


def _without(name: str, *endings: str) -> str:
    for ending in endings:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
