"""What third parties' code was when a folder's cells were first run with it, to tell of changes.

A cell is known by the version of a plugin, not by its code: who edits a plugin and leaves its
version as it is keeps the rows of the old code. The note lies in ``work``, which is no part of what
is published, and enters no id.
"""

from collections.abc import Iterable
from pathlib import Path

from loki_bench.bounded_files import json_object
from loki_bench.content_ids import canonical_json
from loki_bench.plugins.kept_parameters import source_of
from loki_bench.plugins.ownership import is_own_target
from loki_bench.records.data_places import unheard
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import ComponentRef

__all__ = ["changed_plugins", "keep_plugin_code"]

NAME = "work/plugin-code.json"


def changed_plugins(folder: Path, cells: Iterable[Cell]) -> list[str]:
    """A sentence for each plugin whose code differs from what was noted."""
    digests = _digests(cells)
    noted = _noted(folder) if digests else {}
    return [
        f"plugin {plugin} has changed since cells with it were first run in {folder}, and those "
        "that have a result keep it: raise its version and install it again, or delete the folder"
        for plugin, digest in digests.items()
        if noted.get(plugin, digest) != digest
    ]


def keep_plugin_code(store: Store, cells: Iterable[Cell], *, planned: Iterable[Cell]) -> None:
    """Note the code that these cells run with; what was noted before stays true of those that are
    planned and not among these."""
    running = list(cells)
    digests = _digests(running)
    if not digests:
        return
    ids = {cell.id for cell in running}
    others = _digests(cell for cell in planned if cell.id not in ids)
    noted = _noted(store.folder)
    told = digests | noted | {p: d for p, d in digests.items() if p not in others}
    if told != noted:
        store.write_sealed(NAME, canonical_json(told).encode())


def _noted(folder: Path) -> dict[str, object]:
    file = Store(folder, warn=unheard).sealed_file(NAME)
    return {} if file is None else dict(json_object(file.read()))


def _digests(cells: Iterable[Cell]) -> dict[str, str]:
    """By distribution and version, a hash of all source files of the packages in use."""
    packages: dict[str, set[str]] = {}
    for cell in cells:
        for used in _components(cell):
            if not is_own_target(used.target):
                plugin = f"{used.distribution} {used.version}"
                packages.setdefault(plugin, set()).add(used.target.partition(":")[0].split(".")[0])
    return {
        plugin: " ".join(source_of(name) for name in sorted(names))
        for plugin, names in sorted(packages.items())
    }


def _components(cell: Cell) -> list[ComponentRef]:
    others = [used for used in (cell.defense, cell.influence) if used is not None]
    lent = [surrogate.recommender for surrogate in cell.surrogates]
    return [cell.attacker, cell.victim, *others, *lent]
