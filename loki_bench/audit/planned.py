"""Level 6: the cells of a folder beside those that its suite plans.

A record that is left out, a seed, a placebo or a baseline, leaves a folder whose bytes and numbers
are right. What was planned is taken from the manifest and, since a forger can write that anew, from
the suite itself: the one that a reader names, or the one of this name that comes with the package.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from loki_bench.audit.findings import Finding, LevelReport
from loki_bench.errors import LokiBenchError, StoreError
from loki_bench.leaderboard.comparability import differing_fields, said_differences
from loki_bench.leaderboard.folder import accepted_cells
from loki_bench.leaderboard.plan import planned_cell
from loki_bench.leaderboard.rows import RowKey, row_key
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.records.manifest import MANIFEST, Manifest
from loki_bench.records.plan import Plan
from loki_bench.suite.cell import Cell
from loki_bench.suite.components import HANDED_IN, resolve
from loki_bench.suite.grid import planned
from loki_bench.suite.suite import SplitChoice, Suite, load_suite, packaged_suites
from loki_bench.suite.suite_keys import file_name, suite_keys

__all__ = ["check_plan"]

PLAN = 6

PACKAGE = "loki-bench"

NOT_COMPARED = {"limits", "family"}
"""Keys of a suite that decide no number."""

OF_VERSIONS = ("version", "distribution", "target", "notes")
"""Fields that another release changes."""


def check_plan(
    folder: Path,
    manifest: Manifest,
    cells: Mapping[str, Cell],
    registry: Registry,
    *,
    suite: Suite | None = None,
    named: str = "",
) -> LevelReport:
    """What of a plan is not there, and what is there that nobody planned.

    Parameters
    ----------
    folder : Path
        A working folder.
    cells : mapping of record id to Cell
        Of the records that could be read.
    suite : Suite or None
        What the reader says was planned; else the suite of this name that comes with the package
        or, where there is none, the one in the manifest.
    named : str
        What the folder is called, where that is not the name of ``folder``.
    """
    report = LevelReport(PLAN)
    if manifest.submission is not None:
        return report  # rows of one plugin: `accept` looks that none of them lacks a seed
    try:
        accepted = {i for one in accepted_cells(folder) for i in one.all_cells}
    except StoreError as error:
        report.problems.append(Finding("accepted.json", str(error)))
        accepted = set()
    _check_name(manifest, named or folder.name, report)
    if manifest.plan is not None:
        _check_list(manifest, manifest.plan, accepted, report)
    own = None if manifest.plan is None else _suite_in(manifest.plan, report)
    reference = suite
    if suite is None and _is_packaged(manifest.suite) and _is_of_this_release(cells, registry):
        reference = load_suite(manifest.suite)
    whose = "that was given" if suite is not None else "of this name that comes with loki-bench"
    if reference is not None and own is not None:
        _compare_suites(own, reference, whose, report)
    if (chosen := reference or own) is None:
        why = (
            "it has no plan: rows, seeds, placebos and baselines that are left out can't be found; "
            "name its suite with --suite"
        )
        report.not_judged.append(Finding(MANIFEST, why))
        return report
    _check_told(manifest, chosen, report)
    ours = {cell_id: cell for cell_id, cell in cells.items() if cell_id not in accepted}
    if ours:
        _compare_cells(manifest, chosen, ours, registry, report)
    return report


def _is_packaged(name: str) -> bool:
    return name in packaged_suites()


def _is_of_this_release(cells: Mapping[str, Cell], registry: Registry) -> bool:
    """Whether the package's own components are those installed here: its suites may change."""
    versions = {c.origin.distribution: c.origin.version for c in registry.components()}
    used = {
        component.version
        for cell in cells.values()
        for component in (cell.attacker, cell.victim, cell.dataset.component)
        if component.distribution == PACKAGE
    }
    return used <= {versions.get(PACKAGE)}


def _check_name(manifest: Manifest, name: str, report: LevelReport) -> None:
    """A folder must not be called like a suite of the package that it does not hold."""
    if name != manifest.suite and _is_packaged(name):
        why = f"the folder is called '{name}', and holds the suite '{manifest.suite}'"
        report.problems.append(Finding(MANIFEST, why))


def _check_list(
    manifest: Manifest, plan: Plan, accepted: Collection[str], report: LevelReport
) -> None:
    """The manifest's own list of cells, which needs no plugin."""
    missing = {cell.id for cell in manifest.missing}
    found = set(manifest.record_ids)
    for cell_id, cell in plan.cells.items():
        report.n_checked += 1
        if cell_id not in found | missing:
            why = f"{cell} was planned, has no record, and is not told as missing"
            report.problems.append(Finding(f"records/{cell_id}.json", why))
    for cell_id in sorted(found - set(plan.cells) - set(accepted)):
        why = "its cell was neither planned nor accepted"
        report.problems.append(Finding(f"records/{cell_id}.json", why))


def _suite_in(plan: Plan, report: LevelReport) -> Suite | None:
    try:
        return Suite.model_validate(plan.suite)
    except ValidationError as error:
        first = error.errors()[0]
        why = f"its suite can't be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        report.problems.append(Finding(MANIFEST, why[:500]))
        return None


def _with_key(suite: Suite, key: str) -> Suite:
    """The suite under the key of a run: a fresh run draws one, and plans the same."""
    if suite.protocol.key == key:
        return suite
    protocol = suite.protocol.model_copy(update={"key": key})
    return suite.model_copy(update={"protocol": protocol})


