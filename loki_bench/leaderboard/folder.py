"""Writes the files of a leaderboard folder that follow from its records, and their manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from loki_bench.bounded_files import LARGEST_RECORD, read_regular
from loki_bench.content_ids import canonical_json
from loki_bench.engine.run_log import environment_fingerprint
from loki_bench.errors import StoreError
from loki_bench.leaderboard.rendering import leaderboard_files
from loki_bench.leaderboard.table import Table
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.records.manifest import Plugin, write_manifest
from loki_bench.records.plan import Digest, Plan
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell
from loki_bench.suite.usable_values import RunKey

__all__ = [
    "ACCEPTED",
    "FIGURES",
    "FORMATS",
    "PAGE",
    "Acceptance",
    "accepted_cells",
    "accepted_records",
    "drawn_files",
    "handed_in",
    "own_records",
    "write_accepted",
    "write_leaderboard",
]

ACCEPTED = "accepted.json"
"""Which cells were added by `accept`: they stand in the tables beside those of the suite."""

PAGE = "leaderboard.html"
FIGURES = "figures"
"""Written by commands of their own, when somebody asks for them; then a part of the folder."""

FORMATS = ("svg", "pdf")
"""Of figures."""


class Acceptance(BaseModel):
    """One submitted file whose rows were added: whose, which cells, and the file's SHA-256.

    Attributes
    ----------
    plugin : Plugin
    cells : tuple of str
        As they were handed in, under public seeds.
    file_sha256 : str
    key : str
        The run key under which the rows were measured afresh; empty where they were not: the
        attack was not installed, or it was poison alone.
    fresh, beside : tuple of str
        The same cells under that key, and those that they are ranked with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plugin: Plugin
    cells: tuple[Digest, ...]
    file_sha256: Digest
    key: RunKey = ""
    fresh: tuple[Digest, ...] = ()
    beside: tuple[Digest, ...] = ()

    @property
    def all_cells(self) -> tuple[str, ...]:
        """Every cell that the acceptance added."""
        return (*self.cells, *self.fresh, *self.beside)


_ACCEPTANCES = TypeAdapter(tuple[Acceptance, ...])


def accepted_cells(folder: Path) -> tuple[Acceptance, ...]:
    """What was accepted into a folder, in order.

    Raises ``StoreError`` where the file can't be read.
    """
    path = folder / ACCEPTED
    try:
        return _ACCEPTANCES.validate_json(read_regular(path, at_most=LARGEST_RECORD))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} can't be read: restore it, or delete it and accept again") from (
            error
        )


def handed_in(folder: Path) -> frozenset[str]:
    """The ids of all cells of rows that were accepted into a folder."""
    return frozenset(
        cell_id for one in accepted_cells(folder) for cell_id in (*one.cells, *one.fresh)
    )


def own_records(folder: Path, records: Mapping[str, Record]) -> dict[str, Record]:
    """The records of a folder's own suite, without those that an acceptance added.

    What is handed in next is held against these alone: the cells under a fresh key have other
    targets, and their key is public by now.
    """
    added = {cell_id for one in accepted_cells(folder) for cell_id in one.all_cells}
    return {cell_id: record for cell_id, record in records.items() if cell_id not in added}


def write_accepted(store: Store, acceptances: Sequence[Acceptance]) -> None:
    """Write what was accepted into a folder."""
    content = [one.model_dump(mode="json") for one in acceptances]
    store.write_text(ACCEPTED, canonical_json(content, indent=1) + "\n")


def drawn_files(folder: Path) -> list[str]:
    """The page and the figures that a leaderboard folder has."""
    page = [PAGE] if (folder / PAGE).is_file() else []
    figures = {path for kind in FORMATS for path in (folder / FIGURES).glob(f"*.{kind}")}
    return [*page, *(f"{FIGURES}/{path.name}" for path in sorted(figures))]


def write_leaderboard(
    store: Store,
    *,
    suite: str,
    summary: str,
    metrics: Sequence[str],
    records: Mapping[str, Record],
    missing: Sequence[Cell],
    submission: Plugin | None = None,
    plan: Plan | None = None,
) -> list[Table]:
    """Write tables and manifest; returns the tables.

    Parameters
    ----------
    records : mapping of cell id to record
        Of the suite; records of accepted cells are added.
    metrics : sequence of str
        Labels in the order of the columns.
    missing : sequence of Cell
        Cells without a record.
    plan : Plan or None
        What the suite asked for, so that a reader sees what is missing.
    """
    records = {**records, **accepted_records(store, records)}
    tables = tables_of(
        records.values(), missing, metrics=metrics, handed_in=handed_in(store.folder)
    )
    files = leaderboard_files(suite, summary, tables)
    for name, text in files.items():
        store.write_text(name, text)
    write_manifest(
        store,
        suite=suite,
        summary=summary,
        metrics=metrics,
        artefacts={cell_id: record.artefact_addresses for cell_id, record in records.items()},
        missing=missing,
        tables=[
            *files,
            *([ACCEPTED] if (store.folder / ACCEPTED).exists() else []),
            *drawn_files(store.folder),
        ],
        submission=submission,
        plan=plan,
        machines={
            cell_id: environment_fingerprint(run.get("environment"))
            for cell_id in records
            if (run := store.read_json("runs", cell_id)) is not None
        },
    )
    return tables


def accepted_records(store: Store, records: Mapping[str, Record]) -> dict[str, Record]:
    """The records of accepted cells by cell id, without those in ``records``."""
    wanted = [cell_id for entry in accepted_cells(store.folder) for cell_id in entry.all_cells]
    found = {i: store.record(i) for i in wanted if i not in records}
    return {cell_id: record for cell_id, record in found.items() if record is not None}
