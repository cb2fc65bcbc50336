"""``verify``, ``reproduce`` and ``compare``: what of a leaderboard holds, and what changed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.audit.findings import LEVELS
from loki_bench.cli.colour import coloured
from loki_bench.cli.options import as_json_option, recompute_options, results_option
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:
    from loki_bench.audit.replay import Opening

__all__ = ["compare", "reproduce", "verify"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice([*LEVELS.values(), *map(str, LEVELS)]),
    help="Check this level: hashes (1), metrics (2), victims (3), poison (4), tables (5) or plan "
    "(6). May be repeated.  [default: all]",
)
@click.option(
    "--sample", type=click.IntRange(min=1), help="Compute only N cells again, drawn by --seed."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Draws the cells of --sample.",
)
@click.option(
    "--suite",
    metavar="SUITE",
    help="The suite that level 6 takes for the plan: the name of one in the package, or a path "
    "that ends in .toml.  [default: the one of this name in the package, else the manifest's]",
)
@click.option(
    "--trusted-keys",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Fail unless a key of this file signed the manifest; see `sign`.",
)
@recompute_options
@as_json_option
def verify(
    leaderboard: Path,
    levels: tuple[str, ...],
    sample: int | None,
    seed: int,
    suite: str | None,
    trusted_keys: Path | None,
    registry: Registry,
    opened: "Opening",
    as_json: bool,
) -> int:
    r"""Check a leaderboard: its bytes, metrics, victims, poison, tables, and that nothing lacks.

    LEADERBOARD is a folder that `run` or `publish` wrote, or a file that `submit` wrote.

    \b
    Example: loki-bench verify results/quick --level hashes --level tables

    Exit status: 0 all holds; 11 hashes, 12 metrics, 13 victims, 14 poison, 15 tables or 16 plan
    do not, the first of them; 1 a level could not be judged here; 2 the request was wrong.
    """
    from loki_bench.audit.verification import verify as verify_leaderboard
    from loki_bench.suite.suite import load_suite

    names = {name: number for number, name in LEVELS.items()}
    chosen = {names.get(level) or int(level) for level in levels} or set(LEVELS)
    found = verify_leaderboard(
        leaderboard,
        levels=chosen,
        registry=registry,
        opened=opened,
        sample=sample,
        seed=seed,
        suite=None if suite is None else load_suite(suite),
        trusted_keys=trusted_keys,
    )
    text = json.dumps(found.as_json(), indent=1) if as_json else found.as_text(verdict=coloured)
    click.echo(text)
    return found.exit_code


@click.command()
@click.argument("cell")
@results_option
@recompute_options
@as_json_option
def reproduce(
    cell: str,
    results: Path,
    registry: Registry,
    opened: "Opening",
    as_json: bool,
) -> int:
    r"""Compute one cell again from nothing, and print the first number that differs.

    CELL is the path of a record, or the beginning of a cell's id in the results folder.

    \b
    Example: loki-bench reproduce 3fa9c1

    Exit status: 0 the same to the last bit, 1 a number differs, 2 the request was wrong.
    """
    from loki_bench.audit.reproduction import reproduce_cell

    found = reproduce_cell(cell, results, registry=registry, opened=opened)
    click.echo(json.dumps(found.as_json(), indent=1) if as_json else found.as_text())
    return 0 if found.difference is None else 1


@click.command()
@click.argument("first", type=click.Path(path_type=Path, exists=True))
@click.argument("second", type=click.Path(path_type=Path, exists=True))
@as_json_option
def compare(first: Path, second: Path, as_json: bool) -> int:
    r"""Compare two leaderboards row by row, paired by seed, and say in what they differ.

    FIRST and SECOND are folders that `run` or `publish` wrote, or files that `submit` wrote.

    \b
    Example: loki-bench compare results/quick leaderboards/quick

    Exit status: 0 the same values to the last bit, 1 they differ, 2 the request was wrong.
    """
    from loki_bench.audit.comparison import compare as compare_folders
    from loki_bench.records.opening import as_working_folder

    with (
        as_working_folder(first, artefacts=False) as a,
        as_working_folder(second, artefacts=False) as b,
    ):
        found = compare_folders(a, b)
    click.echo(json.dumps(found.as_json(), indent=1) if as_json else found.as_text())
    return 0 if found.same else 1
