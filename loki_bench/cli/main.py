"""``loki-bench``: the group of commands, and what the process answers when something is wrong."""

import io
import sys
from pathlib import Path
from typing import NoReturn

import click

from loki_bench import __version__
from loki_bench.cli.audit import compare, reproduce, verify
from loki_bench.cli.check import check
from loki_bench.cli.datasets import datasets
from loki_bench.cli.discovery import plugins, suites
from loki_bench.cli.fidelity import fidelity
from loki_bench.cli.grid import leaderboard, merge, plan, run, status
from loki_bench.cli.new import new
from loki_bench.cli.poison import poison
from loki_bench.cli.power import power
from loki_bench.cli.report import claims, figures, report, rewrite
from loki_bench.cli.site import site
from loki_bench.cli.spread import spread
from loki_bench.cli.submission import accept, publish, sign, submit
from loki_bench.cli.tune import tune
from loki_bench.errors import LokiBenchError, UsageError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="loki-bench")
def cli() -> None:
    r"""Benchmark data-poisoning attacks on next-item recommenders.

    \b
    Example: loki-bench run quick

    Exit status: 0 done, 1 some cells were rejected, failed or ran out of time,
    2 the request was wrong, 130 stopped with Ctrl-C.
    """


COMMANDS = (
    run,
    status,
    leaderboard,
    merge,
    report,
    figures,
    claims,
    rewrite,
    site,
    power,
    spread,
    plan,
    verify,
    reproduce,
    compare,
    publish,
    sign,
    submit,
    accept,
    poison,
    tune,
    fidelity,
    new,
    check,
    plugins,
    suites,
    datasets,
)

for command in COMMANDS:
    cli.add_command(command)


def _mark_examples(command: click.Command) -> None:
    r"""Turn the ``\b`` of raw docstrings into click's mark of a paragraph not to be wrapped."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _mark_examples(subcommand)


_mark_examples(cli)


LONGEST = 1000


def _cut(text: str) -> str:
    """A message with its middle left out where it fills the screen: names may have any length."""
    left = len(text) - LONGEST
    half = LONGEST // 2
    return text if left <= 0 else f"{text[:half]} [{left} letters] {text[-half:]}"


def _has_home() -> bool:
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        if any("\0" in argument for argument in sys.argv):
            raise UsageError("an argument holds a null character, which no name and no path can")
        status = cli(standalone_mode=False)
    except LokiBenchError as error:
        click.echo(f"loki-bench: {_cut(str(error))}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        click.echo(_cut(said.getvalue()), err=True, nl=False)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):  # the first is a RuntimeError, too
        click.echo("loki-bench: stopped", err=True)
        sys.exit(130)
    except RuntimeError as error:
        if _has_home():
            raise
        click.echo(
            f"loki-bench: this user has no home folder ({error}): set HOME to a folder that can be "
            "written to, where caches are kept",
            err=True,
        )
        sys.exit(2)
    except BrokenPipeError:  # `loki-bench ... | head`
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)