def _compare_suites(own: Suite, reference: Suite, whose: str, report: LevelReport) -> None:
    reference = _with_key(reference, own.protocol.key)
    keys = [
        {key: value for key, value in suite_keys(suite).items() if key not in NOT_COMPARED}
        for suite in (reference, own)
    ]
    contents: list[JsonValue] = [dict(content) for content in keys]
    differences = differing_fields(contents)
    report.n_checked += 1
    if differences:
        why = f"its suite is not the suite '{reference.name}' {whose}: "
        said = said_differences(differences)
        report.problems.append(Finding(MANIFEST, f"{why}{said} (there, here)"))


def _check_told(manifest: Manifest, suite: Suite, report: LevelReport) -> None:
    """Name and summary, which head the tables."""
    for what, told, planned_as in (
        ("name", manifest.suite, suite.name),
        ("summary", manifest.summary, suite.summary),
    ):
        report.n_checked += 1
        if told != planned_as:
            why = f"its {what} is {told[:200]!r}; the suite says {planned_as[:200]!r}"
            report.problems.append(Finding(MANIFEST, why))


def _compare_cells(
    manifest: Manifest,
    suite: Suite,
    cells: Mapping[str, Cell],
    registry: Registry,
    report: LevelReport,
) -> None:
    """Cells of the folder with those that the suite gives for the same data."""
    first = next(iter(cells.values()))
    suite = _with_key(suite, first.protocol.key)
    try:
        if why := _other_data(first, suite, registry):
            report.problems.append(Finding(MANIFEST, why))
            return
        grid = planned(suite, registry, first.dataset, split_ref=first.protocol.split)
    except LokiBenchError as error:
        report.not_judged.append(Finding(MANIFEST, f"it can't be planned here: {error}"))
        return
    metrics = tuple(metric.label for metric in grid.metrics)
    if manifest.metrics != metrics:
        why = f"its metrics are {manifest.metrics}; the suite's are {metrics}"
        report.problems.append(Finding(MANIFEST, why))
    missing = {cell.id for cell in manifest.missing}
    known = {cell.id: cell for cell in manifest.missing} | dict(cells)
    found = {_place(cell): (cell_id, cell) for cell_id, cell in known.items()}
    other_versions: list[Finding] = []
    for cell in grid.cells:
        report.n_checked += 1
        at = _place(cell)
        if at not in found:
            why = f"{planned_cell(cell)} is planned by its suite, and is not there"
            report.problems.append(Finding(f"records/{cell.id}.json", why))
            continue
        cell_id, other = found.pop(at)
        if cell_id not in missing:
            _compare_cell(cell_id, cell, other, report, other_versions)
    if other_versions:
        first_one = other_versions[0]
        why = f"{first_one.why}; so are {len(other_versions) - 1} others"
        report.not_judged.append(Finding(first_one.what, why))
    names_poison = any(choice.name == HANDED_IN for choice in suite.attackers)
    for cell_id, other in found.values():
        if other.attacker.is_handed_in and names_poison:
            continue  # the file is not at hand; the list of cells has it
        why = f"{planned_cell(other)} is not planned by its suite"
        report.problems.append(Finding(f"records/{cell_id}.json", why))


def _compare_cell(
    cell_id: str, wanted: Cell, found: Cell, report: LevelReport, other_versions: list[Finding]
) -> None:
    if wanted == found:
        return
    contents: list[JsonValue] = [cell.model_dump(mode="json") for cell in (wanted, found)]
    differences = differing_fields(contents)
    of_versions = {
        name: values
        for name, values in differences.items()
        if name.rpartition(".")[2].partition("[")[0] in OF_VERSIONS
    }
    others = {name: values for name, values in differences.items() if name not in of_versions}
    what = f"records/{cell_id}.json"
    if others and (not of_versions or _is_role_only(others)):
        said = said_differences(others)
        report.problems.append(Finding(what, f"its suite plans another cell: {said} (there, here)"))
    elif wanted.id != found.id:  # parameters may have changed with the versions
        said = said_differences({**of_versions, **others})
        why = f"it was made with other versions than are installed: {said} (here, there)"
        other_versions.append(Finding(what, why))


def _is_role_only(differences: Mapping[str, object]) -> bool:
    """Whether they are about what a row counts as, which no version excuses."""
    return set(differences) <= {"is_baseline", "influence_is_default"}


def _other_data(cell: Cell, suite: Suite, registry: Registry) -> str | None:
    """Why the records can't be of the suite's data; raises ``UsageError`` for an unknown one."""
    spec, origin = registry.find(DatasetSpec, suite.dataset.name)
    given = {key: file_name(key, value) for key, value in suite.dataset.parameters.items()}
    wanted, found = resolve(spec, origin, given), cell.dataset.component
    contents = [
        # what is said twice does not decide: the suite's own key says what becomes of repeats
        {"name": ref.name, **{k: v for k, v in ref.changed.items() if k != "repeats"}}
        for ref in (wanted, found)
    ]
    if differences := differing_fields(cast("list[JsonValue]", contents)):
        said = said_differences(differences)
        return f"its data is not what the suite asks for: {said} (there, here)"
    split = cell.protocol.split
    chosen = SplitChoice() if split is None else split.choice
    if chosen != suite.split:
        return f"its data is split '{chosen.name}'; the suite asks for '{suite.split.name}'"
    return None


def _place(cell: Cell) -> tuple[RowKey, int]:
    return row_key(cell), cell.seed
