"""Writes the files of a leaderboard folder that follow from its records, and their manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from loki_bench.audit.manifest import Plugin, write_manifest
from loki_bench.harness.store import Store
from loki_bench.leaderboard.files import leaderboard_files
from loki_bench.leaderboard.table import Table, tables_of

__all__ = ["write_leaderboard"]


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
    missing : sequence of mapping
        Cells without a record, as a record would hold them.
    """
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
        tables=list(files),
        submission=submission,
    )
    return tables
