"""The type of what JSON holds."""

from typing import TYPE_CHECKING, TypeAlias

__all__ = ["JsonObject", "JsonValue"]

if TYPE_CHECKING:
    from pydantic import JsonValue
else:  # pydantic takes longer to import than an isolated process has to do with it
    JsonValue = object

JsonObject: TypeAlias = dict[str, JsonValue]
"""What ``json.loads`` gives for an object."""
