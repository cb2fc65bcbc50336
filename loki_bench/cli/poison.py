"""``poison``: the fake users of a cell in a file of one's own."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.cli.options import offline_option, plugin_options, tell
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:
    from loki_bench.datasets.poison_writing import PoisonFormat

__all__ = ["poison"]

FORMATS = ("json", "sequences", "pairs", "csv", "inter", "npz")
ENDINGS = {"sequences": "txt", "pairs": "txt"}


@click.group()
def poison() -> None:
    r"""Take poison out of results.

    \b
    Example: loki-bench poison export 3f2a90 --results results/quick
    """


@poison.command("export")
@click.argument("cell")
@click.option(
    "--results",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of a leaderboard, or of several.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="json",
    show_default=True,
    help="Form of the file; inter has no place for targets.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option(
    "--dataset-path",
    type=click.Path(path_type=Path),
    help="Path of the data file, where the dataset is a file of somebody's own.",
)
@offline_option
@plugin_options
def export(
    cell: str,
    results: Path,
    form: "PoisonFormat",
    out: Path | None,
    dataset_path: Path | None,
    offline: bool,
    registry: Registry,
) -> int:
    r"""Write the fake users of a cell by the names of items, with targets and target users.

    CELL is the name of a file in the folder `records` of a leaderboard, or its first letters.

    \b
    Example: loki-bench poison export 3f2a90 --format inter --out poison.inter

    The attacker `replay` reads each of the forms, and the same victim then gives the same ranks.
    """
    from loki_bench.audit.poison_export import export_poison
    from loki_bench.audit.replay import data_of
    from loki_bench.datasets.poison_writing import written_poison
    from loki_bench.datasets.summary import as_toml
    from loki_bench.whole_files import write_whole

    found = export_poison(
        results,
        cell,
        data_of=partial(
            data_of, registry=registry, dataset_path=dataset_path, download=not offline
        ),
    )
    file = out or Path(f"poison-{found.record.id[:8]}.{ENDINGS.get(form, form)}")
    write_whole(file, written_poison(found.poison, form))
    n_events = sum(map(len, found.poison.rows))
    click.echo(
        f"{file}: {len(found.poison.rows)} fake users with {n_events} events, of "
        f"{found.record.cell.attack_label}, seed {found.record.cell.seed}"
    )
    parameters = {"path": file.as_posix(), **({"format": form} if form in ENDINGS else {})}
    tell(f"in a suite: {as_toml({'name': 'replay', 'parameters': parameters})}")
    if form == "inter":
        targets = as_toml(found.poison.targets)
        tell(f"the file has no place for targets; in the suite's [protocol]: targets = {targets}")
    return 0
