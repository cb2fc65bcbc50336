"""Reads typed TOML files, with errors that name the file, the key and the nearest valid key."""

import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from loki_bench.bounded_files import read_regular
from loki_bench.errors import SuiteError
from loki_bench.plugins.specs import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "SuiteTable",
    "given_toml",
    "read_suite",
    "table_of",
    "texts_in",
    "without_repetition",
]

LARGEST = 2**20
"""Bytes of a suite file at the most."""

DEEPEST = 64
"""Tables and lists within each other at the most."""

SHOWN = 200
"""Letters of a wrong value that a message repeats."""


class SuiteTable(BaseModel):
    """A table of a suite file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Table = TypeVar("Table", bound=SuiteTable)
V = TypeVar("V")


def read_suite(
    model: type[Table], name_or_path: str, packaged: Callable[[], Mapping[str, str]]
) -> Table:
    """Read a file by the name of a packaged one, or from a ``.toml`` file.

    Parameters
    ----------
    packaged : callable
        Gives the text of every packaged file by its name, see :func:`texts_in`.

    Raises
    ------
    SuiteError
        Names the file, the key, what was given and what was expected.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        texts = packaged()
        if name_or_path in texts:
            return _parse(model, texts[name_or_path], f"suite '{name_or_path}'", Path())
        raise SuiteError(
            f"no suite {_shown(name_or_path)}{nearest(name_or_path[:SHOWN], list(texts))}; "
            f"the package has: {', '.join(texts)}; a suite of your own is a path that ends in .toml"
        )
    try:
        text = read_regular(path, at_most=LARGEST).decode("utf-8-sig")  # editors may mark UTF-8
    except UnicodeDecodeError as error:
        raise SuiteError(f"suite file {path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise SuiteError(f"suite file {_shown(path)}: {error.strerror}") from error
    return _parse(model, text, f"suite file {path}", path.parent)


def table_of(model: type[Table], content: Mapping[str, object], where: str, folder: Path) -> Table:
    """A suite's content as its model.

    Parameters
    ----------
    where : str
        Whose content it is, for messages.
    folder : Path
        Where the paths of parameter files begin.

    Raises
    ------
    SuiteError
        Names the key, what was given and what was expected.
    """
    try:
        return model.model_validate(content, context={"folder": folder, "where": where})
    except ValidationError as error:
        raise SuiteError(f"{where}: {_first_problem(model, error)}") from error


def without_repetition(values: list[V]) -> list[V]:
    """The values as they are; raises ``ValueError``, for a validator, where one is listed twice."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"{getattr(value, 'name', value)!r} is listed twice")
    return values


def texts_in(package: str, folder: str) -> dict[str, str]:
    """The text of every ``.toml`` file in a folder of a package, by name without the ending."""
    files = sorted((resources.files(package) / folder).iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text("utf-8")
        for file in files
        if file.name.endswith(".toml")
    }


def _parse(model: type[Table], text: str, where: str, folder: Path) -> Table:
    if not text.strip():
        raise SuiteError(f"{where}: the file is empty")
    try:
        content = given_toml(text)
    except ValueError as error:
        raise SuiteError(f"{where}: not valid TOML: {error}") from error
    return table_of(model, content, where, folder)


def given_toml(text: str) -> dict[str, object]:
    """The content of a TOML file; ``ValueError`` where it is none, or nested too deeply."""
    try:
        content: dict[str, object] = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(f"tables and lists are nested more than {DEEPEST} deep") from error
    left: list[tuple[object, int]] = [(content, 0)]
    while left:
        value, depth = left.pop()
        if depth > DEEPEST:
            raise ValueError(f"tables and lists are nested more than {DEEPEST} deep")
        if isinstance(value, (dict, list)):
            inner = value.values() if isinstance(value, dict) else value
            left += [(part, depth + 1) for part in inner]
    return content


def _first_problem(model: type[SuiteTable], error: ValidationError) -> str:
    """One sentence about the first thing that is wrong, unknown keys before all else."""
    problems = sorted(error.errors(), key=lambda p: p["type"] != "extra_forbidden")
    problem = problems[0]
    # in brackets: which kind of value was looked for, no part of the key
    parts = [str(part) for part in problem["loc"] if not str(part).startswith("(")]
    key = _cut(".".join(parts))
    if problem["type"] == "extra_forbidden":
        table, wrong = problem["loc"][:-1], str(problem["loc"][-1])
        known = list(_table_at(model, table).model_fields)
        return f"unknown key '{key}'{nearest(wrong[:SHOWN], known)}; known here: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"the key '{key}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"key '{key}': {message[0].lower()}{message[1:]}, got {_shown(problem['input'])}"


def _shown(value: object) -> str:
    """A wrong value as a message repeats it, however long or deep it is."""
    if isinstance(value, Path):
        return _cut(str(value))
    try:
        return _cut(repr(value))
    except (ValueError, RecursionError):  # a number of too many digits, tables in tables
        return f"a {type(value).__name__} that is too large to show"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _table_at(model: type[SuiteTable], location: tuple[int | str, ...]) -> type[SuiteTable]:
    """The table that a location of a validation error lies in."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = _table_in(field.annotation) or model
    return model


def _table_in(annotation: object) -> type[SuiteTable] | None:
    """The table that a field's type is, or holds in a list or union."""
    if isinstance(annotation, type) and issubclass(annotation, SuiteTable):
        return annotation
    found = (_table_in(part) for part in get_args(annotation))
    return next((table for table in found if table is not None), None)
