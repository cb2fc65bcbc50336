"""``report`` and ``claims``: a leaderboard as one HTML file, and what the paper said of it."""

from pathlib import Path

import click

__all__ = ["claims", "report"]


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


@click.command()
@click.argument("family", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--check", is_flag=True, help="Write nothing; say whether README.md is what comes out."
)
def claims(family: Path, check: bool) -> int:
    r"""Answer the LOKI paper's claims from the records of a family of suites, in its README.md.

    FAMILY is the folder that the suites of a family share.

    \b
    Example: loki-bench claims leaderboards/beauty

    Exit status: 0 written, or the same bytes with --check; 1 other bytes; 2 the request was wrong.
    """
    from loki_bench.audit.page import claims_of
    from loki_bench.harness.store import Store

    text, file = claims_of(family), family / "README.md"
    if check:
        same = file.is_file() and file.read_bytes() == text.encode()
        click.echo(f"{file}: {'is' if same else 'is not'} what the records give")
        return 0 if same else 1
    Store(family, warn=click.echo).write_text(file.name, text)
    click.echo(f"{file}: {len(text.encode())} bytes")
    return 0
