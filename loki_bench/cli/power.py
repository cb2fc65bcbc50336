"""``power``: how many seeds tell two attacks apart, from the records of a leaderboard."""

from pathlib import Path

import click

from loki_bench.cli.tables import print_table

__all__ = ["power"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.argument("attacks", nargs=-1)
@click.option(
    "--difference",
    type=click.FloatRange(min=0, min_open=True),
    help="The difference of the main metric that is to be found.  [default: the one observed]",
)
@click.option(
    "--power",
    "wanted",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="The probability with which it is to be found.",
)
@click.option(
    "--level",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Of the test; for a table's k pairs, 0.05 / k is the first step of Holm.",
)
def power(
    leaderboard: Path,
    attacks: tuple[str, ...],
    difference: float | None,
    wanted: float,
    level: float,
) -> int:
    r"""Say how many seeds tell attacks apart, from the spread of their differences over seeds.

    LEADERBOARD is a folder that `run` or `publish` wrote; ATTACKS are those to compare, all if none
    is named.

    \b
    Example: loki-bench power leaderboards/beauty/paper-overall loki covisit --difference 0.03
    """
    from loki_bench.audit.drawn import records_of
    from loki_bench.errors import UsageError
    from loki_bench.leaderboard.folder import handed_in
    from loki_bench.leaderboard.power import needed_for
    from loki_bench.leaderboard.table import tables_of
    from loki_bench.records.opening import as_working_folder

    with as_working_folder(leaderboard, artefacts=False) as folder:
        manifest, records = records_of(folder)
        others = handed_in(folder)
    tables = tables_of(records, manifest.missing, metrics=manifest.metrics, handed_in=others)
    found = needed_for(tables, attacks=attacks, difference=difference, power=wanted, level=level)
    if not found:
        of = f" of {', '.join(attacks)}" if attacks else ""
        raise UsageError(
            f"{leaderboard} has no pair{of} whose difference varies over two seeds or more; "
            "expected attacks as its table names them, in a table that is ranked"
        )
    rows = [("where", "pair", "difference", "spread", "power now", "seeds")]
    rows += [
        (
            ", ".join(str(value) for value in one.pair.where.values() if value != "none"),
            f"{one.pair.better[0]} - {one.pair.worse[0]}",
            f"{one.difference:.4f}",
            f"{one.spread:.4f}",
            f"{one.power:.2f} at {one.pair.difference.n}",
            "over 10,000" if one.n_seeds is None else str(one.n_seeds),
        )
        for one in found
    ]
    print_table(rows)
    return 0
