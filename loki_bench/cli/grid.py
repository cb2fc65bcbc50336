"""``run``, ``status``, ``plan``, ``leaderboard`` and ``merge``: a suite's cells and its tables."""

import json
import shlex
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loki_bench.cli.options import (
    as_json_option,
    every_column_option,
    key_options,
    named_value,
    offline_option,
    plugin_options,
    results_option,
    scheduler_option,
    tell,
    workers_option,
)
from loki_bench.cli.tables import text_width
from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:  # imports numpy and pydantic: only when a command runs
    from loki_bench.benchmark import Benchmark

__all__ = ["leaderboard", "merge", "plan", "run", "status"]


@dataclass(frozen=True)
class _Part:
    """What of a suite a command is asked for; all of it unless something is chosen."""

    attackers: tuple[str, ...]
    victims: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: tuple[str, ...]

    def of(self, benchmark: "Benchmark") -> "Benchmark":
        if not (self.attackers or self.victims or self.seeds or self.settings):
            return benchmark
        return benchmark.part(
            attackers=self.attackers,
            victims=self.victims,
            seeds=self.seeds,
            settings=[named_value(text) for text in self.settings],
        )


def _part_options(command: Callable[..., int]) -> Callable[..., int]:
    """``--attacker``, ``--victim``, ``--seed`` and ``--set``, as one argument ``part``."""

    @click.option(
        "--attacker", "attackers", multiple=True, metavar="NAME", help="Only this attacker."
    )
    @click.option("--victim", "victims", multiple=True, metavar="NAME", help="Only this victim.")
    @click.option(
        "--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="Only this seed."
    )
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Another value of a suite's key, such as budget.actions=50.",
    )
    @wraps(command)
    def with_part(
        *arguments: Any,
        attackers: tuple[str, ...],
        victims: tuple[str, ...],
        seeds: tuple[int, ...],
        settings: tuple[str, ...],
        **options: Any,
    ) -> int:
        return command(*arguments, part=_Part(attackers, victims, seeds, settings), **options)

    return with_part


@click.command()
@click.argument("suite")
@results_option
@workers_option
@scheduler_option
@click.option("--retry-failed", is_flag=True, help="Also run cells that did not end well before.")
@click.option("--shard", metavar="I/N", help="Run part I of N only; see `merge`.")
@_part_options
@key_options
@offline_option
@every_column_option
@plugin_options
def run(
    suite: str,
    results: Path,
    workers: int | None,
    scheduler: str | None,
    retry_failed: bool,
    shard: str | None,
    part: _Part,
    key: str | None,
    fresh: bool,
    offline: bool,
    every_column: bool,
    registry: Registry,
) -> int:
    r"""Run the cells of a suite that have no result yet, and print its leaderboard.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    --attacker, --victim, --seed and --set, each as often as needed, run a part of the suite. Its
    records lie with the suite's, whose leaderboard stays as it was; a part with cells that the
    suite has not gets a name and a folder of its own.

    --fresh draws a run key that no plugin is told, keeps it with the results, in SUITE-fresh, and
    goes on under it until all is done; records publish it. --key repeats such a run.

    \b
    Example: loki-bench run quick
    Example: loki-bench run quick --attacker random --seed 0
    Example: loki-bench run quick --fresh
    """
    from loki_bench.records.merge import parse_shard

    if fresh and shard is not None:
        raise UsageError(
            "--fresh with --shard: each shard would draw a key of its own; draw one key for all, "
            "such as with `openssl rand -hex 16`, and give it to each with --key"
        )
    benchmark = part.of(
        _open(
            suite, results, registry, download=not offline, key=key, fresh=True if fresh else None
        )
    )
    for note in benchmark.notes:
        tell(f"note: {note}")
    cells = benchmark.to_compute(retry_failed=retry_failed)
    if shard is not None:
        own = {cell.id for cell in parse_shard(shard).of(benchmark.cells)}
        cells = [cell for cell in cells if cell.id in own]
    n_cells = len(benchmark.cells)
    click.echo(
        f"{_title(benchmark)}: {len(cells)} of {n_cells} cells to run; results in "
        f"{benchmark.folder}",
        err=True,
    )
    try:
        statuses = benchmark.compute(cells, workers, scheduler=scheduler)
    except KeyboardInterrupt:
        n_kept = n_cells - len(benchmark.missing())
        tell(f"stopped; {n_kept} of {n_cells} cells are kept. The same command goes on from there.")
        return 130
    if shard is not None:
        return _exit_status(statuses)
    board = benchmark.leaderboard()
    if benchmark.whole is not None:
        click.echo(
            f"{_title(benchmark)}: {n_cells} of {len(benchmark.whole.cells)} cells. The suite's "
            "own leaderboard is not written; `loki-bench leaderboard` writes it.\n"
        )
    click.echo(board.as_text(every_column=every_column))
    if benchmark.whole is None:
        _tell_where(benchmark)
    return _exit_status(board.status)


