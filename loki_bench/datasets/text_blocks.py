"""A text as pyarrow reads it: in blocks, with separators of one character, its lines counted."""

import io
import re
from collections.abc import Callable, Iterator

from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.shape import BLANKS
from loki_bench.errors import DatasetError

__all__ = ["UNIT_SEPARATOR", "TextBlocks", "blocks_have_quotes"]

UNIT_SEPARATOR = b"\x1f"
"""Stands in for separators of more than one character; no text has it by intent."""


class TextBlocks(io.RawIOBase):
    """Blocks of a text as pyarrow reads them; counts lines as they pass.

    Separators of more than one character become one that pyarrow takes.
    """

    def __init__(
        self, blocks: Iterator[bytes], separator: str, file: DataFile, *, blank_width: int = 0
    ) -> None:
        self._blocks, self._file = blocks, file
        self._rest = b""
        self._n_feeds, self._last = 0, b""
        self._translate: Callable[[bytes], bytes] | None = None
        self.delimiter = separator
        if separator == BLANKS:
            self._translate = lambda text: re.sub(rb"[ \t]+", UNIT_SEPARATOR, _trimmed(text))
        elif len(separator.encode()) > 1:
            parts = separator.encode()
            self._translate = lambda text: text.replace(parts, UNIT_SEPARATOR)
        if self._translate:
            self.delimiter = UNIT_SEPARATOR.decode()
        elif blank_width:
            self._translate = lambda text: _without_blank_lines(text, separator, blank_width)
        if self._translate:
            self._blocks = _whole_lines(blocks)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = self._next()
        size = len(self._rest) if size < 0 else size
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def _next(self) -> bytes:
        block = next(self._blocks, b"")
        if not block:
            return b""
        if self._last.endswith(b"\r") and block.startswith(b"\n"):
            self._n_feeds -= 1  # one end of a line in two blocks
        self._n_feeds += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n")
        self._last = block[-1:]
        if self._translate:
            if UNIT_SEPARATOR in block:
                raise DatasetError(
                    f"{self._file.path}: it holds the control character 0x1f; is it a text?"
                )
            block = self._translate(block)
        return block

    def finish(self) -> None:
        while self._next():
            pass

    @property
    def n_lines(self) -> int:
        """Lines that have passed, a last one without an end included."""
        return self._n_feeds + (self._last not in (b"", b"\n", b"\r"))


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in blocks that end where a line ends."""
    rest = b""
    for block in blocks:
        cut = max(block.rfind(b"\n"), block[:-1].rfind(b"\r")) + 1
        if not cut:
            rest += block
            continue
        yield rest + block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def _trimmed(text: bytes) -> bytes:
    """The text without blanks where lines begin and end."""
    return re.sub(rb"(?m)^[ \t]+|[ \t]+(?=[\r\n]|\Z)", b"", text)


def _without_blank_lines(text: bytes, separator: str, width: int) -> bytes:
    """The text with nothing on lines of blanks alone, unless they are rows of empty cells."""

    def judged(line: re.Match[bytes]) -> bytes:
        found: bytes = line[0]
        return found if found.count(separator.encode()) == width - 1 > 0 else b""

    return re.sub(rb"(?m)^[ \t]+(?=[\r\n]|\Z)", judged, text)


def blocks_have_quotes(blocks: Iterator[bytes]) -> bool:
    """Whether there is a double quote anywhere."""
    return any(b'"' in block for block in blocks)
