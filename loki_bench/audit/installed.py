"""Which cells of a stranger's records may be run here: only those made of installed components.

A record says which code made it (``"target": "package.module:Class"``). Nothing of that is
imported because a record says so: a component is used if an installed plugin declares the same
one, at the same version, and takes the same parameters.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from loki_bench.errors import LokiBenchError
from loki_bench.plugins.registry import Registry
from loki_bench.suite.cell import PROTOCOL_VERSION, Cell
from loki_bench.suite.components import ComponentRef

__all__ = ["cell_of", "why_not_runnable"]


def cell_of(record: dict[str, Any], cell_id: str) -> Cell | str:
    """The cell of a record, or why it is none."""
    try:
        cell = Cell.model_validate(record["cell"])
    except (ValidationError, KeyError, TypeError) as error:
        return f"its cell can't be read: {str(error).splitlines()[0]}"
    if record.get("id") != cell_id or cell.id != cell_id:
        return f"what its cell says has the id {cell.id}"
    return cell


def why_not_runnable(cell: Cell, registry: Registry, *, but: tuple[str, ...] = ()) -> str | None:
    """Why the cell can't be computed with what is installed; None where it can.

    Parameters
    ----------
    but : tuple of str
        Fields of the cell whose components will not be used.
    """
    if cell.protocol_version != PROTOCOL_VERSION:
        return f"it follows protocol {cell.protocol_version}; this is {PROTOCOL_VERSION}"
    for name in type(cell).model_fields:
        if name not in but:
            for component in _components(getattr(cell, name)):
                if problem := _why_not_installed(component, registry):
                    return problem
    return None


def _components(value: object) -> Iterator[ComponentRef]:
    """Every component in a field, however deep."""
    if isinstance(value, ComponentRef):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _components(getattr(value, name))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _components(part)


def _why_not_installed(component: ComponentRef, registry: Registry) -> str | None:
    declared = [
        c
        for c in registry.components()
        if (c.spec.name, c.spec.target) == (component.name, component.target)
    ]
    made = f"'{component.name}' of {component.distribution} {component.version}"
    if not declared:
        return f"{made} is not installed here"
    if all(
        (c.origin.distribution, c.origin.version) != (component.distribution, component.version)
        for c in declared
    ):
        return f"{made} was used; installed is {declared[0].origin}"
    try:
        declared[0].spec.check(component.parameters)
    except LokiBenchError as error:
        return str(error)
    return None
