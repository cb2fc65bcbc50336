"""``run``, ``status`` and ``leaderboard``: the commands that work on a suite's cells."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from loki_bench.cli.execution import execution_options, opened_workers
from loki_bench.cli.options import (
    as_json_option,
    plugin_options,
    processors,
    registry_from,
    results_option,
)
from loki_bench.errors import StoreError

if TYPE_CHECKING:  # these import numpy and pydantic: only when a command runs
    from loki_bench.leaderboard.table import Table
    from loki_bench.records.schema import Record
    from loki_bench.records.store import Store
    from loki_bench.suite.resolve import ResolvedSuite
    from loki_bench.suite.suite import Suite

__all__ = ["leaderboard", "merge", "plan", "run", "status"]

Records: TypeAlias = "dict[str, Record]"  # by cell id


@click.command()
@click.argument("suite")
@results_option
@execution_options
@click.option("--retry-failed", is_flag=True, help="Also run cells that did not end well before.")
@click.option(
    "--shard",
    metavar="I/N",
    help="Run part I of N only, or `auto` inside a SLURM or SGE job array; see `merge`.",
)
@click.option("--offline", is_flag=True, help="Never use the network, not even for the dataset.")
@plugin_options
def run(
    suite: str,
    results: Path,
    workers: int | None,
    scheduler: str | None,
    retry_failed: bool,
    shard: str | None,
    offline: bool,
    disabled: tuple[str, ...],
    strict_plugins: bool,
) -> int:
    r"""Run the cells of a suite that have no result yet, and print its leaderboard.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    \b
    Example: loki-bench run quick
    """
    from loki_bench.cli.progress import shown_progress
    from loki_bench.engine.run import missing_cells, run_cells
    from loki_bench.engine.versions import needed_versions
    from loki_bench.records.merge import parse_shard

    prepared, store = _prepared(suite, results, disabled, strict_plugins, download=not offline)
    grid, limits = prepared.grid, prepared.suite.limits
    records = store.records(grid.cells)
    cells = missing_cells(grid, records, retry_failed=retry_failed)
    if shard is not None:
        part = {cell.id for cell in parse_shard(shard).of(grid.cells)}
        cells = [cell for cell in cells if cell.id in part]
    click.echo(
        f"{prepared.suite.name}: {len(cells)} of {len(grid.cells)} cells to run; "
        f"results in {store.folder}",
        err=True,
    )
    if cells:
        data = store.write_dataset(prepared.interactions, prepared.dataset.fingerprint)
        try:
            versions = needed_versions(grid)
            with (
                opened_workers(
                    scheduler, workers, seconds=limits.seconds, versions=versions
                ) as pool,
                shown_progress() as progress,
            ):
                run_cells(
                    cells,
                    grid.metrics,
                    store=store,
                    workers=pool,
                    data=data,
                    interactions=prepared.interactions,
                    limits=limits,
                    progress=progress,
                )
        except KeyboardInterrupt:
            left = len(missing_cells(grid, store.records(grid.cells), retry_failed=False))
            click.echo(
                f"loki-bench: stopped; {len(grid.cells) - left} of {len(grid.cells)} cells are "
                f"kept. The same command goes on from there.",
                err=True,
            )
            return 130
    written = store.records(cells)
    if shard is not None:
        return 0 if all(record.status == "ok" for record in written.values()) else 1
    from loki_bench.leaderboard.rendering import as_text

    records |= written
    click.echo(as_text(_write_leaderboard(prepared, store, records)))
    return 0 if set(_statuses(prepared, records)) <= {"ok"} else 1


@click.command()
@click.argument("suite")
@results_option
@plugin_options
@as_json_option
def status(
    suite: str, results: Path, disabled: tuple[str, ...], strict_plugins: bool, as_json: bool
) -> int:
    r"""Count the cells of a suite: done, rejected, failed, timed out, missing.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    \b
    Example: loki-bench status quick
    """
    prepared, store = _prepared(suite, results, disabled, strict_plugins, download=False)
    counts = _statuses(prepared, store.records(prepared.grid.cells))
    if as_json:
        click.echo(json.dumps({"suite": prepared.suite.name, "cells": counts}, indent=1))
    else:
        shown = ", ".join(f"{number} {name}" for name, number in counts.items())
        click.echo(f"{prepared.suite.name}: {len(prepared.grid.cells)} cells: {shown}")
    return 0 if set(counts) <= {"ok"} else 1


@click.command()
@click.argument("suite")
@results_option
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes to plan for.")
@plugin_options
@as_json_option
def plan(
    suite: str,
    results: Path,
    workers: int | None,
    disabled: tuple[str, ...],
    strict_plugins: bool,
    as_json: bool,
) -> int:
    r"""Show what a suite would still compute, and about how long that takes.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    The estimate is made from the times of earlier runs in the results folder. Nothing is written.

    \b
    Example: loki-bench plan quick
    """
    from dataclasses import asdict

    from loki_bench.engine.planning import plan as planned
    from loki_bench.engine.run import missing_cells

    prepared, store = _prepared(suite, results, disabled, strict_plugins, download=False)
    grid = prepared.grid
    records = store.records(grid.cells)
    left = missing_cells(grid, records, retry_failed=False)
    found = planned(left, grid.metrics, store)
    n_workers = workers or processors()
    seconds = found.seconds / n_workers
    if as_json:
        content = {
            "suite": prepared.suite.name,
            "cells": _statuses(prepared, records),
            "work": [asdict(work) for work in found.work],
            "workers": n_workers,
            "seconds": seconds,
            "steps_without_estimate": found.n_unknown,
        }
        click.echo(json.dumps(content, indent=1))
        return 0
    click.echo(
        f"{prepared.suite.name}: {len(grid.cells)} cells, {len(grid.cells) - len(left)} stored, "
        f"{len(left)} to run"
    )
    for work in found.work:
        each = "no time known" if work.seconds is None else f"about {work.seconds:.1f} s each"
        guessed = "" if work.measured or work.seconds is None else ", as others of its kind"
        click.echo(f"  {work.n_steps:>5} x {work.name}: {each}{guessed}")
    unknown = f"; {found.n_unknown} steps have no known time" if found.n_unknown else ""
    click.echo(f"about {seconds / 60:.1f} min on {n_workers} workers{unknown}")
    return 0


@click.command()
@click.argument("suite")
@results_option
@plugin_options
@as_json_option
def leaderboard(
    suite: str, results: Path, disabled: tuple[str, ...], strict_plugins: bool, as_json: bool
) -> int:
    r"""Write a suite's leaderboard again from its records, and print it.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    \b
    Example: loki-bench leaderboard quick --json
    """
    from loki_bench.leaderboard.rendering import as_json as tables_as_json
    from loki_bench.leaderboard.rendering import as_text

    prepared, store = _prepared(suite, results, disabled, strict_plugins, download=False)
    records = store.records(prepared.grid.cells)
    counts = _statuses(prepared, records)
    if set(counts) == {"missing"}:
        raise StoreError(
            f"{store.folder} has no result of suite '{prepared.suite.name}'; "
            f"type `loki-bench run {suite}` first"
        )
    tables = _write_leaderboard(prepared, store, records)
    click.echo(tables_as_json(prepared.suite.name, tables) if as_json else as_text(tables))
    return 0 if set(counts) <= {"ok"} else 1


@click.command()
@click.argument("suite")
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@results_option
@plugin_options
def merge(
    suite: str,
    folders: tuple[Path, ...],
    results: Path,
    disabled: tuple[str, ...],
    strict_plugins: bool,
) -> int:
    r"""Bring the results of shards together, and write the leaderboard.

    SUITE is the name of a suite in the package, or a path that ends in .toml. FOLDERS are results
    folders of runs with --shard and --results.

    \b
    Example: loki-bench merge quick shard-1 shard-2 shard-3
    """
    from loki_bench.leaderboard.rendering import as_text
    from loki_bench.records.merge import merge as merge_stores

    prepared, store = _prepared(suite, results, disabled, strict_plugins, download=False)
    for folder in folders:
        source = _store(folder, prepared.suite)
        n_copied, n_kept = merge_stores(prepared.grid, store, source)
        click.echo(f"{folder}: {n_copied} cells copied, {n_kept} were here before", err=True)
    records = store.records(prepared.grid.cells)
    click.echo(as_text(_write_leaderboard(prepared, store, records)))
    return 0 if set(_statuses(prepared, records)) <= {"ok"} else 1


def _prepared(
    suite: str, results: Path, disabled: tuple[str, ...], strict: bool, *, download: bool
) -> "tuple[ResolvedSuite, Store]":
    from loki_bench.suite.resolve import prepare
    from loki_bench.suite.suite import load_suite

    loaded = load_suite(suite)
    prepared = prepare(loaded, registry_from(disabled, strict), download=download)
    return prepared, _store(results, loaded)


def _store(results: Path, suite: "Suite") -> "Store":
    """A suite's folder in a results folder; files that can't be trusted are told of."""
    from loki_bench.records.store import Store

    folder = results / suite.folder
    siblings = [] if suite.family is None else sorted(folder.parent.glob("*/"))
    return Store(folder, warn=_told, lenders=[other for other in siblings if other != folder])


def _told(text: str) -> None:
    click.echo(f"loki-bench: {text}", err=True)


def _statuses(prepared: "ResolvedSuite", records: Records) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for cell in prepared.grid.cells:
        counts[records[cell.id].status if cell.id in records else "missing"] += 1
    return dict(sorted(counts.items()))


def _write_leaderboard(
    prepared: "ResolvedSuite", store: "Store", records: Records
) -> "list[Table]":
    from loki_bench.leaderboard.folder import write_leaderboard

    cells = prepared.grid.cells
    return write_leaderboard(
        store,
        suite=prepared.suite.name,
        summary=prepared.suite.summary,
        metrics=[metric.label for metric in prepared.grid.metrics],
        records={cell.id: records[cell.id] for cell in cells if cell.id in records},
        missing=[cell for cell in cells if cell.id not in records],
    )
