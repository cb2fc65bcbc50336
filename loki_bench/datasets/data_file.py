"""Open a data file as UTF-8 text: decompressed, decoded, its lines numbered."""

import codecs
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from loki_bench.bounded_files import refuse_irregular
from loki_bench.datasets.compression import BLOCK, unpacked
from loki_bench.datasets.file_kinds import foreign_kind, is_parquet
from loki_bench.errors import DatasetError

__all__ = ["DataFile", "open_data_file"]

HEAD = 1 << 20

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A data file that was found, and what its first bytes say.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Name of what is inside, without the ending of a compression.
    packing : tuple of str
        How it is compressed, from outside: ``("gzip",)``, or nothing.
    encoding : str
        Of its text.
    parquet : bool
        Whether it is a Parquet file.
    head : bytes
        The first mebibyte of its text as UTF-8, without a byte order mark; empty for Parquet.
    whole : bool
        Whether the head is all there is.
    """

    path: Path
    name: str
    packing: tuple[str, ...]
    encoding: str
    parquet: bool
    head: bytes
    whole: bool

    @property
    def suffix(self) -> str:
        """The ending, in small letters, of what is inside."""
        return PurePosixPath(self.name.lower()).suffix

    def open(self) -> BinaryIO:
        """Its bytes, decompressed."""
        return unpacked(self.path)[0]

    def blocks(self) -> Iterator[bytes]:
        """Its text as UTF-8, in blocks of any length; a byte order mark is left out.

        Bytes of a file in UTF-8 are passed on as they are. Raises ``DatasetError`` where it is
        cut short, or where its bytes are not text in the encoding that was named.
        """
        return _text_blocks(self.open(), self.path, self.encoding)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Number, from 1, and text of each line; raises ``DatasetError`` at one that isn't UTF-8.

        Lines end with a line feed, a carriage return, or both.
        """
        for number, line in enumerate(raw_lines(self.blocks()), start=1):
            yield number, decoded(line, self.path, number)


def open_data_file(path: Path, *, dataset: str, encoding: str | None) -> DataFile:
    """Find a file and look at its first bytes.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str
        Who asks, for error messages.
    encoding : str or None
        Of the text; None goes by the byte order mark, and is UTF-8 where there is none.

    Raises
    ------
    DatasetError
        It is missing, a folder, unreadable, empty, or something that holds no events; the
        message says what it is.
    """
    try:
        refuse_irregular(path)
        stream, name, packing = unpacked(path)
        with stream:
            first = stream.read(HEAD + 4)
    except FileNotFoundError as error:
        raise DatasetError(
            f"dataset '{dataset}': there is no file {path.absolute()}; check the path"
        ) from error
    except IsADirectoryError as error:
        raise DatasetError(
            f"dataset '{dataset}': {path} is a folder; give the path of a file in it"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"dataset '{dataset}': {path} can't be read ({error.strerror or error})"
        ) from error
    except ValueError as error:  # a null byte in the path
        raise DatasetError(
            f"dataset '{dataset}': {str(path)!r} can't be a path ({error})"
        ) from error
    parquet = is_parquet(first)
    if not parquet and (found := foreign_kind(first)):
        raise DatasetError(f"{path}: it is {found[0]}; {found[1]}")
    marked = next((e for mark, e in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), None)
    used = marked or encoding or "utf-8"
    head = b""
    if not parquet:
        blocks = _text_blocks(io.BytesIO(first[:HEAD]), path, used, final=len(first) <= HEAD)
        head = b"".join(blocks)
        _check_text(head, path, encoding)
    return DataFile(
        path=path,
        name=name,
        packing=packing,
        encoding=used,
        parquet=parquet,
        head=head,
        whole=len(first) <= HEAD,
    )


def raw_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of the blocks, without their ends."""
    rest: list[bytes] = []
    for block in blocks:
        lines = block.splitlines(keepends=True)
        if not lines:
            continue
        if len(lines) == 1 and not block.endswith(b"\n"):
            rest.append(block)
            continue
        if rest:
            # a carriage return may be half of a line's end
            lines[:1] = (b"".join(rest) + lines[0]).splitlines(keepends=True)
            rest = []
        if not lines[-1].endswith(b"\n"):
            rest.append(lines.pop())
        for line in lines:
            yield line.rstrip(b"\r\n") if line.endswith((b"\n", b"\r")) else line
    for line in b"".join(rest).splitlines():
        yield line


def decoded(line: bytes, path: Path, number: int) -> str:
    """The text of a line; raises ``DatasetError`` where it isn't UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8; convert the "
            "file to UTF-8, or name the encoding that it was written in with encoding"
        ) from error


def _check_text(head: bytes, path: Path, encoding: str | None) -> None:
    if b"\x00" in head:
        zeros = head[:4096].count(0)
        advice = (
            "it looks like UTF-16 without a byte order mark; convert it to UTF-8"
            if zeros * 3 >= len(head[:4096]) and encoding is None
            else "it holds binary data (zero bytes) and no text; give the path of the data file"
        )
        raise DatasetError(f"{path}: {advice}")
    if not head.strip():
        raise DatasetError(f"{path} is empty; check that it was written whole")


def _text_blocks(
    stream: BinaryIO, path: Path, encoding: str, *, final: bool = True
) -> Iterator[bytes]:
    codec = codecs.lookup(encoding)
    with stream:
        if codec.name == "utf-8":
            first = True
            while block := _read(stream, path):
                yield block.removeprefix(codecs.BOM_UTF8) if first else block
                first = False
            return
        decoder = codec.incrementaldecoder()
        n_lines = 1
        while block := _read(stream, path):
            n_lines, text = _decoded(decoder, block, path, encoding, n_lines, final=False)
            yield text.removeprefix("\ufeff").encode()
        if final:
            yield _decoded(decoder, b"", path, encoding, n_lines, final=True)[1].encode()


def _decoded(
    decoder: codecs.IncrementalDecoder,
    block: bytes,
    path: Path,
    encoding: str,
    n_lines: int,
    *,
    final: bool,
) -> tuple[int, str]:
    try:
        text = decoder.decode(block, final)
        text.encode()  # a lone surrogate
    except UnicodeError as error:
        lines = n_lines
        if isinstance(error, UnicodeDecodeError):
            lines += error.object[: error.start].decode(encoding, "ignore").count("\n")
        raise DatasetError(
            f"{path}, line {lines}: it is not text in the encoding '{encoding}'; "
            "name the one that the file was written in with encoding"
        ) from error
    return n_lines + text.count("\n"), text


def _read(stream: BinaryIO, path: Path) -> bytes:
    try:
        return stream.read(BLOCK)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{path}: it can't be read to its end ({str(error).strip() or type(error).__name__}); "
            "check that it was written whole"
        ) from error
