"""Reads a leaderboard folder for its page."""

from pathlib import Path

from loki_bench.audit.manifest import read_manifest
from loki_bench.errors import StoreError
from loki_bench.harness.store import Store
from loki_bench.report.page import page
from loki_bench.report.page_data import page_data

__all__ = ["page_of"]


def page_of(folder: Path) -> str:
    """The page of a folder's records.

    Raises
    ------
    StoreError
        There is no manifest, or a record that it lists is not there or not whole.
    """
    manifest = read_manifest(folder)
    store = Store(folder, warn=lambda text: None)
    records = []
    for cell_id in manifest.record_ids:
        record = store.read_json("records", cell_id)
        if record is None:
            raise StoreError(
                f"{folder / 'records' / cell_id}.json is not there or not whole; "
                "`loki-bench verify` names all that is damaged"
            )
        records.append(record)
    return page(page_data(manifest.suite, manifest.summary, records, manifest.missing))
