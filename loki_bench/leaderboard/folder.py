"""Writes the files of a leaderboard folder that follow from its records, and their manifest."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loki_bench.audit.drawn import drawn_files
from loki_bench.errors import StoreError
from loki_bench.leaderboard.files import leaderboard_files
from loki_bench.leaderboard.table import Table, tables_of
from loki_bench.records.manifest import Plugin, write_manifest
from loki_bench.records.store import Store

__all__ = ["ACCEPTED", "accepted_cells", "accepted_records", "write_leaderboard"]

ACCEPTED = "accepted.json"
"""Which cells were added by `accept`: they stand in the tables beside those of the suite."""


def accepted_cells(folder: Path) -> list[dict[str, Any]]:
    """What was accepted into a folder: plugin, ids of cells and the file's SHA-256, each time.

    Raises ``StoreError`` where the file can't be read.
    """
    path = folder / ACCEPTED
    try:
        entries = json.loads(path.read_bytes())
        return [{**entry, "cells": list(entry["cells"])} for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} can't be read: restore it, or delete it and accept again") from (
            error
        )


def write_leaderboard(
    store: Store,
    *,
    suite: str,
    summary: str,
    metrics: Sequence[str],
    records: Mapping[str, Mapping[str, Any]],
    missing: Sequence[dict[str, Any]],
    submission: Plugin | None = None,
) -> list[Table]:
    """Write tables and manifest; returns the tables.

    Parameters
    ----------
    records : mapping of cell id to record
        Of the suite; records of accepted cells are added.
    missing : sequence of mapping
        Cells without a record, as a record would hold them.
    """
    records = {**records, **accepted_records(store, records)}
    tables = tables_of(records.values(), missing)
    files = leaderboard_files(suite, summary, tables)
    for name, text in files.items():
        store.write_text(name, text)
    write_manifest(
        store,
        suite=suite,
        summary=summary,
        metrics=metrics,
        records=records,
        missing=missing,
        tables=[
            *files,
            *([ACCEPTED] if (store.folder / ACCEPTED).exists() else []),
            *drawn_files(store.folder),
        ],
        submission=submission,
    )
    return tables


def accepted_records(store: Store, records: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The records of accepted cells by cell id, without those in ``records``."""
    wanted = [i for entry in accepted_cells(store.folder) for i in entry["cells"]]
    found = {i: store.read_json("records", i) for i in wanted if i not in records}
    return {cell_id: record for cell_id, record in found.items() if record is not None}
