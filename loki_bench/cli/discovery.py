"""``plugins``, ``suites`` and ``datasets``: what is installed. None of it imports torch."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from loki_bench.cli.options import as_json_option, plugin_options
from loki_bench.plugins.registry import Component, Registry

__all__ = ["datasets", "plugins", "suites"]


@click.group()
def plugins() -> None:
    r"""Show the installed components.

    \b
    Example: loki-bench plugins list
    """


@plugins.command("list")
@plugin_options
@as_json_option
def plugins_list(registry: Registry, as_json: bool) -> None:
    r"""List every component and where it came from.

    \b
    Example: loki-bench plugins list --json
    """
    if as_json:
        found = [_described(component) for component in registry.components()]
        left_out = [asdict(plugin) for plugin in registry.broken]
        click.echo(json.dumps({"components": found, "left_out": left_out}, indent=1))
        return
    _print_table(
        [(c.spec.kind, c.spec.name, str(c.origin), c.spec.summary) for c in registry.components()]
    )


@plugins.command("show")
@click.argument("name")
@plugin_options
@as_json_option
def plugins_show(name: str, registry: Registry, as_json: bool) -> None:
    r"""Show one component: where it came from and the parameters that it takes.

    NAME is the name of a component, as `plugins list` shows it.

    \b
    Example: loki-bench plugins show covisit
    """
    found = [c for c in registry.components() if c.spec.name == name]
    if not found:
        raise _unknown(registry, name)
    described = [
        _described(c)
        | {"parameters": [str(parameter) for parameter in c.spec.parameters().values()]}
        for c in found
    ]
    if as_json:
        click.echo(json.dumps(described, indent=1))
        return
    for component in described:
        parameters = component.pop("parameters")
        for key, value in component.items():
            if value not in ("", []):
                click.echo(f"{key:<12} {value}")
        click.echo(f"{'parameters':<12} {'; '.join(parameters) or 'none'}")


@click.group()
def suites() -> None:
    r"""Show the suites in the package.

    \b
    Example: loki-bench suites list
    """


@suites.command("list")
@as_json_option
def suites_list(as_json: bool) -> None:
    r"""List the suites that can be run by name.

    \b
    Example: loki-bench suites list
    """
    from loki_bench.suite.suite import load_suite, packaged_suites

    found = [(name, load_suite(name).summary) for name in packaged_suites()]
    if as_json:
        click.echo(json.dumps([{"name": n, "summary": s} for n, s in found], indent=1))
    else:
        _print_table(found)


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
        click.echo(json.dumps([_described(component) for component in found], indent=1))
    else:
        _print_table([(c.spec.name, c.spec.summary) for c in found])


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
    _, text = _loaded(name, registry, download=True)
    click.echo(text)


@datasets.command("show")
@click.argument("name")
@plugin_options
@as_json_option
def datasets_show(name: str, registry: Registry, as_json: bool) -> None:
    r"""Read a dataset from this machine and show its size and fingerprint.

    NAME is the name of a dataset, as `datasets list` shows it.

    \b
    Example: loki-bench datasets show ml-100k
    """
    used, text = _loaded(name, registry, download=False)
    click.echo(json.dumps(used, indent=1) if as_json else text)


def _loaded(name: str, registry: Registry, *, download: bool) -> tuple[dict[str, Any], str]:
    from loki_bench.suite.resolve import load_dataset
    from loki_bench.suite.suite import Choice

    used, _ = load_dataset(Choice(name=name), registry, download=download)
    text = (
        f"{name}: {used.n_users} users, {used.n_items} items, {used.n_events} events\n"
        f"fingerprint {used.fingerprint}"
    )
    return used.model_dump(mode="json"), text


def _described(component: Component) -> dict[str, Any]:
    fields = {"kind": component.spec.kind, **asdict(component.spec)}
    fields = {k: sorted(v) if isinstance(v, frozenset) else v for k, v in fields.items()}
    return {
        **fields,
        "distribution": component.origin.distribution,
        "version": component.origin.version,
    }


def _unknown(registry: Registry, name: str) -> Exception:
    from loki_bench.errors import UnknownComponentError
    from loki_bench.plugins.specs import nearest

    names = sorted({component.spec.name for component in registry.components()})
    return UnknownComponentError(
        f"no plugin declares '{name}'{nearest(name, names)}; `loki-bench plugins list` lists all"
    )


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    from tabulate import tabulate

    click.echo(tabulate(rows, tablefmt="plain", disable_numparse=True))