@click.command()
@click.argument("suite")
@results_option
@_part_options
@key_options
@plugin_options
@as_json_option
def status(
    suite: str,
    results: Path,
    part: _Part,
    key: str | None,
    fresh: bool,
    registry: Registry,
    as_json: bool,
) -> int:
    r"""Count the cells of a suite: done, rejected, failed, timed out, missing.

    SUITE is the name of a suite in the package, or a path that ends in .toml; the part of it that
    --attacker, --victim, --seed and --set choose, as in `run`.

    \b
    Example: loki-bench status quick
    """
    benchmark = part.of(_open(suite, results, registry, key=key, fresh=False if fresh else None))
    counts = benchmark.status()
    if as_json:
        click.echo(json.dumps({"suite": benchmark.suite.name, "cells": counts}, indent=1))
    else:
        shown = ", ".join(f"{number} {name}" for name, number in counts.items())
        click.echo(f"{benchmark.suite.name}: {len(benchmark.cells)} cells: {shown}")
    return _exit_status(counts)


@click.command()
@click.argument("suite")
@results_option
@workers_option
@_part_options
@key_options
@plugin_options
@as_json_option
def plan(
    suite: str,
    results: Path,
    workers: int | None,
    part: _Part,
    key: str | None,
    fresh: bool,
    registry: Registry,
    as_json: bool,
) -> int:
    r"""Show what a suite would still compute, and about how long that takes.

    SUITE is the name of a suite in the package, or a path that ends in .toml; the part of it that
    --attacker, --victim, --seed and --set choose, as in `run`.

    The estimate is made from the times of earlier runs: of this machine, or else of
    others. Nothing is written.

    \b
    Example: loki-bench plan quick
    Example: loki-bench plan quick --attacker loki --set budget.fake_users=0.01
    """
    from loki_bench.engine.workers import n_processors

    benchmark = part.of(_open(suite, results, registry, key=key, fresh=False if fresh else None))
    missing = benchmark.missing()
    found = benchmark.plan(missing)
    n_workers = workers or n_processors()
    seconds = found.seconds / n_workers
    if as_json:
        content = {
            "suite": benchmark.suite.name,
            "cells": benchmark.status(),
            "notes": list(benchmark.notes),
            "work": [asdict(work) for work in found.work],
            "workers": n_workers,
            "seconds": seconds,
            "steps_without_estimate": found.n_unknown,
        }
        click.echo(json.dumps(content, indent=1))
        return 0
    for note in benchmark.notes:
        tell(f"note: {note}")
    n_cells, n_left = len(benchmark.cells), len(missing)
    click.echo(
        f"{benchmark.suite.name}: {n_cells} cells, {n_cells - n_left} stored, {n_left} to run"
    )
    for work in found.work:
        each = "no timings yet" if work.seconds is None else f"about {work.seconds:.1f} s each"
        guessed = "" if work.measured or work.seconds is None else ", not timed here yet"
        click.echo(_wrapped(f"  {work.n_steps:>5} x {work.name}: {each}{guessed}"))
    if found.n_unknown and not found.seconds:
        click.echo(f"no timings yet: how long {found.n_unknown} steps take is told once some ran")
        return 0
    about, unknown = "about", ""
    if found.n_unknown:
        about, unknown = "at least", f": {found.n_unknown} steps have no timings yet"
    shown = "1 worker" if n_workers == 1 else f"{n_workers} workers"
    click.echo(f"{about} {_duration(seconds)} on {shown}{unknown}")
    return 0


