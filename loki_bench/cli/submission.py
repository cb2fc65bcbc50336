"""``submit`` and ``accept``: a third party's rows as one file, and into a leaderboard."""

from pathlib import Path

import click

from loki_bench.cli.options import plugin_options, processors, registry_from

__all__ = ["accept", "submit"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--plugin", required=True, metavar="NAME", help="The distribution of the rows.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="File to write."
)
@plugin_options
def submit(
    leaderboard: Path,
    plugin: str,
    output: Path | None,
    disabled: tuple[str, ...],
    strict_plugins: bool,
) -> int:
    r"""Pack the rows of one plugin into a file that `verify` reads and `accept` takes.

    LEADERBOARD is a folder that `run` wrote.

    \b
    Example: loki-bench submit leaderboards/quick --plugin loki-bench-my-attack
    """
    from loki_bench.audit.submission import submit as pack

    file = output or Path(f"{plugin}-{leaderboard.resolve().name}.zip")
    n_cells = pack(leaderboard, plugin, file, registry=registry_from(disabled, strict_plugins))
    click.echo(f"{file}: {n_cells} cells, {file.stat().st_size} bytes")
    return 0


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes, one thread each.")
@click.option("--seconds", type=float, default=3600.0, show_default=True, help="Limit of a job.")
@click.option("--dataset-path", type=click.Path(path_type=Path), help="A file dataset's file.")
@click.option("--offline", is_flag=True, help="Never use the network, not even for the dataset.")
@plugin_options
def accept(
    leaderboard: Path,
    file: Path,
    workers: int | None,
    seconds: float,
    dataset_path: Path | None,
    offline: bool,
    disabled: tuple[str, ...],
    strict_plugins: bool,
) -> int:
    r"""Check a submitted file and add its rows; victims are trained and measured here.

    LEADERBOARD is a folder that `run` wrote, FILE a file that `submit` wrote.

    \b
    Example: loki-bench accept leaderboards/quick loki-bench-my-attack-quick.zip

    Exit status: 0 the rows are in the leaderboard, 2 they were refused and nothing was changed.
    """
    from loki_bench.audit.acceptance import accept as add
    from loki_bench.audit.opening import opening

    registry = registry_from(disabled, strict_plugins)
    opened = opening(
        registry,
        n_workers=workers or processors(),
        seconds=seconds,
        dataset_path=dataset_path,
        download=not offline,
    )
    added = add(leaderboard, file, registry=registry, opened=opened)
    click.echo(f"{leaderboard}: {len(added)} cells added")
    return 0
