"""Find the columns that the parameters name, by name or by number."""

from collections.abc import Callable, Sequence
from pathlib import Path

from loki_bench.datasets.reading import ColumnChoice, Reading
from loki_bench.errors import DatasetError
from loki_bench.plugins.specs import nearest

__all__ = ["find_column", "refuse_times", "time_hint"]


def find_column(
    column: ColumnChoice,
    columns: Sequence[str],
    *,
    path: Path,
    parameter: str,
    timelike: Callable[[], Sequence[str]] = tuple,
    otherwise: str = "",
) -> int:
    """Number, from 0, of a column.

    Parameters
    ----------
    column : str or int
        Its name, or its number from 0.
    columns : sequence of str
        The names of all columns.
    path : Path
        The file, for error messages.
    parameter : str
        Which parameter names the column.
    timelike : function to sequence of str
        The columns that look like times; asked for where the column of times is not there.
    otherwise : str
        What else a message may say.

    Raises
    ------
    DatasetError
        There is no such column, or more than one.
    """
    if isinstance(column, int):
        if 0 <= column < len(columns):
            return column
        raise DatasetError(
            f"{path}: it has {len(columns)} columns, numbered from 0, and {parameter} is {column}"
        )
    places = [at for at, name in enumerate(columns) if name == column]
    if len(places) > 1:
        raise DatasetError(f"{path}: it has more than one column '{column}'; rename all but one")
    if places:
        return places[0]
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    hint = time_hint(timelike()) if parameter == "timestamp_column" else ""
    raise DatasetError(
        f"{path}: it has no column '{column}'{nearest(column, list(columns))}; it has {shown}; "
        f"name the right one with {parameter}{hint}{otherwise}"
    )


def refuse_times(reading: Reading, path: Path, form: str) -> None:
    """Raise ``DatasetError`` where somebody named a column of times and the form has no columns."""
    if reading.asked_times:
        named = " and ".join(repr(column) for column in reading.asked_times)
        raise DatasetError(
            f"{path}: timestamp_column names {named}, and the file has no columns of times "
            f"({form}): what comes first in it counts as older; leave timestamp_column out"
        )


def time_hint(timelike: Sequence[str]) -> str:
    """What to write where the column of times has another name, or there is none."""
    if timelike:
        quoted = " and ".join(f"'{name}'" for name in timelike)
        return f"; {quoted} look{'s' if len(timelike) == 1 else ''} like times"
    return '; timestamp_column = "" says that there are no times and its rows are oldest first'