@click.command()
@click.argument("suite")
@results_option
@click.option(
    "--per-seed",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a row for each seed, with its targets by name, to a .csv or .parquet file.",
)
@key_options
@plugin_options
@every_column_option
@as_json_option
def leaderboard(
    suite: str,
    results: Path,
    per_seed: Path | None,
    key: str | None,
    fresh: bool,
    registry: Registry,
    every_column: bool,
    as_json: bool,
) -> int:
    r"""Write a suite's leaderboard again from its records, and print it.

    SUITE is the name of a suite in the package, or a path that ends in .toml.

    \b
    Example: loki-bench leaderboard quick --json
    """
    board = _open(suite, results, registry, key=key, fresh=False if fresh else None).leaderboard()
    if per_seed is not None:
        board.write_per_seed(per_seed)
    click.echo(board.as_json() if as_json else board.as_text(every_column=every_column))
    return _exit_status(board.status)


@click.command()
@click.argument("suite")
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Compute so many drawn cells of each folder again before anything is copied.",
)
@results_option
@key_options
@every_column_option
@plugin_options
def merge(
    suite: str,
    folders: tuple[Path, ...],
    sample: int,
    results: Path,
    key: str | None,
    fresh: bool,
    every_column: bool,
    registry: Registry,
) -> int:
    r"""Bring the results of shards together, and write the leaderboard.

    SUITE is the name of a suite in the package, or a path that ends in .toml. FOLDERS are results
    folders of runs with --shard and --results.

    \b
    Example: loki-bench merge quick shard-1 shard-2 shard-3
    """
    benchmark = _open(suite, results, registry, key=key, fresh=False if fresh else None)
    for folder, (n_copied, n_kept) in benchmark.merge(folders, sample=sample).items():
        click.echo(f"{folder}: {n_copied} cells copied, {n_kept} were here before", err=True)
    board = benchmark.leaderboard()
    click.echo(board.as_text(every_column=every_column))
    _tell_where(benchmark)
    return _exit_status(board.status)


def _open(
    suite: str,
    results: Path,
    registry: Registry,
    *,
    key: str | None,
    fresh: bool | None,
    download: bool = False,
) -> "Benchmark":
    from loki_bench.benchmark import Benchmark

    return Benchmark.open(
        suite,
        results=results,
        registry=registry,
        download=download,
        warn=tell,
        key=key,
        fresh=fresh,
    )


def _wrapped(line: str) -> str:
    """A line of a list, as wide as the terminal; an attack is named with all that it is given."""
    return textwrap.fill(
        line,
        width=text_width(),
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _duration(seconds: float) -> str:
    """Seconds below a minute, else minutes."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def _title(benchmark: "Benchmark") -> str:
    """The suite's name, and that it is a part where it is one."""
    name = benchmark.suite.name
    return name if benchmark.whole is None else f"part of {name}"


def _tell_where(benchmark: "Benchmark") -> None:
    """A last line: where the table is, and what to type next."""
    folder = benchmark.folder
    click.echo(
        f"\nEvery column: {folder / 'leaderboard.md'}, or --all. Next: loki-bench report "
        f"{shlex.quote(str(folder))}",
        err=True,
    )


def _exit_status(counts: Iterable[str]) -> int:
    """0 where every cell ended well."""
    return 0 if set(counts) <= {"ok"} else 1
