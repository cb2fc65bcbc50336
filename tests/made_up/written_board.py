"""A leaderboard's folder of made-up records, as a run writes it."""

from loki_bench.leaderboard.folder import write_leaderboard
from loki_bench.records.store import Store

__all__ = ["write_board"]


def write_board(folder, suite, records, *, metrics):
    """Write records, tables and manifest; returns the folder."""
    store = Store(folder, warn=print)
    for record in records:
        store.write_record(record)
    write_leaderboard(
        store,
        suite=suite,
        summary=suite,
        metrics=metrics,
        records={record.id: record for record in records},
        missing=(),
    )
    return folder
