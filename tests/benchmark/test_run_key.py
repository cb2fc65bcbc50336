"""Runs under a key: drawn once for a folder, gone on under, published in records, repeated."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from workers_here import Here

from loki_bench.benchmark import run_key
from loki_bench.benchmark.run_key import draw_key, under_fresh_key, under_key
from loki_bench.cli.grid import run as run_command
from loki_bench.cli.grid import status as status_command
from loki_bench.errors import StoreError, SuiteError, UsageError
from loki_bench.plugins.registry import discover
from loki_bench.suite.suite import load_suite

KEY = "00112233445566778899aabbccddeeff"


def contents(folder):
    return {p.name: p.read_bytes() for p in (folder / "records").glob("*.json")}


def test_a_fresh_run_has_its_own_folder_and_publishes_its_key_in_records_and_table(open_toy):
    public, fresh = open_toy(), open_toy(fresh=True)
    assert fresh.suite.name == fresh.folder.name == "toy-fresh"
    assert not {c.id for c in public.cells} & {c.id for c in fresh.cells}
    board = fresh.run(Here(), progress=False)
    key = fresh.run_key
    assert len(bytes.fromhex(key)) == 16
    assert {
        json.loads(text)["cell"]["protocol"]["key"] for text in contents(fresh.folder).values()
    } == {key}
    assert board.tables[0].about["seeds"] == f"fresh key {key}"
    assert f"- seeds: fresh key {key}" in (fresh.folder / "leaderboard.md").read_text()
    assert f"Seeds: fresh key {key}." in str(board)
    assert not board.tables[0].not_ranked


def test_the_same_command_goes_on_under_the_same_key_and_another_folder_has_another(
    open_toy, suite_file, tmp_path
):
    fresh = open_toy(fresh=True)
    fresh.compute(fresh.cells[:3], Here(), progress=False)
    again = open_toy(fresh=True)
    assert again.run_key == fresh.run_key
    assert len(again.missing()) == len(again.cells) - 3
    assert open_toy(fresh=False).run_key == fresh.run_key  # as status, plan and leaderboard ask
    elsewhere = under_fresh_key(load_suite(str(suite_file)), tmp_path / "elsewhere")
    assert elsewhere.protocol.key != fresh.run_key


def test_the_key_is_kept_for_its_owner_alone_and_is_not_published(open_toy):
    fresh = open_toy(fresh=True)
    file = fresh.folder / "work" / "run-key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == f"{fresh.run_key}\n"
    assert [p.name for p in file.parent.iterdir()] == ["run-key"]
    fresh.run(Here(), progress=False)
    manifest = (fresh.folder / "manifest.json").read_text()
    assert "run-key" not in manifest


def test_of_two_runs_that_draw_at_once_the_first_ones_key_is_kept(
    suite_file, tmp_path, monkeypatch
):
    suite = load_suite(str(suite_file))
    first = under_fresh_key(suite, tmp_path).protocol.key
    file = tmp_path / "toy-fresh" / "work" / "run-key"
    monkeypatch.setattr(run_key, "draw_key", lambda: KEY)
    assert run_key._put_down(file.parents[1], KEY) == first
    assert under_fresh_key(suite, tmp_path).protocol.key == first


def test_anyone_repeats_a_fresh_run_byte_for_byte_under_its_key(open_toy):
    fresh = open_toy(fresh=True)
    fresh.run(Here(), progress=False)
    repeated = open_toy(key=fresh.run_key)
    assert repeated.folder != fresh.folder
    repeated.run(Here(), progress=False)
    assert contents(repeated.folder) == contents(fresh.folder)


def test_targets_and_every_roles_seed_follow_from_the_key(open_toy):
    public, one, other = open_toy(), open_toy(key=KEY), open_toy(key=draw_key())
    goals = [b.goal(0).items.tolist() + b.goal(0).users.tolist() for b in (public, one, other)]
    assert goals[0] != goals[1] != goals[2]
    assert np.array_equal(open_toy(key=KEY).goal(0).items, one.goal(0).items)


def test_a_part_of_a_fresh_run_is_under_its_key(open_toy):
    fresh = open_toy(fresh=True)
    part = fresh.part(attackers=["random"], seeds=[1])
    assert part.whole is fresh
    assert {cell.key for cell in part.cells} == {fresh.run_key}


def test_what_is_no_key_is_refused_in_a_sentence(open_toy, suite_file, tmp_path):
    for text in ("", "xyz", KEY.upper(), KEY[:-1], f"{KEY}\n"):
        with pytest.raises(SuiteError, match="is no run key; expected 32 hexadecimal digits"):
            under_key(load_suite(str(suite_file)), text)
    with pytest.raises(UsageError, match="a fresh run draws its key"):
        open_toy(key=KEY, fresh=True)
    with pytest.raises(SuiteError, match=r"has no fresh run in .*: `run` it with --fresh first"):
        open_toy(fresh=False)
    file = tmp_path / "results" / "toy-fresh" / "work" / "run-key"
    file.parent.mkdir(parents=True)
    file.write_text("rubbish")
    with pytest.raises(SuiteError, match=r"holds no run key.*Delete that file alone"):
        open_toy(fresh=True)


def test_a_key_that_was_lost_with_the_work_folder_is_taken_from_the_records(open_toy):
    fresh = open_toy(fresh=True, victims=["counts"], seeds=[0])
    fresh.compute(fresh.cells[:1], Here(), progress=False)
    key, file = fresh.run_key, fresh.folder / "work" / "run-key"
    shutil.rmtree(file.parent)
    assert open_toy(fresh=False).run_key == key
    assert not file.exists()
    assert open_toy(fresh=True).run_key == key
    assert file.read_text() == f"{key}\n"


def test_records_of_two_keys_are_not_gone_on_with_by_chance(open_toy):
    one, other = open_toy(fresh=True), open_toy(key=KEY)
    for benchmark in (one, other):
        benchmark.compute(benchmark.cells[:1], Here(), progress=False)
    [record] = (other.folder / "records").iterdir()
    shutil.copy(record, one.folder / "records")
    assert open_toy(fresh=True).run_key == one.run_key
    shutil.rmtree(one.folder / "work")
    with pytest.raises(SuiteError, match=r"records of 2 run keys.*write the one there"):
        open_toy(fresh=True)


def test_a_key_that_can_not_be_read_or_written_is_told_in_a_sentence(
    open_toy, suite_file, tmp_path, monkeypatch
):
    def closed(path, **bounds):
        raise PermissionError(13, "Permission denied")

    fresh = open_toy(fresh=True)
    with monkeypatch.context() as patched:
        patched.setattr(run_key, "read_regular", closed)
        with pytest.raises(SuiteError, match=r"can't read the run key .*Permission denied.*alone"):
            open_toy(fresh=True)
        patched.setattr(run_key, "_published", lambda folder: fresh.run_key)
        assert open_toy(fresh=True).run_key == fresh.run_key
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't write .*run-key.*--results"):
        under_fresh_key(load_suite(str(suite_file)), tmp_path / "file")


def test_a_name_that_is_too_long_for_an_ending_is_cut_and_told_by_a_digest(open_toy):
    one, other = open_toy(name="n" * 100), open_toy(name="n" * 99 + "m")
    names = {benchmark.part(seeds=[7]).suite.name for benchmark in (one, other)}
    for long in (one, other):
        names.add(under_key(long.suite, KEY).name)
        names.add(under_fresh_key(long.suite, long.folder.parent).name)
    assert len(names) == 6
    assert {len(name) for name in names} == {100}
    assert open_toy(name="n" * 88).part(seeds=[7]).suite.name.startswith("n" * 88 + "-part-")


def test_commands_know_of_keys(suite_file, tmp_path):
    registry = discover()

    def said(command, *arguments):
        options = [str(suite_file), "--results", str(tmp_path / "out"), *arguments]
        return CliRunner().invoke(command, options, obj=registry)

    result = said(run_command, "--fresh", "--shard", "1/2")
    assert isinstance(result.exception, UsageError)
    result = said(status_command, "--fresh")
    assert isinstance(result.exception, SuiteError)
    result = said(status_command, "--key", KEY)
    assert f"toy-key-{KEY[:8]}: 12 cells: 12 missing" in result.output
