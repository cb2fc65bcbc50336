"""Tables are written again from records, and nothing else of a folder changes."""

import shutil

import pytest
from click.testing import CliRunner

from loki_bench.audit.hashes import check_hashes
from loki_bench.audit.rewriting import rewrite
from loki_bench.cli.power import power
from loki_bench.cli.report import rewrite as command
from loki_bench.cli.spread import spread
from loki_bench.errors import StoreError, UsageError
from loki_bench.records.manifest import list_files
from loki_bench.records.store import Store


@pytest.fixture
def folder(tmp_path, original):
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    return copy


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_table_of_another_release_is_written_as_this_one_does(folder):
    before = contents(folder)
    path = folder / "leaderboard.md"
    path.write_text("as an older release wrote it", "utf-8")
    list_files(Store(folder, warn=print), ["leaderboard.md"])
    assert rewrite(folder) == ["leaderboard.md"]
    assert contents(folder) == before
    assert not check_hashes(folder)[0].problems


def test_the_command_says_what_changed(folder):
    done = CliRunner().invoke(command, [str(folder)], standalone_mode=False)
    assert done.output == f"{folder}: nothing changed\n"


def test_a_submitted_file_is_its_authors(tmp_path):
    path = tmp_path / "rows.zip"
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="expected the folder of a leaderboard"):
        rewrite(path)


def test_power_lists_pairs_and_refuses_names_that_the_table_lacks(folder):
    done = CliRunner().invoke(power, [str(folder), "--difference", "0.1"], standalone_mode=False)
    assert done.exception is None, done.exception
    assert done.output.split()[:3] == ["where", "pair", "difference"]
    done = CliRunner().invoke(power, [str(folder), "nobody"], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "those that are: asks-surrogates, none, random" in str(done.exception)


def test_spread_has_a_line_for_each_row_with_ranks(folder):
    done = CliRunner().invoke(spread, [str(folder), "--cutoff", "5"], standalone_mode=False)
    assert done.exception is None, done.exception
    assert "two levels" in done.output.splitlines()[0]
    assert any(line.startswith("none on ") for line in done.output.splitlines())
    shutil.rmtree(folder / "artefacts")
    done = CliRunner().invoke(spread, [str(folder)], standalone_mode=False)
    assert isinstance(done.exception, StoreError)
