"""What makes cells comparable: names the fields in which cells differ that should not.

A table is ranked only if every row has every seed and was computed by the same components under
the same protocol. Otherwise the table says which field differs or which seed is missing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["differing_fields", "fields_of", "lacking_seeds", "said_differences"]

Fields = dict[str, Any]


def fields_of(value: Any, name: str = "") -> Fields:
    """A nested JSON value as ``{"protocol.n_targets": 20, ...}``; empty containers are kept."""
    if isinstance(value, Mapping) and value:
        parts = value.items()
    elif isinstance(value, (list, tuple)) and value:
        parts = {str(position): part for position, part in enumerate(value)}.items()
    else:
        return {name: value if not isinstance(value, (Mapping, list, tuple)) else repr(value)}
    return {
        key: leaf
        for part, inner in parts
        for key, leaf in fields_of(inner, f"{name}.{part}" if name else str(part)).items()
    }


def differing_fields(cells: Iterable[Any]) -> dict[str, list[Any]]:
    """The fields in which any two of the cells differ, with the values in order of appearance.

    A field that some cells do not have counts as None there.
    """
    flat = [fields_of(cell) for cell in cells]
    names = dict.fromkeys(name for fields in flat for name in fields)
    found = {}
    for name in names:
        # by text: 1, 1.0 and True are equal in Python and different in a record
        values = {repr(fields.get(name)): fields.get(name) for fields in flat}
        if len(values) > 1:
            found[name] = list(values.values())
    return found


def said_differences(differences: Mapping[str, list[Any]], *, at_most: int = 4) -> str:
    """``protocol.n_targets (20, 5), victim.version (0.1, 0.2)``."""
    shown = [
        f"{name} ({', '.join(str(value) for value in values[:at_most])})"
        for name, values in list(differences.items())[:at_most]
    ]
    more = len(differences) - at_most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def lacking_seeds(wanted: Iterable[int], found: Iterable[int]) -> list[int]:
    """Seeds of the table that a row has no value for."""
    return sorted(set(wanted) - set(found))
