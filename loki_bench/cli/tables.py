"""Print components and other rows as plain tables, or as what JSON can hold."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from loki_bench.plugins.registry import Component

__all__ = ["described", "print_table", "text_width"]


def described(component: Component) -> dict[str, Any]:
    """A component's spec and where it came from."""
    fields = {"kind": component.spec.kind, **asdict(component.spec)}
    del fields["target_facts"]
    fields = {k: sorted(v) if isinstance(v, frozenset) else v for k, v in fields.items()}
    return {
        **fields,
        "distribution": component.origin.distribution,
        "version": component.origin.version,
    }


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows with their columns aligned."""
    from tabulate import tabulate

    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))


def text_width() -> int:
    """Letters in a line of running text: the terminal's, from 40 to 100."""
    return max(40, min(100, shutil.get_terminal_size().columns))
