"""``publish``, ``submit`` and ``accept``: leaderboards and rows that leave one machine."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.cli.options import FiniteRange, plugin_options, recompute_options
from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:
    from loki_bench.audit.replay import Opening

__all__ = ["accept", "publish", "sign", "submit"]


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("destination", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--max-artefacts",
    type=FiniteRange(min=0, max=1e6),
    default=10.0,
    show_default=True,
    metavar="MB",
    help="Leave out poison and ranks of a suite where they take more; 0 leaves out all.",
)
@click.option(
    "--max-sample",
    type=FiniteRange(min=0, max=1e3),
    default=1.0,
    show_default=True,
    metavar="MB",
    help="Where they are left out, keep those of a few cells, drawn by the records; 0 keeps none.",
)
def publish(results: Path, destination: Path, max_artefacts: float, max_sample: float) -> int:
    r"""Pack results into a few files that a repository can keep, and every command reads.

    RESULTS is a suite's folder that `run` wrote, or the folder that a family's suites share.
    DESTINATION is a new folder, or one that was published before.

    \b
    Example: loki-bench publish results/quick leaderboards/quick

    The same results give the same bytes. Where poison and ranks are left out, `verify` judges
    levels 2 and 3 on the cells whose own are kept.
    """
    from loki_bench.audit.publication import publish as pack

    for one in pack(
        results,
        destination,
        artefact_bytes=int(max_artefacts * 10**6),
        sample_bytes=int(max_sample * 10**6),
    ):
        left = f"; {one.left_out} files of poison and ranks left out" if one.left_out else ""
        left += f", those of {one.n_sampled} cells kept" if one.n_sampled else ""
        click.echo(f"{one.folder}: {one.n_records} records{left}")
    return 0


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An OpenSSH private key, or the public one of a key that an agent holds.",
)
def sign(leaderboard: Path, key: Path) -> int:
    r"""Sign a leaderboard with an OpenSSH key, so that `verify` tells who published it.

    LEADERBOARD is a folder that `run` or `publish` wrote.

    \b
    Example: loki-bench sign leaderboards/quick --key ~/.ssh/id_ed25519
    """
    from loki_bench.audit.signature import sign as sign_manifest

    click.echo(f"{sign_manifest(leaderboard, key)}: signed")
    return 0


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--plugin", metavar="NAME", help="The distribution of the rows.")
@click.option(
    "--poison",
    metavar="FILE",
    help="Fake users instead of rows; {seed} in the path stands for each seed.",
)
@click.option("--name", help="What tables are to call the poison.  [default: the file's name]")
@click.option(
    "--dataset-path",
    type=click.Path(path_type=Path),
    help="Path of the data file, where the dataset is a file of somebody's own.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="File to write."
)
@plugin_options
def submit(
    leaderboard: Path,
    plugin: str | None,
    poison: str | None,
    name: str | None,
    dataset_path: Path | None,
    output: Path | None,
    registry: Registry,
) -> int:
    r"""Pack the rows of one plugin, or a poison, into a file that `accept` takes.

    LEADERBOARD is a folder that `run` or `publish` wrote.

    \b
    Example: loki-bench submit results/quick --plugin loki-bench-my-attack
    Example: loki-bench submit leaderboards/quick --poison mine-{seed}.json --name mine

    A poison needs no plugin: whoever accepts it trains and measures the victims.
    """
    from loki_bench.audit.replay import data_of
    from loki_bench.audit.submission import submit as pack
    from loki_bench.audit.submission import submit_poison
    from loki_bench.records.data_places import data_places

    if (plugin is None) == (poison is None):
        raise UsageError("submit takes either --plugin or --poison")
    if poison is not None:
        file = output or Path(f"{name or 'poison'}-{leaderboard.resolve().name}.json")
        n_fake_users = submit_poison(
            leaderboard,
            poison,
            name,
            file,
            data_of=partial(
                data_of,
                registry=registry,
                dataset_path=dataset_path,
                places=data_places(leaderboard),
                download=True,
            ),
        )
        click.echo(f"{file}: {n_fake_users} fake users, {file.stat().st_size} bytes")
        return 0
    assert plugin is not None  # noqa: S101  # for the type checker

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

    LEADERBOARD is a folder that `run` or `publish` wrote, FILE a file that `submit` wrote.

    \b
    Example: loki-bench accept leaderboards/quick loki-bench-my-attack-quick.zip

    Exit status: 0 the rows are in the leaderboard, 2 they were refused and nothing was changed.
    """
    from loki_bench.audit.acceptance import accept as add

    added = add(leaderboard, file, registry=registry, opened=opened)
    click.echo(f"{leaderboard}: {len(added)} cells added")
    return 0
