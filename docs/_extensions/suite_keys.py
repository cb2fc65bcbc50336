"""The directive ``suite-keys``: every key of a suite file, from the models that read it.

::

    ```{suite-keys} loki_bench.suite.suite:Suite
    ```

One table for the file itself and one for each table in it, in the order in which keys name them.
What is shown is the model's JSON schema. A key without a description stops the build.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import mock
from sphinx.util.docutils import SphinxDirective

REFERENCE = "#/$defs/"
BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "minItems": "{} or more entries",
    "maxItems": "at most {} entries",
    "pattern": "like `{}`",
}
TYPES = {"integer": "whole number", "boolean": "true or false", "null": "nothing"}


class SuiteKeys(SphinxDirective):
    """Writes the tables as Markdown and lets MyST read them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes of all tables."""
        module, _, name = self.arguments[0].partition(":")
        with mock(self.config.autodoc_mock_imports):
            schema = getattr(importlib.import_module(module), name).model_json_schema()
        lines = list(page_of(schema))
        for line in lines:
            if line.endswith("|  |"):
                raise self.error(f"{self.arguments[0]}: a key has no description: {line}")
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, self.arguments[0]), 0, holder, match_titles=True)
        return holder.children


def page_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown: a section for the file, then one for each table."""
    tables = schema.get("$defs", {})
    waiting, seen = [("The file", schema)], {schema["title"]}
    while waiting:
        heading, table = waiting.pop(0)
        yield from (f"## {heading}", "", " ".join(table["description"].split()), "")
        yield from ("| key | value | default | meaning |", "|---|---|---|---|")
        required = table.get("required", [])
        for key, field in table["properties"].items():
            default = "required" if key in required else shown_default(field)
            meaning = field.get("description", "").replace("|", "\\|")
            yield f"| `{key}` | {kind_of(field)} | {default} | {meaning} |"
            for name in tables_in(field):
                if name not in seen:
                    seen.add(name)
                    waiting.append((name, tables[name]))
        yield ""


def kind_of(field: Mapping[str, Any]) -> str:
    """What a key may hold, in words."""
    for union in ("anyOf", "oneOf"):
        if union in field:
            return " or ".join(kind_of(choice) for choice in field[union])
    if "$ref" in field:
        name = field["$ref"].removeprefix(REFERENCE)
        return f"[{name}](#{name.lower()})"
    if "enum" in field or "const" in field:
        return " or ".join(f'`"{v}"`' for v in field.get("enum", [field.get("const")]))
    bounds = ", ".join(text.format(field[key]) for key, text in BOUNDS.items() if key in field)
    inside = field.get("items") or field.get("additionalProperties")
    if field["type"] == "array":
        kind = f"list of {kind_of(inside)}"
    elif field["type"] == "object":
        kind = f"table of {kind_of(inside)}"
    else:
        kind = TYPES.get(field["type"], field["type"])
    return f"{kind}, {bounds}" if bounds else kind


def shown_default(field: Mapping[str, Any]) -> str:
    """The default as TOML writes it, or nothing where a key may be left out."""
    default = field.get("default")
    if default is None or "$ref" in field:
        return ""
    if isinstance(default, list) and default and isinstance(default[0], dict):
        default = [entry["name"] for entry in default]
    return f"`{json.dumps(default)}`"


def tables_in(field: Any) -> Iterator[str]:
    """Names of the tables that a key, its list or one of its choices refers to."""
    if isinstance(field, Mapping):
        if "$ref" in field:
            yield field["$ref"].removeprefix(REFERENCE)
        for value in field.values():
            yield from tables_in(value)
    elif isinstance(field, list):
        for value in field:
            yield from tables_in(value)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("suite-keys", SuiteKeys)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
