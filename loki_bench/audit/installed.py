"""Which cells of a stranger's records may be run here: only those made of installed components.

A record says which code made it (``"target": "package.module:Class"``). Nothing of that is
imported because a record says so: a component is used if an installed plugin declares the same
one, at the same version, and takes the same parameters.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from loki_bench.errors import LokiBenchError, StoreError
from loki_bench.plugins.registry import Registry
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import PROTOCOL_VERSION, Cell
from loki_bench.suite.components import ComponentRef

__all__ = ["components_of", "record_of", "why_not_runnable"]


def record_of(store: Store, cell_id: str) -> Record | str:
    """A record that says what its id says, or why it can't be used."""
    content = store.read_json("records", cell_id)
    if content is None:
        return "it is not whole"
    try:
        record = Record.parse(content)
    except StoreError as error:
        return str(error)
    if not record.id == record.cell.id == cell_id:
        return f"what its cell says has the id {record.cell.id}"
    return record


def why_not_runnable(cell: Cell, registry: Registry, *, but: tuple[str, ...] = ()) -> str | None:
    """Why the cell can't be computed with what is installed; None where it can.

    Parameters
    ----------
    but : tuple of str
        Fields of the cell whose components will not be used.
    """
    if cell.protocol_version != PROTOCOL_VERSION:
        return f"it follows protocol {cell.protocol_version}; this is {PROTOCOL_VERSION}"
    if cell.attacker.is_handed_in and "attacker" not in but:
        return "its poison was handed in: there is no attack here that could write it again"
    for name in type(cell).model_fields:
        if name not in but:
            for component in components_of(getattr(cell, name)):
                if problem := _why_not_installed(component, registry):
                    return problem
    return None


def components_of(value: object) -> Iterator[ComponentRef]:
    """Every component in a cell or a field of it, however deep."""
    if isinstance(value, ComponentRef):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from components_of(getattr(value, name))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from components_of(part)


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
