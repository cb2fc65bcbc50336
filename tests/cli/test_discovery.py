"""Suites can be printed, to copy or to check by an editor."""

import json

from click.testing import CliRunner

from loki_bench.cli.main import cli
from loki_bench.suite.suite import packaged_suites


def test_a_suite_is_shown_as_it_is_written():
    shown = CliRunner().invoke(cli, ["suites", "show", "quick"])
    assert (shown.exit_code, shown.output) == (0, packaged_suites()["quick"])


def test_the_schema_is_json_and_names_the_keys():
    shown = CliRunner().invoke(cli, ["suites", "schema"])
    assert {"name", "seeds", "victims"} <= set(json.loads(shown.output)["properties"])
