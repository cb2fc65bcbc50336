"""``submit`` and ``accept``: a third party's rows as one file, and into a leaderboard."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.cli.options import plugin_options, recompute_options
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:
    from loki_bench.audit.opening import Opening

__all__ = ["accept", "submit"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--plugin", required=True, metavar="NAME", help="The distribution of the rows.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="File to write."
)
@plugin_options
def submit(leaderboard: Path, plugin: str, output: Path | None, registry: Registry) -> int:
    r"""Pack the rows of one plugin into a file that `verify` reads and `accept` takes.

    LEADERBOARD is a folder that `run` wrote.

    \b
    Example: loki-bench submit leaderboards/quick --plugin loki-bench-my-attack
    """
    from loki_bench.audit.submission import submit as pack

    file = output or Path(f"{plugin}-{leaderboard.resolve().name}.zip")
    n_cells = pack(leaderboard, plugin, file, registry=registry)
    click.echo(f"{file}: {n_cells} cells, {file.stat().st_size} bytes")
    return 0


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@recompute_options
def accept(leaderboard: Path, file: Path, registry: Registry, opened: "Opening") -> int:
    r"""Check a submitted file and add its rows; victims are trained and measured here.

    LEADERBOARD is a folder that `run` wrote, FILE a file that `submit` wrote.

    \b
    Example: loki-bench accept leaderboards/quick loki-bench-my-attack-quick.zip

    Exit status: 0 the rows are in the leaderboard, 2 they were refused and nothing was changed.
    """
    from loki_bench.audit.acceptance import accept as add

    added = add(leaderboard, file, registry=registry, opened=opened)
    click.echo(f"{leaderboard}: {len(added)} cells added")
    return 0
