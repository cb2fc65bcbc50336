"""Opens an ``.npz`` file that anybody may have written: plain arrays, of the size that they say."""

import io
import math
import struct
import tokenize
import zipfile
import zlib
from typing import BinaryIO, cast

import numpy as np

from loki_bench.answer_checks import NamedArrays

__all__ = ["BROKEN", "LARGEST_ARRAYS", "check_arrays", "plain_arrays"]

LARGEST_ARRAYS = 64 * 2**20
"""Bytes that the arrays of one submitted file may take."""

# What zipfile and numpy raise on bytes that are no archive, or a damaged one.
BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,  # of the header of an array
    tokenize.TokenError,  # the same
    OverflowError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)


def check_arrays(content: bytes, *, at_most: int) -> None:
    """Look at every array's header, before any of them is made.

    Raises
    ------
    ValueError
        The arrays take more than ``at_most`` bytes, or one is no plain array of its size.
    any of ``BROKEN``
        It is no such archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > at_most:
            raise ValueError(f"it unpacks to more than {at_most} bytes")
        for entry in entries:
            with archive.open(entry) as stream:
                n_bytes = _stated_bytes(cast("BinaryIO", stream))
            if n_bytes is None or n_bytes > entry.file_size:
                raise ValueError(f"{entry.filename} is no plain array of its size")


def plain_arrays(content: bytes, *, at_most: int) -> NamedArrays:
    """The arrays in the bytes of a file, by name; raises as :func:`check_arrays`."""
    check_arrays(content, at_most=at_most)
    # from memory: numpy leaves the file open where it is not a whole archive
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _stated_bytes(stream: BinaryIO) -> int | None:
    """How large an array is by its header; None for one of Python objects."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise KeyError(version)
    return None if dtype.hasobject else math.prod(shape) * int(dtype.itemsize)
