"""``spread``: how display rates vary over seeds, users and targets."""

from pathlib import Path

import click

from loki_bench.cli.tables import print_table

__all__ = ["spread"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--cutoff",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Places of a list: the rate is display_rate at that many.",
)
def spread(leaderboard: Path, cutoff: int) -> int:
    r"""Show two intervals of each display rate: over seeds, and over seeds, users and targets.

    LEADERBOARD is a folder that `run` or `publish` wrote and that keeps ranks. The last three
    columns are standard deviations: of seeds' rates, of users' and of targets' rates within a seed.

    \b
    Example: loki-bench spread leaderboards/quick
    """
    from loki_bench.audit.spread import spread_of
    from loki_bench.leaderboard.intervals import shown

    rows = [("row", "over seeds", "two levels", "seeds", "users", "targets")]
    rows += [
        (
            one.name,
            shown(one.over_seeds),
            shown(one.levels.interval),
            f"{one.levels.between_seeds:.3f}",
            f"{one.levels.users:.3f}",
            f"{one.levels.targets:.3f}",
        )
        for one in spread_of(leaderboard, cutoff=cutoff)
    ]
    print_table(rows)
    return 0
