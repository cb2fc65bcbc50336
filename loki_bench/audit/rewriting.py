"""Writes the tables and figures of a leaderboard anew from its records, packed or not.

A release that shows the same records in another way does not need them computed again. Records,
poison and ranks stay as they are; the manifest lists the new bytes.
"""

from pathlib import Path

from loki_bench.audit.drawn import drawn_again, keep_drawn, records_of
from loki_bench.bounded_files import read_regular
from loki_bench.errors import StoreError
from loki_bench.fidelity.folder import fidelity_files, read_grid
from loki_bench.leaderboard.folder import drawn_files, handed_in
from loki_bench.leaderboard.rendering import leaderboard_files
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.records.opening import as_working_folder
from loki_bench.records.store import Store

__all__ = ["rewrite"]


def rewrite(leaderboard: Path) -> list[str]:
    """Write again what follows from the records of a folder.

    Returns
    -------
    list of str
        Names of the files whose bytes changed.

    Raises
    ------
    StoreError
        The folder is damaged, or it is a submitted file: that is its author's.
    """
    if not leaderboard.is_dir():
        raise StoreError(f"{leaderboard} is a file; expected the folder of a leaderboard")
    with as_working_folder(leaderboard, artefacts=False) as folder:
        manifest, records = records_of(folder)
        if manifest.subject == "estimators":
            texts = fidelity_files(Store(folder, warn=lambda text: None), read_grid(folder))
            texts = {name: text for name, text in texts.items() if name in manifest.files}
        else:
            tables = tables_of(
                records, manifest.missing, metrics=manifest.metrics, handed_in=handed_in(folder)
            )
            texts = leaderboard_files(manifest.suite, manifest.summary, tables)
        drawn = drawn_again(folder, drawn_files(folder))
    files = {name: text.encode() for name, text in texts.items()} | drawn
    changed = {name: raw for name, raw in files.items() if not _holds(leaderboard / name, raw)}
    keep_drawn(leaderboard, changed, also=list(texts))
    return sorted(changed)


def _holds(path: Path, raw: bytes) -> bool:
    """Whether a file has these bytes."""
    try:
        return read_regular(path, at_most=len(raw)) == raw
    except OSError:
        return False
