"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry, discover

__all__ = [
    "as_json_option",
    "named_value",
    "plugin_options",
    "processors",
    "registry_from",
    "results_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def plugin_options(command: F) -> F:
    """Which plugins may take part."""
    command = click.option(
        "--disable-plugin",
        "disabled",
        multiple=True,
        metavar="NAME",
        help="Leave out a plugin, by entry point or distribution name. May be repeated.",
    )(command)
    return click.option(
        "--strict-plugins", is_flag=True, help="Fail if any installed plugin is broken."
    )(command)


def results_option(command: F) -> F:
    """Where results are kept."""
    return click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        show_default=True,
        help="Folder of results; each suite has a folder of its own in it.",
    )(command)


def as_json_option(command: F) -> F:
    """Answer for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)


def named_value(text: str) -> tuple[str, Any]:
    """``name=value`` of ``--set``, the value read as TOML reads it; anything else is a word."""
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise UsageError(f"--set '{text}': expected NAME=VALUE, such as epochs=10")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def registry_from(disabled: tuple[str, ...], strict: bool) -> Registry:
    """Discover plugins as the options say, and name on standard error those left out."""
    registry = discover(disabled=disabled, strict=strict)
    for plugin in registry.broken:
        click.echo(f"loki-bench: left out: {plugin}", err=True)
    return registry


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
