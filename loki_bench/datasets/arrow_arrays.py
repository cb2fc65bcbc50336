"""Arrays between Arrow, numpy and Python, without pandas.

``pa.array``, ``pa.scalar`` and ``to_numpy`` first look whether they were given something of
pandas, and import it for that; so does ``to_pandas_dtype`` in some releases. It takes longer than
to read most files.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["as_numpy", "exact_below", "is_text", "of_numpy", "of_texts", "one_value"]

Number = TypeVar("Number", bound=np.generic)

_MOST_BYTES = 2**31 - 1
"""Of the texts of one array: their places are 32 bits wide."""


def as_numpy(column: pa.Array | pa.ChunkedArray, kind: type[Number]) -> NDArray[Number]:
    """The numbers or truth values of a column, which are of this kind.

    With nulls it is what ``to_numpy`` makes of them, with the help of pandas. Of numbers in one
    array it is a view that can't be written to, of chunks a copy.
    """
    chunks: Sequence[pa.Array] = getattr(column, "chunks", [column])
    if any(chunk.null_count for chunk in chunks):
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        found: NDArray[Number] = whole.to_numpy(zero_copy_only=False)
        return found
    parts = [_numbers(chunk, kind) for chunk in chunks]
    if isinstance(column, pa.Array):
        return parts[0]
    return np.concatenate([np.empty(0, dtype=kind), *parts])


def exact_below(bits: int) -> int:
    """Where floats of so many bits begin to leave whole numbers out."""
    return {16: 2**11, 32: 2**24, 64: 2**53}[bits]


def is_text(text: str) -> bool:
    """Whether there are whole characters alone: JSON may write half of one, which UTF-8 has not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def of_numpy(values: NDArray[np.generic]) -> pa.Array:
    """An array of numbers or truth values, of the numpy array's own memory where it can be."""
    if values.dtype == np.bool_:
        bits = np.packbits(values.astype(np.bool_), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    memory = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, memory])


def of_texts(texts: Iterable[str | None]) -> pa.StringArray:
    """An array of strings; None is a null."""
    listed = list(texts)
    encoded = [b"" if text is None else text.encode() for text in listed]
    ends = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=ends[1:])
    if ends[-1] > _MOST_BYTES:
        return pa.array(listed, type=pa.string())
    known = np.array([text is not None for text in listed], dtype=bool)
    buffers = [
        None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little")),
        pa.py_buffer(ends.astype(np.int32)),
        pa.py_buffer(b"".join(encoded)),
    ]
    return pa.Array.from_buffers(pa.string(), len(listed), buffers)


def one_value(value: str | np.generic) -> pa.Scalar:
    """A value to compare a column with."""
    return (of_texts([value]) if isinstance(value, str) else of_numpy(np.array([value])))[0]


def _numbers(chunk: pa.Array, kind: type[Number]) -> NDArray[Number]:
    start, end = chunk.offset, chunk.offset + len(chunk)
    memory = chunk.buffers()[1]
    if memory is None:  # an empty array may have none
        return np.empty(0, dtype=kind)
    if pa.types.is_boolean(chunk.type):
        first = start // 8
        octets = np.frombuffer(memory, np.uint8)[first : (end + 7) // 8]
        bits = np.unpackbits(octets, bitorder="little")
        return bits[start - 8 * first : end - 8 * first].astype(kind)
    return np.frombuffer(memory, _dtype(chunk.type))[start:end].astype(kind, copy=False)


def _dtype(numbers: pa.DataType) -> np.dtype[np.generic]:
    if pa.types.is_floating(numbers):
        letter = "f"
    elif pa.types.is_signed_integer(numbers):
        letter = "i"
    elif pa.types.is_unsigned_integer(numbers):
        letter = "u"
    else:
        raise TypeError(f"{numbers} is no kind of numbers")
    return np.dtype(f"{letter}{numbers.bit_width // 8}")
