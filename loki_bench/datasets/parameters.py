"""Check the parameters of datasets: a wrong type or value is refused in one sentence."""

import codecs
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast, get_args

from loki_bench.bounded_files import home_expanded
from loki_bench.datasets.reading import ColumnChoice, Format, Reading
from loki_bench.errors import ParameterError

__all__ = [
    "check_choice",
    "check_column",
    "check_columns",
    "check_encoding",
    "check_flag",
    "check_k_core",
    "check_last_events",
    "check_paths",
    "check_rating",
    "check_separator",
    "check_times",
    "check_where",
    "check_whole",
    "checked_reading",
]

T = TypeVar("T", bound=str)


def checked_reading(
    *,
    dataset: str,
    format: object,  # noqa: A002  # as of the dataset
    separator: object,
    encoding: object,
    columns: object,
    header: object,
    user_column: object,
    item_column: object,
) -> Reading:
    """How a file is to be read, for whoever takes these parameters; the rest is as by default.

    Raises ``ParameterError``, as the checks below do.
    """
    return Reading(
        dataset=dataset,
        format=check_choice(format, "format", get_args(Format), dataset=dataset),
        separator=check_separator(separator, dataset=dataset),
        encoding=check_encoding(encoding, dataset=dataset),
        columns=check_columns(columns, "columns", dataset=dataset),
        header=check_flag(header, "header", dataset=dataset),
        user_column=check_column(user_column, "user_column", dataset=dataset),
        item_column=check_column(item_column, "item_column", dataset=dataset),
    )


def check_k_core(k_core: object, *, dataset: str) -> int:
    """``k_core`` itself; raises ``ParameterError`` unless it is a whole number from 0."""
    if not isinstance(k_core, int) or isinstance(k_core, bool) or k_core < 0:
        raise ParameterError(
            f"dataset '{dataset}': k_core is {k_core!r}; it must be a whole number from 0 "
            "(0 drops nothing)"
        )
    return k_core


def check_last_events(last_events: object, *, dataset: str) -> int | None:
    """``last_events`` itself; raises ``ParameterError`` unless it is None or a number from 2."""
    return check_whole(
        last_events,
        "last_events",
        least=2,
        dataset=dataset,
        otherwise="left out to keep all of a user's events",
    )


def check_whole(
    value: object,
    parameter: str,
    *,
    least: int,
    dataset: str,
    most: int = 2**31 - 1,
    otherwise: str = "left out",
) -> int | None:
    """The value itself; raises ``ParameterError`` unless it is None or whole and not too small."""
    if value is not None and (
        not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most
    ):
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be a whole number from "
            f"{least}{f' to {most}' if most < 2**31 - 1 else ''}, or {otherwise}"
        )
    return value


def check_choice(value: object, parameter: str, choices: Sequence[T], *, dataset: str) -> T:
    """The value itself; raises ``ParameterError`` unless it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be one of {', '.join(choices)}"
        )
    return cast("T", value)


def check_paths(value: object, parameter: str, *, dataset: str) -> tuple[Path, ...]:
    """One path or several; raises ``ParameterError`` for anything else."""
    paths = [value] if isinstance(value, str | Path) else value
    if (
        not isinstance(paths, list | tuple)
        or not paths
        or not all(isinstance(path, str | Path) and str(path) for path in paths)
    ):
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be the path of a file, or a "
            "list of paths"
        )
    try:
        return tuple(home_expanded(path) for path in paths)
    except ValueError as error:
        raise ParameterError(f"dataset '{dataset}': {parameter}: {error}") from error


def check_column(value: object, parameter: str, *, dataset: str) -> ColumnChoice:
    """A column's name or number; raises ``ParameterError`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be a column's name, or its "
            "number from 0"
        )
    if isinstance(value, int) and value < 0:
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value}; columns are numbered from 0"
        )
    return value


def check_columns(value: object, parameter: str, *, dataset: str) -> tuple[str, ...]:
    """Names of columns, all different; raises ``ParameterError`` for anything else."""
    if value is None:
        return ()
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(name, str) and name for name in value)
    ):
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be a list of names, one for "
            "each column of the file"
        )
    twice = next((name for name in value if list(value).count(name) > 1), None)
    if twice is not None:
        raise ParameterError(f"dataset '{dataset}': {parameter} lists '{twice}' twice")
    return tuple(value)


def check_times(value: object, *, dataset: str) -> str:
    """``times`` itself; raises ``ParameterError`` unless it is "auto" or a form with ``%``."""
    if value != "auto" and not (isinstance(value, str) and "%" in value):
        raise ParameterError(
            f"dataset '{dataset}': times is {value!r}; it must be \"auto\", or the form of the "
            'times as strptime takes it, such as "%d/%m/%Y %H:%M"'
        )
    try:
        datetime.strptime("", value)
    except re.error as error:
        raise ParameterError(
            f"dataset '{dataset}': times is {value!r}, which strptime does not take ({error}); "
            'name each part of a time once, as in "%d/%m/%Y %H:%M"'
        ) from error
    except ValueError:  # nothing is no time; whether the form is the file's shows when it is read
        pass
    return value


def check_encoding(value: object, *, dataset: str) -> str | None:
    """``encoding`` itself; raises ``ParameterError`` unless Python knows such a text encoding."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and codecs.lookup(value)._is_text_encoding:
            return value
    except (LookupError, ValueError):
        pass
    raise ParameterError(
        f"dataset '{dataset}': encoding is {value!r}; it must be the name of a text encoding that "
        'Python knows, such as "latin-1", "cp1252" or "utf-16"'
    )


def check_separator(value: object, *, dataset: str) -> str | None:
    """``separator`` itself; raises ``ParameterError`` unless it can stand between cells."""
    if value is None:
        return None
    if (
        not isinstance(value, str)
        or not value
        or any(letter.isalnum() or letter in '"\r\n\x00\x1f' for letter in value)
    ):
        raise ParameterError(
            f"dataset '{dataset}': separator is {value!r}; it must be what stands between cells, "
            'such as "," or "::"; " " stands for any run of blanks and tabs'
        )
    return value


def check_flag(value: object, parameter: str, *, dataset: str) -> bool | None:
    """The value itself; raises ``ParameterError`` unless it is true, false or None."""
    if value is not None and not isinstance(value, bool):
        raise ParameterError(
            f"dataset '{dataset}': {parameter} is {value!r}; it must be true or false"
        )
    return value


def check_rating(value: object, *, dataset: str) -> float | None:
    """``min_rating`` as a float; raises ``ParameterError`` unless it is a finite number or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ParameterError(
            f"dataset '{dataset}': min_rating is {value!r}; it must be a number, such as 4"
        )
    return float(value)


def check_where(value: object, *, dataset: str) -> dict[str, tuple[str, ...]]:
    """Column and the values that are kept; raises ``ParameterError`` for anything else.

    A truth value is the word ``true`` or ``false``, however the file's cells write it.
    """
    if value is None:
        return {}
    wrong = ParameterError(
        f"dataset '{dataset}': where is {value!r}; it must name columns and the values that are "
        'kept, such as { event = ["view", "cart"] }'
    )
    if not isinstance(value, Mapping):
        raise wrong
    found = {}
    for column, values in value.items():
        listed = values if isinstance(values, list | tuple) else [values]
        if (
            not isinstance(column, str)
            or not column
            or not listed
            or not all(isinstance(v, str | int) for v in listed)
        ):
            raise wrong
        found[column] = tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in listed)
    return found
