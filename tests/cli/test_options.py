"""What commands make of the options that they share."""

import click
import pytest
from click.testing import CliRunner

from loki_bench.cli import options
from loki_bench.cli.main import cli
from loki_bench.cli.options import named_value, recompute_options, timeout_option
from loki_bench.errors import UsageError


@click.command()
@timeout_option
def timed(timeout):
    click.echo(timeout)


@pytest.mark.parametrize(
    ("arguments", "seconds", "said"),
    [
        ([], "3600.0", ""),
        (["--timeout", "5"], "5.0", ""),
        (["--seconds", "7"], "7.0", "loki-bench: --seconds is now --timeout"),
    ],
)
def test_a_timeout_has_an_old_name_that_is_still_taken(arguments, seconds, said):
    done = CliRunner().invoke(timed, arguments)
    assert done.stdout == f"{seconds}\n"
    assert done.stderr.startswith(said)
    assert bool(done.stderr) == bool(said)


@pytest.mark.parametrize("command", ["verify", "reproduce", "accept", "tune"])
def test_help_shows_the_new_name_alone(command):
    shown = CliRunner().invoke(cli, [command, "--help"]).output
    assert "--timeout" in shown
    assert "--seconds" not in shown


def test_a_timeout_of_nothing_is_refused():
    done = CliRunner().invoke(timed, ["--timeout", "0"])
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", ("a", 1)),
        ("a=1.5", ("a", 1.5)),
        ('a="1"', ("a", "1")),
        ("a=word", ("a", "word")),
        ('a=""', ("a", "")),
        ("a=", ("a", "")),  # what a shell leaves of a=""
        ("a= ", ("a", " ")),
        ("a=b=c", ("a", "b=c")),
        ("a=2014-01-31", ("a", "2014-01-31")),
    ],
)
def test_a_value_is_read_as_toml_or_is_a_word(text, expected):
    assert named_value(text) == expected


@pytest.mark.parametrize("text", ["", "a", "=1", "="])
def test_what_names_nothing_is_refused(text):
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        named_value(text)


def test_recompute_options_become_an_opening(monkeypatch):
    told = {}
    monkeypatch.setattr(options, "registry_from", lambda disabled, strict: (disabled, strict))
    monkeypatch.setattr(
        "loki_bench.audit.replay.opening",
        lambda registry, **given: told.update(given, registry=registry),
    )

    @click.command()
    @recompute_options
    def audits(registry, opened):
        click.echo("done")

    asked = ["--workers", "3", "--timeout", "9", "--dataset-path", "x.csv", "--offline"]
    done = CliRunner().invoke(audits, [*asked, "--disable-plugin", "a", "--strict-plugins"])
    assert done.output == "done\n"
    assert (told["n_workers"], told["seconds"], told["download"]) == (3, 9.0, False)
    assert str(told["dataset_path"]) == "x.csv"
    assert told["registry"] == (("a",), True)


def numbers_of(group, path=()):
    """Every option that takes a number with a point, and the command that it belongs to."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from numbers_of(command, (*path, command.name))
        for option in command.params:
            if isinstance(option.type, click.FloatRange | click.types.FloatParamType):
                yield pytest.param(option, id=" ".join((*path, command.name, option.opts[0])))


@pytest.mark.parametrize("option", list(numbers_of(cli)))
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_no_option_takes_what_is_no_finite_number(option, value):
    with pytest.raises(click.BadParameter):
        option.type.convert(value, option, None)
