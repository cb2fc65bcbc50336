"""``datasets``: which there are, fetch one, show what is in one or in a file; without torch."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loki_bench.cli.options import as_json_option, named_value, plugin_options
from loki_bench.cli.tables import described, print_table
from loki_bench.plugins.registry import Registry

if TYPE_CHECKING:
    from loki_bench.datasets.summary import DatasetSummary

__all__ = ["datasets"]


@click.group()
def datasets() -> None:
    r"""Show and fetch datasets.

    \b
    Example: loki-bench datasets list
    """


@datasets.command("list")
@plugin_options
@as_json_option
def datasets_list(registry: Registry, as_json: bool) -> None:
    r"""List the datasets that suites can name.

    \b
    Example: loki-bench datasets list
    """
    found = registry.components("dataset")
    if as_json:
        click.echo(json.dumps([described(component) for component in found], indent=1))
    else:
        print_table([(c.spec.name, c.spec.summary) for c in found])


@datasets.command("fetch")
@click.argument("name")
@plugin_options
def datasets_fetch(name: str, registry: Registry) -> None:
    r"""Download a dataset into the data folder, and check it.

    NAME is the name of a dataset, as `datasets list` shows it.

    \b
    Example: loki-bench datasets fetch amazon-beauty

    The data folder is the environment variable LOKI_BENCH_DATA, or the platform's own.
    """
    click.echo(_summary(name, (), registry, download=True))


@datasets.command("show")
@click.argument("name", metavar="NAME_OR_FILE")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the dataset, as in a suite. May be repeated.",
)
@plugin_options
@as_json_option
def datasets_show(name: str, given: tuple[str, ...], registry: Registry, as_json: bool) -> None:
    r"""Show what is in a dataset, or in a file of your own, as a suite would read it.

    NAME_OR_FILE is the name of a dataset, as `datasets list` shows it, or the path of a file.

    \b
    Example: loki-bench datasets show ratings.csv --set user_column=userId --set item_column=movieId

    The last line is the line of a suite that reads it so.
    """
    summary = _summary(name, given, registry, download=False)
    click.echo(summary.as_json() if as_json else summary)


def _summary(
    name: str, given: tuple[str, ...], registry: Registry, *, download: bool
) -> "DatasetSummary":
    from loki_bench.datasets.summary import suite_line, summarise
    from loki_bench.suite.resolve import read_dataset
    from loki_bench.suite.suite import dataset_choice

    parameters = dict(named_value(text) for text in given)
    known = {component.spec.name for component in registry.components("dataset")}
    if name not in known and (Path(name).suffix or "/" in name or _is_in_this_folder(name)):
        parameters = {"path": name, **parameters}
        name = "file"
    log = read_dataset(dataset_choice(name, parameters), registry, download=download)
    return summarise(log, suite_line(name, parameters))


def _is_in_this_folder(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long a name
        return False
