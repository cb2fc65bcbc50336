"""Read events from tables with named columns: RecBole's ``.inter``, CSV and TSV."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from loki_bench.datasets.events import Events
from loki_bench.datasets.text_file import read_text
from loki_bench.errors import DatasetError
from loki_bench.plugins.specs import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]


def read_table(
    path: Path,
    *,
    dataset: str,
    layout: Literal["inter", "csv", "tsv"],
    user_column: str,
    item_column: str,
    timestamp_column: str,
) -> Events:
    """Events of a table, one a row, in the order of the file.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str
        Who asks, for error messages.
    layout : "inter", "csv" or "tsv"
        ``"inter"`` is RecBole's atomic file: tab-separated, no quoting, and a type behind each
        name of the header, as in ``user_id:token``. The others have plain names and may quote.
    user_column, item_column : str
        Column names, without a type. Their cells are read as text: ``NA`` and ``007`` are names
        like any other.
    timestamp_column : str
        Column of numbers, larger is later; an empty name says that the file has no times and its
        rows are oldest first.

    Raises
    ------
    DatasetError
        Names the file and the line or column at fault. A quoted cell that holds a line break
        makes the lines behind it count one less.
    """
    import pandas as pd

    text = read_text(path, dataset=dataset)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep="," if layout == "csv" else "\t",
            quoting=csv.QUOTE_NONE if layout == "inter" else csv.QUOTE_MINIMAL,
            dtype=object,
            na_filter=False,  # an item may be called "NA"; a missing cell reads as ""
            skip_blank_lines=False,  # so that row r is line r + 2
        )
    except pd.errors.ParserError as error:
        detail = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise DatasetError(f"{path}: its rows can't be told apart ({detail})") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took surplus cells for row names
        raise DatasetError(
            f"{path}: its rows have more cells than its header has names; "
            "check the header and the separator"
        )
    if layout == "inter":
        frame.columns = _names_of_typed_header(list(frame.columns), path)
    blank = (frame == "").all(axis=1).to_numpy()
    lines = np.arange(2, len(frame) + 2, dtype=np.int64)[~blank]
    frame = frame.loc[~blank]
    users = _cells(frame, user_column, "user_column", path, lines)
    items = _cells(frame, item_column, "item_column", path, lines)
    times = None
    if timestamp_column:
        times = _times(
            _cells(frame, timestamp_column, "timestamp_column", path, lines),
            timestamp_column,
            path,
            lines,
        )
    return Events(source=str(path), users=users, items=items, times=times, lines=lines)


def _names_of_typed_header(columns: list[str], path: Path) -> list[str]:
    for column in columns:
        if ":" not in column:
            raise DatasetError(
                f"{path}, line 1: column '{column}' has no type; the header of a RecBole file "
                "reads like user_id:token, separated by tabs"
            )
    return [column.rpartition(":")[0] for column in columns]


def _cells(
    frame: "pd.DataFrame", column: str, parameter: str, path: Path, lines: NDArray[np.int64]
) -> NDArray[np.object_]:
    """The column's cells as text, none of them empty."""
    columns = [str(name) for name in frame.columns]
    if column not in columns:
        raise DatasetError(
            f"{path}: it has no column '{column}'{nearest(column, columns)}; it has "
            f"{', '.join(columns)}; name the right one with {parameter}"
        )
    if columns.count(column) > 1:
        raise DatasetError(f"{path}: it has more than one column '{column}'; rename all but one")
    cells: NDArray[np.object_] = frame[column].to_numpy(dtype=object)
    empty = np.flatnonzero(cells == "")
    if len(empty):
        raise DatasetError(
            f"{path}, line {lines[empty[0]]}: column '{column}' is empty; "
            "every event needs a value there"
        )
    return cells


def _times(
    cells: NDArray[np.object_], column: str, path: Path, lines: NDArray[np.int64]
) -> NDArray[np.int64] | NDArray[np.float64]:
    import pandas as pd

    # whole numbers stay int64: as float64, nanoseconds since 1970 would lose their order
    times: NDArray[np.int64] | NDArray[np.float64] = pd.to_numeric(
        pd.Series(cells, dtype=object), errors="coerce"
    ).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(times))
    if len(wrong):
        raise DatasetError(
            f"{path}, line {lines[wrong[0]]}: '{cells[wrong[0]]}' in column '{column}' is not a "
            "finite number; convert times to numbers, for example seconds since 1970"
        )
    return times
