"""Editors take every suite of the package by the schema, and mark what a suite may not say."""

import jsonschema
import pytest

from loki_bench.suite.json_schema import suite_schema
from loki_bench.suite.suite import packaged_suites
from loki_bench.suite.toml_tables import given_toml


def faults(content):
    judge = jsonschema.Draft202012Validator(suite_schema())
    return [list(error.path) for error in judge.iter_errors(content)]


@pytest.mark.parametrize("name", sorted(packaged_suites()))
def test_a_suite_of_the_package_is_valid(name):
    assert faults(given_toml(packaged_suites()[name])) == []


def test_a_wrong_value_and_an_unknown_key_are_marked():
    content = given_toml(packaged_suites()["quick"])
    assert faults({**content, "seeds": ["first"]}) == [["seeds"]]
    assert faults({**content, "attackrs": []}) == [[]]
