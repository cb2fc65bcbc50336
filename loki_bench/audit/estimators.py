"""Audits of leaderboards of influence estimators (``loki-bench fidelity``): tables, comparison."""

from collections.abc import Collection
from pathlib import Path

from loki_bench.audit.findings import LEVELS, Finding, LevelReport
from loki_bench.audit.written_again import compare_drawn, compare_tables
from loki_bench.errors import StoreError
from loki_bench.fidelity.case import FidelityGrid
from loki_bench.fidelity.folder import COSTS, fidelity_files, grid_records, read_grid
from loki_bench.fidelity.table import Measure, values_by_goal
from loki_bench.leaderboard.folder import PAGE
from loki_bench.records.manifest import Manifest
from loki_bench.records.store import Store

__all__ = ["estimator_levels", "estimator_values"]

Values = dict[tuple[str, str], dict[tuple[int, int], float]]


def estimator_levels(
    folder: Path, manifest: Manifest, levels: Collection[int], notes: list[str]
) -> dict[int, LevelReport]:
    """Levels 2 to 6; where all are asked for, those that such a leaderboard lacks are a note.

    Estimators have no poison that a victim could be trained on: what stands behind their tables
    is measured again by ``loki-bench fidelity`` alone.
    """
    reports: dict[int, LevelReport] = {}
    why = (
        "estimators are judged by records of retraining, without poison and victims of their own; "
        f"`loki-bench fidelity {manifest.suite} --results OTHER_FOLDER` measures them again"
    )
    if set(levels) >= set(LEVELS) - {6}:
        notes.append(f"levels 2 to 4 are not there: {why}")
    else:
        for level in sorted({2, 3, 4, 6} & set(levels)):
            reports[level] = LevelReport(level, not_judged=[Finding(manifest.suite, why)])
    if 5 in levels:
        reports[5] = _tables(folder, manifest)
    return reports


def estimator_values(folder: Path) -> tuple[FidelityGrid, Values]:
    """The grid of a folder, and its rank correlations by row and experiment, by (seed, goal).

    Raises ``StoreError`` where its grid can't be read or no estimator has an answer.
    """
    grid = read_grid(folder)
    store = Store(folder, warn=lambda text: None)
    found = values_by_goal(grid.cases, grid.judged, grid_records(store, grid))
    values = {
        (f"{table}: {estimator}", f"rho, {measure.experiment}"): by_goal
        for (table, estimator, measure), by_goal in found.items()
        if measure == Measure(measure.experiment, "all", "rho")
    }
    if not values:
        raise StoreError(f"{folder} holds no answer of an estimator")
    return grid, values


def _tables(folder: Path, manifest: Manifest) -> LevelReport:
    report = LevelReport(5)
    store = Store(folder, warn=lambda text: None)
    try:
        grid = read_grid(folder)
    except StoreError as error:
        report.problems.append(Finding("grid.json", str(error)))
        return report
    expected, record_of = set(grid.record_ids), grid_records(store, grid)
    for record_id in manifest.record_ids:
        name = f"records/{record_id}.json"
        if record_id not in expected:
            report.problems.append(Finding(name, "the grid has no such record"))
        elif record_of(record_id) is None:
            report.problems.append(Finding(name, "it is not whole"))
    files = fidelity_files(store, grid)
    if not (folder / "runs").is_dir():  # costs are taken from runs
        del files[COSTS]
    listed = {name for name in manifest.files if "/" not in name} - {PAGE}
    compare_tables(report, folder, listed, files)
    if not report.problems:
        compare_drawn(report, folder)
    return report
