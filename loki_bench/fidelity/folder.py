"""The results folder of a fidelity suite: its tables, made from the folder's records and grid."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from loki_bench.bounded_files import LARGEST_RECORD, json_object, read_regular
from loki_bench.content_ids import canonical_json
from loki_bench.errors import StoreError
from loki_bench.fidelity.case import FidelityGrid
from loki_bench.fidelity.page import fidelity_html
from loki_bench.fidelity.record_form import costs_of, fidelity_record
from loki_bench.fidelity.rendering import (
    as_csv,
    as_json,
    as_markdown,
    costs_as_markdown,
)
from loki_bench.fidelity.table import FidelityTable, tables_of
from loki_bench.json_values import JsonObject
from loki_bench.leaderboard.folder import drawn_files
from loki_bench.records.manifest import write_manifest
from loki_bench.records.store import Store

__all__ = [
    "COSTS",
    "GRID",
    "fidelity_files",
    "fidelity_page",
    "fidelity_tables",
    "grid_records",
    "read_grid",
    "write_fidelity",
]

GRID = "grid.json"
COSTS = "costs.md"

MOST_ANSWERS = 100_000
"""That a folder's grid may ask for; the largest fidelity suite of the package has some hundreds."""


def fidelity_tables(store: Store, grid: FidelityGrid) -> list[FidelityTable]:
    """The tables that a folder's records give."""
    return tables_of(grid.cases, grid.judged, grid_records(store, grid))


def grid_records(store: Store, grid: FidelityGrid) -> Callable[[str], JsonObject | None]:
    """How the records of a grid are read by their ids: None where one is not whole."""
    truths = {case.truth_id for case in grid.cases}
    return lambda i: fidelity_record(store, i, truth=i in truths)


def fidelity_files(store: Store, grid: FidelityGrid) -> dict[str, str]:
    """The content of every file that follows from the records, by name; costs from the runs."""
    tables = fidelity_tables(store, grid)
    truths = {case.truth_id for case in grid.cases}
    costs = costs_as_markdown(
        grid.cases, grid.judged, lambda i: costs_of(store, i, truth=i in truths)
    )
    return {
        GRID: canonical_json(grid, indent=1) + "\n",
        "leaderboard.md": as_markdown(grid.suite, grid.summary, tables),
        "leaderboard.csv": as_csv(tables),
        "leaderboard.json": as_json(grid.suite, tables),
        COSTS: costs,
    }


def fidelity_page(store: Store, grid: FidelityGrid) -> str:
    """The tables and their figures as one HTML file."""
    return fidelity_html(grid.suite, grid.summary, fidelity_tables(store, grid))


def write_fidelity(store: Store, grid: FidelityGrid) -> list[FidelityTable]:
    """Write tables, grid and manifest; returns the tables."""
    files = fidelity_files(store, grid)
    for name, text in files.items():
        store.write_text(name, text)
    there = [i for i in grid.record_ids if (store.folder / "records" / f"{i}.json").is_file()]
    write_manifest(
        store,
        subject="estimators",
        suite=grid.suite,
        summary=grid.summary,
        metrics=(),
        artefacts={record_id: {} for record_id in there},
        missing=(),
        tables=[*(name for name in files if name != COSTS), *drawn_files(store.folder)],
    )
    return fidelity_tables(store, grid)


def read_grid(folder: Path) -> FidelityGrid:
    """The grid of a folder; raises ``StoreError`` where it can't be read."""
    path = folder / GRID
    try:
        grid = FidelityGrid.model_validate(json_object(read_regular(path, at_most=LARGEST_RECORD)))
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is no grid of a fidelity suite: {place}: {first['msg']}") from (
            error
        )
    except ValueError as error:
        raise StoreError(f"{path} is no grid of a fidelity suite: {error}") from error
    if grid.n_answers > MOST_ANSWERS:
        raise StoreError(
            f"{path} asks for {grid.n_answers} answers; at most {MOST_ANSWERS} are read"
        )
    return grid
