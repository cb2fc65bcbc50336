"""Reads leaderboard folders: one suite's records, or those of all suites of a family."""

from pathlib import Path

from loki_bench.errors import StoreError
from loki_bench.records.manifest import MANIFEST, Manifest, read_manifest
from loki_bench.records.schema import Record
from loki_bench.records.store import Store

__all__ = ["leaderboards_in", "records_of"]

Records = list[Record]


def records_of(folder: Path) -> tuple[Manifest, Records]:
    """The manifest of a folder and the records that it lists.

    Raises
    ------
    StoreError
        There is no manifest, or a record that it lists is not there or not whole.
    """
    manifest = read_manifest(folder)
    store = Store(folder, warn=lambda text: None)
    records = []
    for cell_id in manifest.record_ids:
        record = store.record(cell_id)
        if record is None:
            raise StoreError(
                f"{folder / 'records' / cell_id}.json is not there or not whole; "
                "`loki-bench verify` names all that is damaged"
            )
        records.append(record)
    return manifest, records


def leaderboards_in(folder: Path) -> list[tuple[Manifest, Records]]:
    """Every leaderboard in a family's folder, by name.

    Raises ``StoreError`` where there is none, or one is damaged.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not found:
        raise StoreError(
            f"{folder} holds no leaderboard; expected the folder of a family of suites, such as "
            "leaderboards/beauty after `loki-bench run paper-overall`"
        )
    return [records_of(path) for path in found]
