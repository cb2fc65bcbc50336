"""Options that several commands share, and what commands make of them."""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry
from loki_bench.sandbox.installed import installed_plugins

__all__ = [
    "FiniteRange",
    "as_json_option",
    "every_column_option",
    "key_options",
    "named_value",
    "offline_option",
    "plugin_options",
    "recompute_options",
    "registry_from",
    "results_option",
    "scheduler_option",
    "tell",
    "timeout_option",
    "workers_option",
]

LONGEST_KEY = 200


class FiniteRange(click.FloatRange):
    """Numbers in a range, of which "nan" is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number, or a failure as of every option."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


F = TypeVar("F", bound=Callable[..., Any])


def tell(text: str) -> None:
    """Say something that is no answer, on standard error."""
    click.echo(f"loki-bench: {text}", err=True)


def plugin_options(command: F) -> Callable[..., Any]:
    """Which plugins may take part. The command is given their ``registry``."""

    @click.option(
        "--disable-plugin",
        "disabled",
        multiple=True,
        metavar="NAME",
        help="Leave out a plugin, by entry point or distribution name. May be repeated.",
    )
    @click.option("--strict-plugins", is_flag=True, help="Fail if any installed plugin is broken.")
    @wraps(command)
    def with_registry(
        *arguments: Any, disabled: tuple[str, ...], strict_plugins: bool, **options: Any
    ) -> Any:
        return command(*arguments, registry=registry_from(disabled, strict_plugins), **options)

    return with_registry


def results_option(command: F) -> F:
    """Where results are kept."""
    return click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        show_default=True,
        help="Folder of results; each suite has a folder of its own in it.",
    )(command)


def workers_option(command: F) -> F:
    """How many processes compute."""
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="Worker processes, one thread each.  [default: the number of processors]",
    )(command)


def scheduler_option(command: F) -> F:
    """A cluster instead of this machine."""
    return click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Run on the Dask cluster of this scheduler, such as tcp://10.0.0.1:8786.",
    )(command)


def offline_option(command: F) -> F:
    """Whether anything may be fetched."""
    return click.option(
        "--offline", is_flag=True, help="Never use the network, not even for the dataset."
    )(command)


def key_options(command: F) -> F:
    """Which run of a suite: that of public seeds, the fresh one here, or that of a given key."""
    keyed = click.option(
        "--key", metavar="KEY", help="The run of this key: 32 hexadecimal digits from a record."
    )(command)
    return click.option(
        "--fresh", is_flag=True, help="The run under a key that is drawn here, not the public one."
    )(keyed)


def timeout_option(command: F) -> Callable[..., Any]:
    """The time limit of a job; ``--seconds``, its name before, is taken for one more release."""

    @click.option(
        "--timeout",
        type=FiniteRange(min=0, max=1e8, min_open=True),
        default=3600.0,
        show_default=True,
        help="Time limit of a job, in seconds.",
    )
    @click.option(
        "--seconds",
        type=FiniteRange(min=0, max=1e8, min_open=True),
        hidden=True,
        help="The old name of --timeout.",
    )
    @wraps(command)
    def with_timeout(*arguments: Any, timeout: float, seconds: float | None, **options: Any) -> Any:
        if seconds is not None:
            tell("--seconds is now --timeout; the old name goes with the next release")
            timeout = seconds
        return command(*arguments, timeout=timeout, **options)

    return with_timeout


def recompute_options(command: F) -> Callable[..., Any]:
    """How stored cells are computed again. The command is given ``registry`` and ``opened``.

    What it computes is shown while it goes on: a bar on a terminal, elsewhere a line now and then.
    """

    @workers_option
    @timeout_option
    @click.option(
        "--dataset-path",
        type=click.Path(path_type=Path),
        help="Path of the data file, where the dataset is a file of somebody's own.",
    )
    @offline_option
    @plugin_options
    @wraps(command)
    def with_opening(
        *arguments: Any,
        workers: int | None,
        timeout: float,
        dataset_path: Path | None,
        offline: bool,
        registry: Registry,
        **options: Any,
    ) -> Any:
        from loki_bench.audit.replay import opening
        from loki_bench.progress import progress_of

        with progress_of(True, each_cell=False) as progress:
            opened = opening(
                registry,
                n_workers=workers,
                seconds=timeout,
                dataset_path=dataset_path,
                places=_noted_places(options),
                download=not offline,
                progress=progress,
            )
            return command(*arguments, registry=registry, opened=opened, **options)

    return with_opening


def _noted_places(options: Mapping[str, Any]) -> dict[str, Path]:
    """Where files of somebody's own data lie: as the suite says that was named, or as the runs
    noted whose folder was."""
    from loki_bench.audit.reproduction import folder_of
    from loki_bench.records.data_places import data_places, places_of
    from loki_bench.suite.suite import load_suite

    found: dict[str, Path] = {}
    if (folder := options.get("leaderboard")) is not None and folder.is_dir():
        found |= data_places(folder)
    elif (cell := options.get("cell")) is not None:  # another suite's file may have the same name
        found |= data_places(folder_of(cell, options["results"])[0])
    if (suite := options.get("suite")) is not None:
        parameters = load_suite(suite).dataset.parameters
        found |= {name: Path(path) for name, path in places_of(parameters).items()}
    return found


def every_column_option(command: F) -> F:
    """The whole table instead of what fits the terminal."""
    return click.option(
        "--all", "every_column", is_flag=True, help="Print every row and column, however wide."
    )(command)


def as_json_option(command: F) -> F:
    """Answer for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)


def named_value(text: str) -> tuple[str, Any]:
    """``name=value`` of ``--set``, the value read as TOML reads it; anything else is a word.

    A shell takes quotes away, so nothing behind ``=`` is the empty word that ``name=""`` asks for.
    """
    from datetime import date, time

    from loki_bench.suite.toml_tables import given_toml
    from loki_bench.suite.usable_values import refuse_unusable

    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--set '{text}': expected NAME=VALUE, such as epochs=10")
    if len(name) > LONGEST_KEY:
        raise UsageError(f"--set: expected a name of at most {LONGEST_KEY} letters")
    try:
        content = given_toml(f"value = {value}")
    except ValueError:  # no TOML, or lists in lists without end: a word
        content = {"value": value}
    found = content["value"] if len(content) == 1 else value
    if isinstance(found, (date, time)):  # such a value is a file's name or a time in a data file
        found = value
    try:
        refuse_unusable(found)
    except ValueError as error:
        raise UsageError(f"--set {name}: {error}, got {value[:80]!r}") from error
    return name, found


def registry_from(disabled: tuple[str, ...], strict: bool) -> Registry:
    """Discover plugins as the options say, and name on standard error those that are skipped."""
    registry = installed_plugins(disabled=disabled, strict=strict)
    for plugin in registry.broken:
        tell(f"skipped {plugin}")
    return registry
