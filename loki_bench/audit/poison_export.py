"""A cell's poison by the names of users and items, for other programs and for ``replay``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loki_bench.datasets.poison_writing import NamedPoison
from loki_bench.errors import StoreError
from loki_bench.interactions import Interactions
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.records.data_places import data_places
from loki_bench.records.manifest import MANIFEST, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell, DatasetRef

__all__ = ["ExportedPoison", "export_poison"]


class DataOf(Protocol):
    """Reads the dataset of a cell, given where its leaderboard's own files lay."""

    def __call__(
        self, cell: Cell, /, *, places: Mapping[str, Path]
    ) -> tuple[DatasetRef, Interactions]:
        """The dataset, and its data."""
        ...


_SHORTEST = 6


@dataclass(frozen=True, kw_only=True)
class ExportedPoison:
    """A poison by name, and the record of the cell that it is of."""

    record: Record
    poison: NamedPoison


def export_poison(results: Path, cell_id: str, *, data_of: DataOf) -> ExportedPoison:
    """The poison of a cell.

    Parameters
    ----------
    results : Path
        A suite's folder, as ``run`` or ``publish`` wrote it, or a folder that holds several.
    cell_id : str
        The cell's id, or its first letters, six or more; or the name of its record's file.
    data_of : callable
        Reads the cell's dataset, whose names are used. ``places`` are those that the cell's own
        leaderboard noted: another one's file of the same name may hold other data.

    Raises
    ------
    StoreError
        There is no such cell, or several; it has no poison, or its dataset is another one here.
        Leaderboards that are damaged are named where the cell is in no other.
    """
    cell_id = cell_id.removesuffix(".json")
    if len(cell_id) < _SHORTEST or any(c not in "0123456789abcdef" for c in cell_id):
        raise StoreError(
            f"'{cell_id}' is no cell: expected the name of a file in the folder 'records', or its "
            f"first {_SHORTEST} letters or more"
        )
    folders = [
        p.parent for p in (results / MANIFEST, *results.glob(f"**/{MANIFEST}")) if p.exists()
    ]
    refused: list[StoreError] = []
    damaged: list[str] = []
    for leaderboard in dict.fromkeys(folders):
        try:
            found = [name for name in _cells_of(leaderboard) if name.startswith(cell_id)]
        except StoreError as error:
            damaged.append(str(error))
            continue
        if len(found) > 1:
            raise StoreError(
                f"{leaderboard} has {len(found)} cells that begin with '{cell_id}'; write more"
            )
        if found:
            try:
                with as_working_folder(leaderboard) as folder:
                    store = Store(folder, warn=lambda text: None)
                    return _exported(store, found[0], leaderboard, data_of)
            except StoreError as error:
                refused.append(error)  # another leaderboard may have the same cell whole
    if refused:
        raise refused[0]
    raise StoreError(
        f"{results} has no cell '{cell_id}'; name the folder of its leaderboard with --results"
        + "".join(f"; not looked at: {why}" for why in damaged[:1])
    )


def _cells_of(leaderboard: Path) -> list[str]:
    """The ids of its cells; a working folder may have some that no manifest lists."""
    there = [path.stem for path in sorted((leaderboard / "records").glob("*.json"))]
    return there or read_manifest(leaderboard).record_ids


def _exported(store: Store, cell_id: str, leaderboard: Path, data_of: DataOf) -> ExportedPoison:
    record = store.record(cell_id)
    if record is None or record.goal is None or record.artefacts is None:
        raise StoreError(f"{leaderboard}: cell {cell_id} has no result, and so no poison")
    kept = store.read(PoisonCodec(), record.artefacts.poison)
    if kept is None or kept.poison.digest() != record.artefacts.poison_digest:
        raise StoreError(
            f"{leaderboard}: the poison of cell {cell_id} is not there or not whole; published "
            "results may leave it out: run the suite"
        )
    if not len(kept.poison):
        raise StoreError(
            f"{leaderboard}: cell {cell_id} injects nothing ({record.cell.attacker.label})"
        )
    dataset, data = data_of(record.cell, places=data_places(leaderboard))
    if dataset.fingerprint != record.cell.dataset.fingerprint:
        raise StoreError(
            f"cell {cell_id} is about other data than dataset '{dataset.component.name}' here "
            f"(fingerprint {record.cell.dataset.fingerprint})"
        )
    items = data.item_tokens or tuple(map(str, range(data.n_items)))
    users = data.user_tokens or tuple(map(str, range(data.n_users)))
    poison = NamedPoison(
        users=_fake_names(len(kept.poison), set(users)),
        rows=tuple(tuple(items[i] for i in row) for row in kept.poison),
        targets=tuple(items[i] for i in record.goal.items),
        target_users=()  # all of them, and a file need not name what it has nothing else of
        if record.cell.protocol.n_target_users == "all"
        else tuple(users[u] for u in record.goal.users),
    )
    return ExportedPoison(record=record, poison=poison)


def _fake_names(n: int, genuine: set[str]) -> tuple[str, ...]:
    """``fake0``, ``fake1`` and so on, or the like where a genuine user has such a name."""
    beginning = "fake"
    while any(f"{beginning}{number}" in genuine for number in range(n)):
        beginning = f"{beginning}_"
    return tuple(f"{beginning}{number}" for number in range(n))
