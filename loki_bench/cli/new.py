"""``new``: a plugin distribution to start from."""

from pathlib import Path

import click

from loki_bench.cli.options import registry_from

__all__ = ["new"]


@click.command()
@click.argument("kind")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder to write; it must not exist.  [default: loki-bench-NAME]",
)
def new(kind: str, name: str, folder: Path | None) -> int:
    r"""Write a complete plugin distribution that installs and passes its checks.

    KIND is attacker, dataset, defense, differentiable-recommender, influence-estimator,
    list-recommender (shows lists, tells no scores), metric, recommender, robust-training,
    sequence-recommender (answers for sequences that nobody has) or weighting-defense. NAME is how
    suites will ask for the component.

    \b
    Example: loki-bench new defense my-filter
    """
    from loki_bench.scaffolding.distribution import KINDS, write_distribution

    where, files = write_distribution(
        kind, name, folder=folder, registry=registry_from((), strict=False)
    )
    click.echo(f"{where}: the {KINDS[kind].title} '{name}' as a distribution of its own")
    for file in files:
        click.echo(f"  {file.as_posix()}")
    place = where.as_posix() if where.is_absolute() else f"./{where.as_posix()}"
    click.echo(
        f'Next:\n  pip install -e "{place}[test]"\n  loki-bench check {name}\n  pytest {place}'
    )
    return 0
