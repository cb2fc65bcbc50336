"""``power``: how many seeds tell two attacks apart, from the records of a leaderboard."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.cli.options import FiniteRange
from loki_bench.cli.tables import print_table

if TYPE_CHECKING:
    from loki_bench.leaderboard.power import Needed

__all__ = ["power"]


@click.command()
@click.argument("leaderboard", type=click.Path(path_type=Path, exists=True))
@click.argument("attacks", nargs=-1)
@click.option(
    "--difference",
    type=FiniteRange(min=0, min_open=True),
    help="The difference of the main metric that is to be found.  [default: the one observed]",
)
@click.option(
    "--power",
    "wanted",
    type=FiniteRange(min=0, max=1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="The probability with which it is to be found.",
)
@click.option(
    "--level",
    type=FiniteRange(min=0, max=1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Of the test of one pair alone.",
)
def power(
    leaderboard: Path,
    attacks: tuple[str, ...],
    difference: float | None,
    wanted: float,
    level: float,
) -> int:
    r"""Say how many seeds tell attacks apart, from the spread of their differences over seeds.

    LEADERBOARD is a folder that `run` or `publish` wrote; ATTACKS are those to compare: one with
    all others, several with each other, all if none is named. "seeds" are those of a pair alone;
    "first step" those at the first step of Holm's correction over all pairs of the same victim and
    budget, as tables make it.

    \b
    Example: loki-bench power leaderboards/beauty/paper-overall loki covisit --difference 0.03
    """
    from loki_bench.audit.drawn import records_of
    from loki_bench.errors import UsageError
    from loki_bench.leaderboard.folder import handed_in
    from loki_bench.leaderboard.power import needed_for
    from loki_bench.leaderboard.rows import name_of
    from loki_bench.leaderboard.tabulation import tables_of
    from loki_bench.records.opening import as_working_folder

    with as_working_folder(leaderboard, artefacts=False) as folder:
        manifest, records = records_of(folder)
        others = handed_in(folder)
    tables = tables_of(records, manifest.missing, metrics=manifest.metrics, handed_in=others)
    pairs = [pair for table in tables for pair in table.pairs]
    _refuse_unknown(attacks, {name for pair in pairs for name, _ in (pair.better, pair.worse)})
    found = needed_for(tables, attacks=attacks, difference=difference, power=wanted, level=level)
    if not found:
        of = f" of {', '.join(attacks)}" if attacks else ""
        raise UsageError(
            f"{leaderboard} has no pair{of} whose difference varies over two seeds or more; "
            "expected a table that is ranked, of two seeds at least"
        )
    rows = [("where", "pair", "difference", "spread", "power now", "seeds", "first step")]
    rows += [
        (
            _where(one),
            f"{name_of(*one.pair.better)} - {name_of(*one.pair.worse)}",
            f"{one.difference:.4f}",
            f"{one.spread:.4f}",
            f"{one.power:.2f} at {one.pair.difference.n}",
            _seeds(one.n_seeds),
            _seeds(one.n_seeds_first_step),
        )
        for one in found
    ]
    print_table(rows)
    return 0


def _refuse_unknown(attacks: tuple[str, ...], compared: set[str]) -> None:
    from loki_bench.errors import UsageError
    from loki_bench.plugins.specs import nearest

    for attack in attacks:
        if attack not in compared:
            listed = ", ".join(sorted(compared)) or "none, for no table of it is ranked"
            raise UsageError(
                f"no row of '{attack}' is compared with others{nearest(attack, sorted(compared))}; "
                f"those that are: {listed}"
            )


def _where(one: "Needed") -> str:
    """Victim, budget and defense, and what tells their table from others of the board."""
    parts = [str(value) for value in one.pair.where.values() if value != "none"]
    if one.key:
        parts.append(f"fresh key {one.key}")
    elif one.differs:
        parts.append(f"table that differs in {one.differs}")
    return ", ".join(parts)


def _seeds(number: int | None) -> str:
    return "over 10,000" if number is None else str(number)
