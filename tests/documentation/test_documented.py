"""Nothing public is without its documentation: the sources that the reference is written from."""

import ast
import dataclasses
import importlib
import inspect
import re
import types
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from markdown_pages import DOCS
from pydantic import BaseModel

from loki_bench import contracts
from loki_bench.cli.main import cli
from loki_bench.errors import LokiBenchError
from loki_bench.fidelity.suite import FidelitySuite
from loki_bench.plugins import hookspecs
from loki_bench.plugins.registry import HOOKS
from loki_bench.suite.suite import Suite

MODULES = [
    f"loki_bench.{name}"
    for name in (
        "contracts",
        "errors",
        "interactions",
        "plugins.hookspecs",
        "plugins.search_space",
        "plugins.specs",
        "ranking",
        "seeds",
        "split",
        "testing",
    )
]
NAMES = [(module, name) for module in MODULES for name in importlib.import_module(module).__all__]
REFERENCE = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))

# --------------------------------------------------------------------------- the plugin API


def _own_methods(owner):
    """A class's public methods and properties that it defines itself, as functions."""
    for name, value in vars(owner).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(function):
            yield name, function


def _text_below(module, name):
    """The string below the assignment of a constant, which Sphinx takes for its docstring."""
    found = importlib.import_module(module)
    source = Path(inspect.getsourcefile(found))
    body = ast.parse(source.read_text()).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ImportFrom) and name in [a.name for a in statement.names]:
            return _text_below(statement.module, name)
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if name in [getattr(target, "id", None) for target in targets]:
            value = getattr(following, "value", None)
            return value.value if isinstance(value, ast.Constant) else None
    return None


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(n) for n in NAMES])
def test_a_public_name_has_a_docstring_and_so_have_its_methods(module, name):
    thing = getattr(importlib.import_module(module), name)
    is_alias = isinstance(thing, types.GenericAlias)  # which Python 3.10 calls a class
    if not is_alias and (inspect.isclass(thing) or inspect.isfunction(thing)):
        # the signature that dataclasses put where there is no docstring is none
        assert thing.__doc__
        assert not thing.__doc__.startswith(f"{name}(")
        if inspect.isclass(thing):
            assert [
                method for method, function in _own_methods(thing) if not function.__doc__
            ] == []
    else:
        assert _text_below(module, name)


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(n) for n in NAMES])
def test_every_field_of_a_spec_or_view_is_described(module, name):
    thing = getattr(importlib.import_module(module), name)
    if not dataclasses.is_dataclass(thing):
        return
    described: set[str] = set()
    for owner in thing.__mro__:
        _, _, attributes = (owner.__doc__ or "").partition("Attributes\n")
        for names in re.findall(r"^ *([\w, ]+?)(?: : .*)?$", attributes, re.MULTILINE):
            described |= {part.strip() for part in names.split(",")}
    assert {field.name for field in dataclasses.fields(thing)} - described == set()


CONTRACT_METHODS = [
    (owner, name)
    for owner in contracts.__all__
    if inspect.isabstract(getattr(contracts, owner))
    for name, function in _own_methods(getattr(contracts, owner))
]


@pytest.mark.parametrize(
    ("owner", "name"), CONTRACT_METHODS, ids=[".".join(m) for m in CONTRACT_METHODS]
)
def test_a_contract_states_shapes_and_errors(owner, name):
    value = vars(getattr(contracts, owner))[name]
    function = value.fget if isinstance(value, property) else value
    text, signature = inspect.getdoc(function), str(inspect.signature(function))
    if re.search(r"ndarray|Tensor|Sequences|TrainingSamples|FactorTerm|Tables", signature):
        assert re.search(r"\bshapes?\b", text), "no shape"
    if getattr(value, "__isabstractmethod__", False) and not isinstance(value, property):
        assert re.search(r"^Raises\n-+\n\w+\n +\S", text, re.MULTILINE), "no errors"


def test_contracts_are_looked_at():
    found = {owner for owner, _ in CONTRACT_METHODS}
    assert {"Recommender", "Attacker", "Defense", "InfluenceEstimator", "DatasetLoader"} <= found


# --------------------------------------------------------------------------- reference pages


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_plugin_api_has_its_place_in_the_reference(module):
    assert f".. automodule:: {module}\n   :members:" in REFERENCE


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_what_its_targets_are_and_stands_in_the_reference(hook):
    assert "target is a" in getattr(hookspecs, hook).__doc__
    listed = re.search(r"automodule:: loki_bench.plugins.hookspecs\n +:members: (.*)", REFERENCE)
    assert hook in listed[1].split(", ")


def test_every_error_stands_in_the_tree_of_its_module():
    from loki_bench import errors

    drawn = set(re.findall(r"\w+Error", errors.__doc__))
    assert drawn == set(errors.__all__)
    assert all(issubclass(getattr(errors, name), LokiBenchError) for name in drawn)


# --------------------------------------------------------------------------- suites


def _tables(model, found=None):
    """The model and every model that a key of it holds."""
    found = {} if found is None else found
    if model not in found:
        found[model] = None
        for field in model.model_fields.values():
            for table in _models_in(field.annotation):
                _tables(table, found)
    return list(found)


def _models_in(annotation: Any):
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


KEYS = [
    (table, key)
    for table in dict.fromkeys([*_tables(Suite), *_tables(FidelitySuite)])
    for key in table.model_fields
]


@pytest.mark.parametrize(("table", "key"), KEYS, ids=[f"{t.__name__}.{k}" for t, k in KEYS])
def test_a_suite_key_says_what_it_means(table, key):
    assert len(str(table.model_fields[key].description or "").split()) > 1
    assert table.__doc__


def test_the_keys_of_both_kinds_of_suite_are_looked_at_and_in_the_reference():
    names = {(table.__name__, key) for table, key in KEYS}
    assert {("Suite", "seeds"), ("Choice", "influence"), ("DesignTable", "length")} <= names
    for model in (Suite, FidelitySuite):
        assert f"{{suite-keys}} {model.__module__}:{model.__name__}" in REFERENCE


# --------------------------------------------------------------------------- command line


def _commands(command, path=("loki-bench",)):
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*path, name))


COMMANDS = list(_commands(cli))
by_path = pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS]
)


@by_path
def test_a_command_says_what_it_does_and_gives_an_example(path, command):
    assert len(command.help.splitlines()[0].split()) > 2
    assert f"\n\b\nExample: {' '.join(path)}" in inspect.cleandoc(command.help)


@by_path
def test_every_option_has_a_help_text(path, command):
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.opts for o in options if not o.help and "--version" not in o.opts] == []


@by_path
def test_every_argument_is_explained_by_name(path, command):
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    assert [a.name for a in arguments if a.name.upper() not in command.help] == []


def test_the_reference_is_written_from_the_whole_command_line():
    assert ".. click:: loki_bench.cli.main:cli\n   :prog: loki-bench\n   :nested: full" in REFERENCE
