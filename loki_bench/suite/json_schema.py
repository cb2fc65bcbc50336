"""The JSON Schema of suite files, for editors: with the short forms that a suite may use."""

from pydantic import JsonValue

from loki_bench.suite.suite import Suite

__all__ = ["suite_schema"]

NAMED = ("Choice", "SplitChoice")
"""Tables for which a name alone may stand."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def suite_schema() -> dict[str, JsonValue]:
    """Every key with its type, default and meaning, as JSON Schema 2020-12.

    A component is a name or a table, and where a table has a list one value may stand alone. It
    is no narrower than :func:`loki_bench.suite.suite.load_suite`, which checks more.
    """
    schema: dict[str, JsonValue] = Suite.model_json_schema()
    tables = schema["$defs"]
    if not isinstance(tables, dict):
        raise TypeError("a suite has no tables")
    for name, table in tables.items():
        if isinstance(table, dict):
            tables[name] = {"anyOf": [{"type": "string"}, table]} if name in NAMED else table
            _take_single_values(table)
    _take_single_values(schema)
    return {"$schema": DRAFT, **schema}


def _take_single_values(table: dict[str, JsonValue]) -> None:
    """Let one value stand for a list of it."""
    keys = table.get("properties")
    if not isinstance(keys, dict):
        return
    for key, told in keys.items():
        if isinstance(told, dict) and told.get("type") == "array" and "items" in told:
            keys[key] = {"anyOf": [told["items"], told]}
