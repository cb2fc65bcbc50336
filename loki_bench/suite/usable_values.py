"""Values of a suite that no id, file or folder could hold: refused where they enter."""

import math
import unicodedata
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

__all__ = [
    "DEEPEST",
    "LARGEST_NUMBER",
    "MOST_VALUES",
    "ComponentName",
    "FolderName",
    "RunKey",
    "Summary",
    "Token",
    "refuse_other_parameters",
    "refuse_unusable",
]

LONGEST_NAME = 100
"""Letters in the name of a suite or a component."""

LONGEST_TEXT = 4096
"""Letters in a summary, a token or a parameter's value, which may be a path."""

MOST_VALUES = 10_000
"""Values in one list."""

DEEPEST = 8
"""Lists and tables in one parameter."""

LARGEST_NUMBER = 2**63 - 1

_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for devices: no folder of results may have them."""


def _no_device(name: str) -> str:
    if name in _DEVICES:
        raise ValueError("Windows keeps this name for a device; choose another")
    return name


def _one_line(text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text):
        raise ValueError("expected one line of printable text")
    return text


def refuse_unusable(value: object, *, depth: int = 0) -> None:
    """Raise ``ValueError``, for a validator, for a value that no id or file could hold."""
    if depth > DEEPEST:
        raise ValueError(f"expected lists and tables at most {DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected finite numbers")
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise ValueError("expected numbers below 2**63")
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError(f"expected at most {LONGEST_TEXT} letters")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("expected text without lone surrogates")
    if isinstance(value, (list, dict)):
        if len(value) > MOST_VALUES:
            raise ValueError(f"expected at most {MOST_VALUES} values")
        for part in [*value, *(value.values() if isinstance(value, dict) else ())]:
            refuse_unusable(part, depth=depth + 1)


def refuse_other_parameters(parameters: object) -> None:
    """Raise ``ValueError``, for a validator, where a component's parameters are not what a suite
    can hold."""
    refuse_unusable(parameters)
    if not isinstance(parameters, dict):
        return
    for name, value in parameters.items():
        parts = value.values() if isinstance(value, dict) else [value]
        if not all(map(_is_parameter, parts)):
            raise ValueError(
                f"the value of {name!r} is none that a parameter can have: text, a number, true or "
                "false, a list of texts or a list of numbers, or a table of these"
            )


def _is_parameter(value: object) -> bool:
    if isinstance(value, list):
        return any(
            all(isinstance(one, kind) and not isinstance(one, bool) for one in value)
            for kind in (str, (int, float))
        )
    return isinstance(value, (bool, int, float, str))


ComponentName: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_one_line)
]
FolderName: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=LONGEST_NAME),
    AfterValidator(_no_device),
]
RunKey: TypeAlias = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
"""128 bits as 32 hexadecimal digits, or nothing."""

Summary: TypeAlias = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_one_line)]
Token: TypeAlias = Annotated[str, Field(max_length=LONGEST_TEXT)]
