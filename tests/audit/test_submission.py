"""A third party's rows: packed, verified, computed again, and never believed."""

import io
import json
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_records import with_value
from written_again import write_again

from loki_bench.audit.acceptance import accept
from loki_bench.audit.submission import source_digest, submit
from loki_bench.audit.verification import verify
from loki_bench.errors import StoreError
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.plugins.registry import discover
from loki_bench.records import archive
from loki_bench.records.archive import unpack
from loki_bench.records.manifest import read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.store import Store


@pytest.fixture
def theirs(tmp_path, compute):
    """Rows of an attack that the host's leaderboard does not have."""
    folder = compute(tmp_path / "theirs", attackers=["asks-surrogates"], seeds=[0, 1])
    file = tmp_path / "rows.zip"
    submit(folder, "toy-plugin", file, registry=discover())
    return file


@pytest.fixture
def home(tmp_path, compute):
    return compute(tmp_path / "home", attackers=["none", "random"], seeds=[0, 1])


def everything(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_submission_is_verified_like_a_leaderboard(theirs, opened):
    with as_working_folder(theirs) as folder:
        found = verify(folder, levels=(1, 2, 3, 4, 5), registry=discover(), opened=opened)
        plugin = read_manifest(folder).submission
    assert found.exit_code == 0, found.as_text()
    assert (plugin.distribution, plugin.version) == ("toy-plugin", "1.0")
    assert plugin.source_sha256 == source_digest("toy-plugin", discover())


def test_the_same_rows_make_the_same_file(theirs, tmp_path):
    again = tmp_path / "again.zip"
    submit(tmp_path / "theirs", "toy-plugin", again, registry=discover())
    assert again.read_bytes() == theirs.read_bytes()


def test_accepted_rows_stand_in_the_table_and_the_whole_verifies(
    home, theirs, tmp_path, opened, compute
):
    added = accept(home, theirs, registry=discover(), opened=opened)
    assert len(added) == 4  # an attack and its placebo, two seeds; none was here before
    table = (home / "leaderboard.md").read_text()
    assert "asks-surrogates" in table
    assert "Not ranked" not in table
    found = verify(home, levels=(1, 2, 3, 4, 5), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()
    [entry] = json.loads((home / "accepted.json").read_text())
    assert entry["cells"] == sorted(added)
    # what was computed here is what the third party's own run gives
    for cell_id in added:
        name = f"records/{cell_id}.json"
        assert (home / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
    compute(home, attackers=["none", "random"], seeds=[0, 1])  # a later run keeps them
    assert (home / "leaderboard.md").read_text() == table
    assert accept(home, theirs, registry=discover(), opened=opened) == []


def repacked(file, change, **options):
    """The rows after somebody changed a record and wrote tables and manifest anew."""
    forged = file.with_name("forged")
    unpack(file, forged)
    manifest = read_manifest(forged)
    store = Store(forged, warn=print)
    records = {cell_id: store.record(cell_id) for cell_id in manifest.record_ids}
    kept = {}
    for cell_id, record in records.items():
        changed = change(record, store)
        if changed is not None:
            store.write_record(changed)
            kept[cell_id] = changed
        else:
            (forged / "records" / f"{cell_id}.json").unlink()
    (forged / "manifest.json").unlink()  # who forges seals anew
    write_again(store, manifest, kept, submission=manifest.submission, **options)
    archive.pack(forged, file)
    return file


def is_attack(record):
    return record.cell.attacker.name == "asks-surrogates"


def forged_metric(record, store):
    return with_value(record, "hr@5", 0.96)


def forged_ranks(record, store):
    if is_attack(record):
        name = record.artefacts.ranks
        ranks = store.read(VictimRanksCodec(), name)
        forged = {**vars(ranks), "test_ranks": np.ones_like(ranks.test_ranks)}
        store.write(VictimRanksCodec(), name, type(ranks)(**forged))
        return with_value(record, "hr@5", 1.0)
    return record


def over_budget(record, store):
    if is_attack(record):
        crafted = store.read(PoisonCodec(), record.artefacts.poison)
        rows = [list(row) for row in crafted.poison]
        longer = type(crafted.poison).of([rows[0] * 3, *rows[1:]])
        store.write(PoisonCodec(), record.artefacts.poison, replace(crafted, poison=longer))
    return record


def one_seed_less(record, store):
    return None if is_attack(record) and record.cell.seed == 1 else record


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (forged_metric, r"metrics\.hr@5 is 0\.96 in the record and \S+ here"),
        (forged_ranks, r"test_ranks\[\d+\] is 1\.0 in the store and \S+ here"),
        (over_budget, "gave fake user 0 9 events; the budget is 5"),
        (one_seed_less, r"lacks the seeds \[1\] of this leaderboard"),
    ],
)
def test_what_is_forged_is_refused_and_nothing_is_changed(home, theirs, opened, change, sentence):
    before = everything(home)
    with pytest.raises(StoreError, match=sentence):
        accept(home, repacked(theirs, change), registry=discover(), opened=opened)
    assert everything(home) == before


def test_rows_of_another_protocol_have_no_counterpart(tmp_path, home, compute, opened):
    other = compute(
        tmp_path / "other",
        attackers=["asks-surrogates"],
        seeds=[0, 1],
        protocol={"n_targets": 4, "n_target_users": 10},
    )
    file = tmp_path / "other.zip"
    submit(other, "toy-plugin", file, registry=discover())
    with pytest.raises(StoreError, match=r"the nearest one differs in protocol\.n_targets"):
        accept(home, file, registry=discover(), opened=opened)


def test_rows_without_their_poison_and_ranks_are_not_submitted(home, tmp_path):
    shutil.rmtree(home / "artefacts")
    with pytest.raises(StoreError, match="poison and ranks are not kept with this leaderboard"):
        submit(home, "toys", tmp_path / "rows.zip", registry=discover())


def test_rows_are_not_added_where_poison_and_ranks_were_left_out(home, theirs, opened):
    shutil.rmtree(home / "artefacts")
    with pytest.raises(StoreError, match=r"not kept with this leaderboard.*accept the rows into"):
        accept(home, theirs, registry=discover(), opened=opened)
    assert not (home / "artefacts").exists()


def test_a_distribution_without_rows_has_nothing_to_submit(home, tmp_path):
    with pytest.raises(StoreError, match="no finished row of the distribution 'loki-bench-x'"):
        submit(home, "loki-bench-x", tmp_path / "x.zip", registry=discover())


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def link():
    entry = zipfile.ZipInfo("leaderboard.md")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def npy_header(shape):
    buffer = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def npz(header):
    buffer = io.BytesIO()
    zipped(buffer, [("items.npy", header)])
    return buffer.getvalue()


ID = "a" * 64


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([("../evil.json", "x")], "no file of a leaderboard"),
        ([("/etc/evil", "x")], "no file of a leaderboard"),
        ([(f"records/../../{ID}.json", "x")], "no file of a leaderboard"),
        ([("work/surrogates/x.pickle", "x")], "no file of a leaderboard"),
        ([(f"records\\\\{ID}.json", "x")], "no file of a leaderboard"),
        ([(f"artefacts/poison/{ID}.json", "x")], "no file of a leaderboard"),
        ([(link(), "/etc/passwd")], "a link or encrypted"),
        ([("leaderboard.md", b"0" * (2**20 + 1))], "more than are read"),
        ([(f"records/{i:064x}.json", b"0" * 2**20) for i in range(5)], "unpacks to more than"),
        ([(f"records/{i:064x}.json", b"") for i in range(21)], "holds 21 files"),
        ([(f"artefacts/ranks/{ID}.npz", npz(npy_header((10**12,))))], "no plain array of its size"),
        ([(f"artefacts/ranks/{ID}.npz", npz(b"0" * 2**22))], "unpacks to more than"),
        ([(f"artefacts/ranks/{ID}.npz", b"rubbish")], "not a whole artefact"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, monkeypatch, entries, sentence):
    monkeypatch.setattr(archive.Limits, "n_files", 20)
    monkeypatch.setattr(archive.Limits, "file_bytes", 2**20)
    monkeypatch.setattr(archive.Limits, "total_bytes", 2**22)
    file = zipped(tmp_path / "hostile.zip", entries)
    folder = tmp_path / "inside" / "unpacked"
    with pytest.raises(StoreError, match=sentence):
        unpack(file, folder)
    outside = {p for p in tmp_path.rglob("*") if p.is_file() and folder not in p.parents}
    assert outside == {file}


def test_a_name_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = zipped(tmp_path / "twice.zip", [("leaderboard.md", "a"), ("leaderboard.md", "b")])
    with pytest.raises(StoreError, match=r"holds leaderboard\.md twice"):
        unpack(file, tmp_path / "unpacked")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    file = Path(tmp_path / "no.zip")
    file.write_text("hello")
    with pytest.raises(StoreError, match="is not a file that `loki-bench submit` wrote"):
        unpack(file, tmp_path / "unpacked")
