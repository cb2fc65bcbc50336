"""``site``: leaderboards as a folder of pages that any web server, or a disk, can show."""

from pathlib import Path

import click

from loki_bench.cli.options import plugin_options
from loki_bench.plugins.registry import Registry

__all__ = ["site"]


@click.command()
@click.argument(
    "leaderboards",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("site"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--docs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Built documentation to copy into the site.  [default: a link to the repository]",
)
@plugin_options
def site(leaderboards: tuple[Path, ...], out: Path, docs: Path | None, registry: Registry) -> int:
    r"""Write leaderboards as a static site: pages that need no server and no network.

    LEADERBOARDS are folders of leaderboards, or folders that hold some.

    \b
    Example: loki-bench site leaderboards --out site

    A page for each leaderboard, family, attack, victim and defense, the paper's claims, and how
    well influence estimators do; tables as CSV and Parquet, figures as SVG.
    """
    from loki_bench.site.build import build_site

    sizes = build_site(leaderboards, out, registry, documentation=docs, say=click.echo)
    pages = sum(name.endswith(".html") for name in sizes)
    megabytes = sum(sizes.values()) / 1e6
    click.echo(f"{out / 'index.html'}: {pages} pages, {len(sizes)} files, {megabytes:.1f} MB")
    return 0
