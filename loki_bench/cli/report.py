"""``report``: a leaderboard as one HTML file to look at."""

from pathlib import Path

import click

__all__ = ["report"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: the leaderboard's name, .html]",
)
def report(leaderboard: Path, output: Path | None) -> int:
    r"""Write a leaderboard as one HTML file that needs no network.

    LEADERBOARD is a folder that `run` wrote, or a file that `submit` wrote.

    \b
    Example: loki-bench report leaderboards/quick
    """
    from loki_bench.audit.page import page_of
    from loki_bench.audit.submission import as_folder
    from loki_bench.harness.store import Store

    with as_folder(leaderboard) as folder:
        text = page_of(folder)
    file = output or Path(f"{leaderboard.resolve().stem}.html")
    Store(file.parent, warn=click.echo).write_text(file.name, text)
    click.echo(f"{file}: {len(text.encode())} bytes")
    return 0
