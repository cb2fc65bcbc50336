"""Code in the documentation runs, its suites load, and its commands are those that there are."""

import csv
import re
import shlex
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from functools import partial

import click
import pytest
from click.testing import CliRunner
from markdown_pages import (
    PAGES,
    ROOT,
    blocks_of,
    commands_in,
    files_of,
    inline_commands_of,
    named,
)
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from workers_here import opened_here

from loki_bench import Benchmark
from loki_bench.cli.main import cli
from loki_bench.engine.workers import LocalWorkers
from loki_bench.fidelity.suite import FidelitySuite
from loki_bench.suite.suite import Suite

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

every_page = pytest.mark.parametrize("page", PAGES, ids=named)

# --------------------------------------------------------------------------- Python


def _python_examples(page):
    """The page's Python examples in order, but for those that are files of a plugin."""
    files = set(files_of(page).values())
    examples = Sybil(parsers=[PythonCodeBlockParser()]).parse(page)
    return [example for example in examples if str(example.parsed) not in files]


SMALLER = {
    "README.md": {
        "seeds": [0],
        "victims": ["bprmf"],
        "attackers": ["none", "covisit"],
        "integrity_rows": False,
        "isolation": "in-process",
    },
    "docs/how-to/python.md": {"isolation": "in-process"},
}
"""Changes of suite keys that make a page's runs short; the slow test runs them as they stand."""


@pytest.mark.parametrize("page", [p for p in PAGES if _python_examples(p)], ids=named)
def test_python_examples_run_one_after_the_other(page, install, tmp_path, monkeypatch):
    if "pyproject.toml" in files_of(page):
        install(page)
    else:
        beside(page, tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)  # results are written where an example runs
    opened = partial(Benchmark.open, **SMALLER.get(named(page), {}))
    monkeypatch.setattr(Benchmark, "open", opened)
    monkeypatch.setattr(LocalWorkers, "open", opened_here)
    for example in _python_examples(page):
        example.evaluate()  # in the namespace of its page
    if page.name == "README.md":
        assert example.namespace["frame"]["attacker"].tolist() == ["covisit", "none"]


def beside(page, folder, monkeypatch):
    """Write a page's modules into the working folder, where Python finds them."""
    for name, content in files_of(page).items():
        (folder / name).write_text(content)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.slow
def test_the_readmes_lines_of_python_are_a_script_that_runs_quick(tmp_path):
    [example] = _python_examples(ROOT / "README.md")
    lines = str(example.parsed)
    assert len([line for line in lines.splitlines() if line]) <= 5
    script = tmp_path / "quick.py"
    script.write_text(lines + "print(frame.to_csv(index=False))\n")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = list(csv.DictReader(done.stdout.splitlines()))
    assert len(found) == 26
    assert Counter(row["victim"] for row in found) == {"bprmf": 13, "fpmc": 13}
    assert all(float(row["n_seeds"]) == 5 for row in found)


def test_an_example_that_fails_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    first, second = _python_examples(page)
    first.evaluate()
    with pytest.raises(AssertionError):
        second.evaluate()


# --------------------------------------------------------------------------- TOML

LEAST = {
    "name": "least",
    "seeds": [0],
    "victims": ["bprmf"],
    "attackers": ["none"],
    "metrics": ["hr@10"],
    "dataset": "ml-100k",
}
TOML = [block for page in PAGES for block in blocks_of(page, "toml")]


@pytest.mark.parametrize("block", TOML, ids=str)
def test_toml_is_a_project_or_a_suite_or_keys_of_one(block):
    content = tomllib.loads(block.text)
    if "project" in content:
        assert content["project"]["entry-points"]["loki_bench"]
        return
    content = _without_parameter_files(content)
    if "estimators" in content:
        FidelitySuite.model_validate(content)
    elif "seeds" in content:
        Suite.model_validate(content)
    else:
        Suite.model_validate({**LEAST, **content})


def _without_parameter_files(content):
    """A file that `loki-bench tune` would have written stands for no parameters."""
    if isinstance(content, dict):
        return {
            key: {}
            if key == "parameters" and isinstance(value, str)
            else _without_parameter_files(value)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [_without_parameter_files(value) for value in content]
    return content


# --------------------------------------------------------------------------- commands

SHELL = [
    (str(block), command)
    for page in PAGES
    for block in blocks_of(page, "", "sh", "console")
    for command in commands_in(block.text)
    if command.startswith("loki-bench ")
]
INLINE = [(named(page), command) for page in PAGES for command in inline_commands_of(page)]
CHEAP = ("plugins", "suites", "datasets list", "--version", "--help")


@pytest.fixture
def any_path(monkeypatch):
    """Paths in examples need not exist."""
    for command in _commands(cli):
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                monkeypatch.setattr(parameter.type, "exists", False)


def _commands(command):
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _commands(below)


def _parse(arguments):
    """Let click read the arguments, and call nothing."""
    command, context = cli, None
    while isinstance(command, click.Group):
        if not arguments or arguments[0].startswith("-"):
            break
        found = command.get_command(context, arguments[0])
        if found is None:
            raise click.UsageError(f"no such command: {arguments[0]}")
        command, arguments = found, arguments[1:]
    if set(arguments) & {"--help", "-h", "--version"}:
        return
    command.make_context("loki-bench", list(arguments), parent=context)


def _arguments(command):
    # comments, and where a shell sends what is printed
    return shlex.split(re.sub(r"\s(#|>)\s.*", "", command), comments=True)[1:]


@pytest.mark.usefixtures("any_path")
@pytest.mark.parametrize(("where", "command"), SHELL, ids=[f"{w} {c}" for w, c in SHELL])
def test_a_command_in_a_shell_block_is_one_that_click_takes(where, command):
    _parse(_arguments(command))


@pytest.mark.usefixtures("any_path")
@pytest.mark.parametrize(("where", "command"), INLINE, ids=[f"{w} {c}" for w, c in INLINE])
def test_a_command_in_a_sentence_has_a_name_and_flags_that_there_are(where, command):
    with suppress(click.MissingParameter):  # `loki-bench submit` names the command and no more
        _parse([a for a in _arguments(command) if a != "..."])


@pytest.mark.parametrize(
    "wrong",
    ["run quick --wrokers 2", "rum quick", "run", "verify x --level nonsense", "plugins lst"],
)
def test_a_wrong_command_would_be_found(wrong):
    with pytest.raises(click.ClickException):
        _parse(shlex.split(wrong))


def _is_cheap(command):
    asked = " ".join(_arguments(command))
    return asked.startswith(CHEAP) and "..." not in asked and not asked.isupper()


@pytest.mark.parametrize("command", sorted({c for _, c in SHELL + INLINE if _is_cheap(c)}))
def test_a_cheap_command_runs(command):
    arguments = [a for a in _arguments(command) if a != "COMMAND"]
    if arguments[:2] in (["plugins", "show"], ["plugins", "list"]) and "NAME" in arguments:
        pytest.skip("a placeholder")
    answer = CliRunner().invoke(cli, arguments)
    assert answer.exit_code == 0, answer.output
    assert answer.output


# --------------------------------------------------------------------------- links


@every_page
def test_links_between_files_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []
