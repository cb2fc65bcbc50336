"""``report``, ``figures``, ``claims``, ``rewrite``: how leaderboards look, what they answer."""

from contextlib import suppress
from pathlib import Path

import click

__all__ = ["claims", "figures", "report", "rewrite"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: the leaderboard's name, .html]",
)
def report(leaderboard: Path, output: Path | None) -> int:
    r"""Write a leaderboard as one HTML file that needs no network.

    LEADERBOARD is a folder that `run` or `publish` wrote, or a file that `submit` wrote.

    \b
    Example: loki-bench report results/quick

    As leaderboard.html in the leaderboard's own folder it is a part of it, checked by `verify`.
    """
    from loki_bench.audit.drawn import keep_drawn, page_of
    from loki_bench.leaderboard.folder import PAGE
    from loki_bench.records.opening import as_working_folder
    from loki_bench.whole_files import write_whole

    with as_working_folder(leaderboard, artefacts=False) as folder:
        text = page_of(folder)
    file = output or Path(f"{leaderboard.resolve().stem}.html")
    if file.resolve() == leaderboard.resolve() / PAGE:
        keep_drawn(leaderboard, {PAGE: text.encode()})
    else:
        write_whole(file, text.encode())
    click.echo(f"{file}: {len(text.encode())} bytes")
    return 0


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.  [default: figures, in the leaderboard's own folder]",
)
def figures(leaderboard: Path, output: Path | None) -> int:
    r"""Draw a leaderboard's figures for a paper, as SVG and PDF.

    LEADERBOARD is a folder that `run` or `publish` wrote, or, with --output, a file of `submit`.

    \b
    Example: loki-bench figures results/quick

    In the leaderboard's own folder they are a part of it, checked by `verify`.
    """
    from loki_bench.audit.drawn import figures_of, keep_drawn
    from loki_bench.errors import UsageError
    from loki_bench.leaderboard.folder import FIGURES
    from loki_bench.records.opening import as_working_folder
    from loki_bench.whole_files import write_whole

    if output is None and not leaderboard.is_dir():
        raise UsageError(f"{leaderboard} is a file: name a folder to draw into with --output")
    with as_working_folder(leaderboard, artefacts=False) as folder:
        files = figures_of(folder)
    if output is None:
        keep_drawn(leaderboard, {f"{FIGURES}/{name}": raw for name, raw in files.items()})
    else:
        for name, raw in files.items():
            write_whole(output / name, raw)
    for name in files:
        click.echo(str((output or leaderboard / FIGURES) / name))
    return 0


@click.command()
@click.argument(
    "leaderboards",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
)
def rewrite(leaderboards: tuple[Path, ...]) -> int:
    r"""Write the tables and figures of leaderboards again from their records.

    LEADERBOARDS are folders that `run` or `publish` wrote. Nothing is computed anew: records,
    poison and ranks stay. For a release that shows the same records in another way.

    \b
    Example: loki-bench rewrite leaderboards/quick
    """
    from loki_bench.audit.rewriting import rewrite as written_again

    for folder in leaderboards:
        changed = written_again(folder)
        click.echo(f"{folder}: {', '.join(changed) if changed else 'nothing changed'}")
    return 0


@click.command()
@click.argument("family", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--check", is_flag=True, help="Write nothing; say whether README.md is what comes out."
)
def claims(family: Path, check: bool) -> int:
    r"""Answer the LOKI paper's claims from the records of its suites, in README.md.

    FAMILY is the folder that the suites of a family share: paper-overall, paper-budget,
    paper-actions and paper-stealth are read, of those that are there, and no others.

    \b
    Example: loki-bench claims leaderboards/beauty

    Exit status: 0 written, or the same bytes with --check; 1 other bytes; 2 the request was wrong.
    """
    from loki_bench.audit.drawn import claims_of
    from loki_bench.bounded_files import LARGEST_RECORD, digest_of
    from loki_bench.content_ids import bytes_digest
    from loki_bench.whole_files import write_whole

    text, file = claims_of(family), family / "README.md"
    if check:
        same = False
        with suppress(OSError):  # one that can't be read is not up to date
            same = digest_of(file, at_most=LARGEST_RECORD) == bytes_digest(text.encode())
        click.echo(f"{file}: {'is' if same else 'is not'} up to date with the records")
        return 0 if same else 1
    write_whole(file, text.encode())
    click.echo(f"{file}: {len(text.encode())} bytes")
    return 0
