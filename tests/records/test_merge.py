"""Shards cover a grid exactly once, and merged they are the whole run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_records import with_value

from loki_bench.errors import StoreError, UsageError
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.records.merge import Shard, merge, parse_shard, refuse_conflicts
from loki_bench.records.store import Store


@given(n_cells=st.integers(0, 50), count=st.integers(1, 9))
def test_shards_cover_every_cell_once_and_in_order(n_cells, count):
    cells = list(range(n_cells))
    parts = [Shard(i + 1, count).of(cells) for i in range(count)]
    assert [cell for part in parts for cell in part] == cells
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_shard_is_written_i_of_n():
    assert parse_shard("2/5") == Shard(2, 5)


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "auto"])
def test_anything_else_is_refused(wrong):
    with pytest.raises(UsageError, match="expected i/n"):
        parse_shard(wrong)


def test_merged_shards_are_the_bytes_of_a_whole_run(prepared, tmp_path, run, files):
    suite = prepared(attackers=["none", "covisit", "raises"], victims=["counts", "follows"])
    whole, _ = run(suite, tmp_path / "whole")
    merged = Store(tmp_path / "merged", warn=print)
    for number in (3, 1, 2):
        cells = Shard(number, 3).of(suite.grid.cells)
        part, _ = run(suite, tmp_path / str(number), cells=cells)
        assert merge(suite.grid, merged, part)[0] == len(cells)
        assert merge(suite.grid, merged, part)[0] == 0
    assert files(merged) == files(whole)


def test_a_record_whose_ranks_are_damaged_is_not_merged(prepared, tmp_path, run):
    suite = prepared(attackers=["random"], seeds=[0])
    part, _ = run(suite, tmp_path / "part")
    [cell] = suite.grid.cells
    record = part.record(cell.id)
    ranks = part.folder / "artefacts" / "ranks" / f"{record.artefacts.ranks}.npz"
    ranks.write_bytes(ranks.read_bytes()[:100])
    merged = Store(tmp_path / "merged", warn=print)
    assert merge(suite.grid, merged, part) == (0, 0)
    assert not merged.folder.exists()


def test_a_damaged_record_is_not_merged(prepared, tmp_path, run):
    suite = prepared(attackers=["none"], seeds=[0])
    part, _ = run(suite, tmp_path / "part")
    [record] = (part.folder / "records").iterdir()
    record.write_text(record.read_text().replace('"ok"', '"OK"'))
    assert merge(suite.grid, Store(tmp_path / "merged", warn=print), part) == (0, 0)


def test_two_folders_that_differ_in_a_record_are_refused_and_both_named(prepared, tmp_path, run):
    suite = prepared(attackers=["none"], seeds=[0])
    one, _ = run(suite, tmp_path / "one")
    other, _ = run(suite, tmp_path / "other")
    refuse_conflicts(suite.grid, [one, other])
    [cell] = suite.grid.cells
    other.write_record(with_value(other.record(cell.id), "hr@5", 0.875))
    name = re.escape(f"records/{cell.id}.json")
    with pytest.raises(StoreError, match=f"one/{name} and .*other/{name} differ"):
        refuse_conflicts(suite.grid, [one, other])


def test_two_folders_that_differ_in_ranks_are_refused_and_both_named(prepared, tmp_path, run):
    suite = prepared(attackers=["none"], seeds=[0])
    one, _ = run(suite, tmp_path / "one")
    other, _ = run(suite, tmp_path / "other")
    [cell] = suite.grid.cells
    address = other.record(cell.id).artefacts.ranks
    ranks = other.read(VictimRanksCodec(), address)
    forged = type(ranks)(**{**vars(ranks), "target_ranks": ranks.target_ranks * 0 + 1})
    other.write(VictimRanksCodec(), address, forged)
    name = f"artefacts/ranks/{address}.npz"
    with pytest.raises(StoreError, match=f"one/{name} and .*other/{name} differ"):
        refuse_conflicts(suite.grid, [one, other])


def test_a_shard_can_not_name_a_file_outside_of_the_suites_folder(prepared, tmp_path, run):
    suite = prepared(attackers=["none"], seeds=[0])
    part, _ = run(suite, tmp_path / "part")
    [cell] = suite.grid.cells
    content = part.record(cell.id).to_json()
    address = content["artefacts"]["ranks"]
    content["artefacts"]["x_../../../../outside"] = address
    part.write_json("records", cell.id, content)
    outside = tmp_path / "outside" / f"{address}.npz"
    inside = part.folder / "artefacts" / "ranks" / f"{address}.npz"
    outside.parent.mkdir()
    outside.write_bytes(inside.read_bytes())
    merged = Store(tmp_path / "deep" / "merged", warn=print)
    assert merge(suite.grid, merged, part) == (0, 0)
    assert not (tmp_path / "deep").exists()
