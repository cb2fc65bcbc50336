"""Read poison from NumPy files: matrices of fake users and items, lists of items, our own form."""

import itertools
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.datasets.named_rows import NamedRows
from loki_bench.errors import DatasetError

__all__ = ["is_numpy_file", "read_arrays"]

_BROKEN = (
    *(OSError, EOFError, MemoryError, OverflowError, RecursionError, NotImplementedError),
    *(ValueError, TypeError, KeyError, AttributeError, SyntaxError, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What NumPy's reader raises for a damaged file, whose header it takes for Python."""

_OURS = {"offsets", "items"}
_SPARSE = {"data", "indices", "indptr", "shape"}
_ADVICE = 'write it as JSON: {"fake_users": [["item", "item"], ...]}'


def is_numpy_file(path: Path) -> bool:
    """Whether a file begins as an array, or is an archive of arrays alone."""
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                return bool(names) and all(name.endswith(".npy") for name in names)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            return False
    return first.startswith(b"\x93NUMPY")


def read_arrays(path: Path) -> NamedRows:
    """The rows of a ``.npy`` or ``.npz`` file.

    Read are: ``offsets`` and ``items``, as ``poison export`` writes them, with ``users``,
    ``targets`` and ``target_users``; the sparse matrices of SciPy in rows; and one matrix, dense.
    A matrix of whole numbers above 1 has a fake user's items in each row, padded with -1; any
    other has a column for each item of the catalogue, and an entry above 0 is an event.

    Raises
    ------
    DatasetError
        One sentence: the file, what is in it, and what to write instead.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header of Python 2 is no reason to stop
            loaded = np.load(path, allow_pickle=False)
            arrays = {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except _BROKEN as error:
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{path}: it holds Python objects, which may run code when they are read; {_ADVICE}"
            ) from error
        raise DatasetError(
            f"{path}: it is no whole NumPy file ({_first_line(error)}); "
            "check that it was written whole"
        ) from error
    if set(arrays) >= _OURS:
        return _ragged(path, arrays)
    if set(arrays) >= _SPARSE:
        return _sparse(path, arrays)
    if len(arrays) == 1:
        return _matrix(path, next(iter(arrays.values())))
    raise DatasetError(
        f"{path}: it holds the arrays {', '.join(sorted(arrays))}; expected one matrix, or the "
        f"arrays 'offsets' and 'items'; {_ADVICE}"
    )


def _ragged(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NamedRows:
    offsets, items = arrays["offsets"], arrays["items"]
    if (
        offsets.ndim != 1
        or items.ndim != 1
        or not len(offsets)
        or not np.issubdtype(offsets.dtype, np.integer)
        or offsets[0] != 0
        or offsets[-1] != len(items)
        or np.any(np.diff(offsets) < 0)
    ):
        raise DatasetError(
            f"{path}: 'offsets' must rise from 0 to the number of 'items': fake user r has "
            "items[offsets[r]:offsets[r + 1]]"
        )
    names = _names(path, items, "items")
    bounds = offsets.tolist()
    users = _names(path, arrays.get("users", np.empty(0, dtype=str)), "users")
    if users and len(users) != len(bounds) - 1:
        raise DatasetError(f"{path}: it has {len(bounds) - 1} rows, and 'users' names {len(users)}")
    nothing = np.empty(0, dtype=str)
    return NamedRows(
        path=path,
        rows=tuple(names[a:b] for a, b in itertools.pairwise(bounds)),
        users=users,
        targets=_names(path, arrays.get("targets", nothing), "targets"),
        target_users=_names(path, arrays.get("target_users", nothing), "target_users"),
        recognised="offsets and items",
    )


def _sparse(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NamedRows:
    bounds, columns, values = arrays["indptr"], arrays["indices"], arrays["data"]
    shape, kind = arrays["shape"], arrays.get("format", np.array(b"csr")).tolist()
    if (
        kind not in (b"csr", "csr")
        or shape.shape != (2,)
        or any(array.dtype.kind not in "iu" for array in (bounds, columns, shape))
        or values.dtype.kind not in "biuf"
        or bounds.shape != (shape[0] + 1,)
    ):
        raise DatasetError(f"{path}: it is no sparse matrix in rows (csr) of SciPy; {_ADVICE}")
    if (
        columns.ndim != 1
        or columns.shape != values.shape
        or bounds[0] != 0
        or bounds[-1] != len(columns)
        or np.any(bounds[1:] < bounds[:-1])
    ):
        raise DatasetError(
            f"{path}: it is no whole sparse matrix: 'indptr' must rise from 0 to the number of "
            "'indices'; check that it was written whole"
        )
    said = f"a sparse matrix of {shape[0]} rows and {shape[1]} columns"
    _refuse_no_counts(path, values, said)
    rows = []
    for a, b in itertools.pairwise(bounds.tolist()):
        found = np.sort(columns[a:b][values[a:b] != 0])
        rows.append(tuple(map(str, found.tolist())))
    return NamedRows(
        path=path,
        rows=tuple(rows),
        n_columns=int(shape[1]),
        recognised=said,
    )


def _matrix(path: Path, matrix: NDArray[Any]) -> NamedRows:
    if matrix.ndim != 2 or matrix.dtype.kind not in "biufU" or not matrix.size:
        raise DatasetError(
            f"{path}: it holds an array of {matrix.dtype} and of shape {matrix.shape}; expected a "
            f"matrix with a row for each fake user; {_ADVICE}"
        )
    said = f"a matrix of {matrix.shape[0]} rows and {matrix.shape[1]} columns"
    if matrix.dtype.kind == "U":
        rows = tuple(tuple(name for name in row if name) for row in matrix.tolist())
        return NamedRows(path=path, rows=rows, recognised=f"{said}, of names")
    if matrix.dtype.kind in "iu" and matrix.max() > 1:
        listed = tuple(tuple(str(i) for i in row if i != -1) for row in matrix.tolist())
        return NamedRows(
            path=path, rows=listed, width=matrix.shape[1], recognised=f"{said}, of items"
        )
    _refuse_no_counts(path, matrix, said)
    return NamedRows(
        path=path,
        rows=tuple(tuple(map(str, np.flatnonzero(row).tolist())) for row in matrix),
        n_columns=int(matrix.shape[1]),
        recognised=f"{said}, one for each item",
    )


def _refuse_no_counts(path: Path, values: NDArray[Any], said: str) -> None:
    """Refuse entries that don't say whether there is an event: one column stands for one item."""
    if not np.isfinite(values).all():
        raise DatasetError(f"{path}: {said} holds NaN or infinity; 0 says that there is no event")
    if np.any(values < 0):
        raise DatasetError(
            f"{path}: {said}, one for each item, holds {values.min()}, which says neither that "
            "there is an event (above 0) nor that there is none (0); lists of items that are "
            f"padded with -1 have a whole number above 1, else {_ADVICE}"
        )


def _names(path: Path, array: NDArray[Any], what: str) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise DatasetError(
            f"{path}: '{what}' is an array of {array.dtype} and of shape {array.shape}; expected "
            "names, or whole numbers, in one row"
        )
    return tuple(map(str, array.tolist()))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
