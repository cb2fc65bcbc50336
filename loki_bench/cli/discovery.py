"""``plugins`` and ``suites``: what is installed. None of it imports torch."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import click

from loki_bench.cli.options import as_json_option, plugin_options
from loki_bench.cli.tables import described, print_table, text_width
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.target_facts import ParameterInfo

__all__ = ["plugins", "suites"]

INDENT = " " * 6


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
        found = [described(component) for component in registry.components()]
        left_out = [asdict(plugin) for plugin in registry.broken]
        click.echo(json.dumps({"components": found, "left_out": left_out}, indent=1))
        return
    print_table(
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
    if as_json:
        shown = [
            described(c) | {"parameters": [str(one) for one in c.spec.parameters().values()]}
            for c in found
        ]
        click.echo(json.dumps(shown, indent=1))
        return
    for component in found:
        parameters = list(component.spec.parameters().values())
        for key, value in described(component).items():
            if value not in ("", [], (), {}):
                click.echo(f"{key:<12} {value}")
        _show_parameters(parameters)


def _show_parameters(parameters: Sequence[ParameterInfo]) -> None:
    """In one line, or each with what the docstring says of it."""
    if not any(one.about for one in parameters):
        click.echo(f"{'parameters':<12} {'; '.join(map(str, parameters)) or 'none'}")
        return
    click.echo("parameters")
    for one in parameters:
        click.echo(f"  {one}")
        if one.about:
            click.echo(
                textwrap.fill(
                    one.about,
                    width=text_width(),
                    initial_indent=INDENT,
                    subsequent_indent=INDENT,
                    break_on_hyphens=False,
                )
            )


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
        print_table(found)


@suites.command("show")
@click.argument("name")
def suites_show(name: str) -> None:
    r"""Print a suite as it is written, to copy or to change.

    NAME is the name of a suite in the package, or a path that ends in .toml.

    \b
    Example: loki-bench suites show quick
    """
    from loki_bench.suite.suite import load_suite, suite_file

    load_suite(name)  # says what is wrong with it, if anything is
    click.echo(suite_file(name).read_text("utf-8"), nl=False)


@suites.command("schema")
def suites_schema() -> None:
    r"""Print the JSON Schema of suites, for an editor that checks TOML.

    \b
    Example: loki-bench suites schema
    """
    from loki_bench.suite.json_schema import suite_schema

    click.echo(json.dumps(suite_schema(), indent=1))


def _unknown(registry: Registry, name: str) -> Exception:
    from loki_bench.errors import UnknownComponentError
    from loki_bench.plugins.specs import nearest

    names = sorted({component.spec.name for component in registry.components()})
    return UnknownComponentError(
        f"no plugin declares '{name}'{nearest(name, names)}; `loki-bench plugins list` lists all"
    )
