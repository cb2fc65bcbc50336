"""The files of a leaderboard as text: a pure function of its tables, to write or to check."""

from collections.abc import Sequence

from loki_bench.leaderboard.rendering import as_csv, as_json, as_markdown
from loki_bench.leaderboard.table import Table

__all__ = ["leaderboard_files"]


def leaderboard_files(suite: str, summary: str, tables: Sequence[Table]) -> dict[str, str]:
    """The content of each file by its name."""
    listed = list(tables)
    return {
        "leaderboard.md": as_markdown(suite, summary, listed),
        "leaderboard.csv": as_csv(listed),
        "leaderboard.json": as_json(suite, listed),
    }
