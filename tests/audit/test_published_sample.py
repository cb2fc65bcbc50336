"""A published leaderboard without its artefacts keeps those of a few cells, and they are judged."""

import hashlib
import json
import re
import shutil
import zipfile

import pytest
from click.testing import CliRunner
from made_up_records import with_value

from loki_bench.audit.acceptance import accept
from loki_bench.audit.publication import publish
from loki_bench.audit.spread import spread_of
from loki_bench.audit.submission import submit
from loki_bench.audit.verification import verify
from loki_bench.cli.submission import publish as publish_command
from loki_bench.errors import StoreError
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import put_manifest, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.store import Store

ENOUGH = 10**6


@pytest.fixture
def sampled(leaderboard, tmp_path):
    publish(leaderboard, tmp_path / "public" / "toy", artefact_bytes=0, sample_bytes=ENOUGH)
    return tmp_path / "public" / "toy"


def check(folder, opened, *levels, **options):
    return verify(folder, levels=levels, registry=discover(), opened=opened, **options)


def addresses(leaderboard):
    """Of every cell with a result, what its record names."""
    found = {}
    for path in (leaderboard / "records").iterdir():
        record = json.loads(path.read_bytes())
        if record["status"] == "ok":
            artefacts = record["artefacts"]
            names = [a for name, a in artefacts.items() if a and not name.endswith("_digest")]
            found[path.stem] = set(names)
    return found


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_cells_are_the_first_eight_by_the_digest_of_all_records_and_the_id(
    leaderboard, sampled
):
    digests = {
        f"records/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (leaderboard / "records").iterdir()
    }
    seed = sha256(json.dumps(digests, sort_keys=True, separators=(",", ":")))
    order = sorted(addresses(leaderboard), key=lambda cell: sha256(f"{seed} {cell}"))
    sample = read_manifest(sampled).sample
    assert (sample.seed, sample.cells) == (seed, tuple(order[:8]))
    assert (sample.most_cells, sample.most_bytes) == (8, ENOUGH)


def test_the_files_of_these_cells_are_there_and_no_others(leaderboard, sampled):
    own = addresses(leaderboard)
    kept = set().union(*(own[cell] for cell in read_manifest(sampled).sample.cells))
    with zipfile.ZipFile(sampled / "artefacts.zip") as pack:
        assert {name.split("/")[-1].removesuffix(".npz") for name in pack.namelist()} == kept
    assert len(kept) < len(set().union(*own.values()))


def test_they_take_no_more_bytes_than_they_may(leaderboard, tmp_path):
    largest = max(path.stat().st_size for path in (leaderboard / "artefacts").rglob("*.npz"))
    publish(leaderboard, tmp_path / "few", artefact_bytes=0, sample_bytes=6 * largest)
    cells = read_manifest(tmp_path / "few").sample.cells
    assert 0 < len(cells) < 8
    with zipfile.ZipFile(tmp_path / "few" / "artefacts.zip") as pack:
        assert sum(entry.file_size for entry in pack.infolist()) <= 6 * largest
    publish(leaderboard, tmp_path / "none", artefact_bytes=0, sample_bytes=10)
    assert read_manifest(tmp_path / "none").sample is None


def test_metrics_and_victims_are_judged_on_them_and_the_others_are_told(sampled, opened):
    found = check(sampled, opened, 1, 2, 3, 5)
    assert found.exit_code == 0, found.as_text()
    assert [(level.number, level.verdict) for level in found.levels] == [
        (number, "passed") for number in (1, 2, 3, 5)
    ]
    assert [level.n_checked for level in found.levels[1:3]] == [8, 8]
    assert "poison and ranks of 8 of 21 cells alone are kept" in found.as_text()
    one = check(sampled, opened, 2, sample=1, seed=3)
    assert one.levels[0].n_checked == 1


def test_a_forged_metric_of_one_of_them_is_found(sampled, opened):
    with as_working_folder(sampled) as folder:
        shutil.copytree(folder, sampled.parent / "forged")
    folder = sampled.parent / "forged"
    manifest, store = read_manifest(folder), Store(folder, warn=print)
    cell = manifest.sample.cells[0]
    store.write_record(with_value(store.record(cell), "hr@5", 0.875))
    assert check(folder, opened, 1, 2).exit_code == 11  # its bytes
    name = f"records/{cell}.json"
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    files = {**manifest.files, name: digest}
    put_manifest(store, manifest.model_copy(update={"files": files}))
    found = check(folder, opened, 1, 2)
    assert found.exit_code == 11  # other records draw other cells
    assert "are not those that its records draw" in found.as_text()
    [problem] = found.levels[1].problems
    assert "hr@5" in problem.why


def test_cells_that_somebody_chose_are_found(sampled, opened):
    manifest = read_manifest(sampled)
    chosen = manifest.sample.model_copy(update={"cells": manifest.sample.cells[1:]})
    put_manifest(Store(sampled, warn=print), manifest.model_copy(update={"sample": chosen}))
    found = check(sampled, opened, 1)
    assert found.exit_code == 11
    [problem] = found.levels[0].problems
    assert problem.why == (
        "the cells whose poison and ranks are kept are not those that its records draw"
    )


def test_a_sample_whose_files_are_gone_is_a_failure(sampled, opened):
    with as_working_folder(sampled) as folder:
        shutil.copytree(folder, sampled.parent / "bare")
    shutil.rmtree(sampled.parent / "bare" / "artefacts")
    found = check(sampled.parent / "bare", opened, 1)
    assert found.exit_code == 11
    assert {problem.why for problem in found.levels[0].problems} == {"it is not there"}


def test_a_family_keeps_one_for_each_suite_and_gives_the_same_bytes_again(
    tmp_path, compute, opened
):
    results = tmp_path / "results" / "family"
    compute(results / "one", attackers=["none", "random"], seeds=[0, 1])
    compute(results / "two", attackers=["random", "asks-surrogates"], seeds=[0, 1])
    family = tmp_path / "public" / "family"
    said = CliRunner().invoke(
        publish_command,
        [str(results), str(family), "--max-artefacts", "0"],
        standalone_mode=False,
    )
    assert "one: 6 records\n" in said.output  # all of them fit
    # How many files the other two cells share with those that are drawn depends on the draw.
    left_out = r"two: 10 records; [1-4] files of poison and ranks left out, those of 8 cells kept\n"
    assert re.search(left_out, said.output)
    for name in ("one", "two"):
        found = check(family / name, opened, 1, 2)
        assert (found.exit_code, found.levels[1].n_checked) == (0, 6 if name == "one" else 8)
    before = {path: path.read_bytes() for path in family.rglob("*") if path.is_file()}
    shutil.rmtree(results / "one")
    publish(results, family, artefact_bytes=0, sample_bytes=ENOUGH)
    assert {path: path.read_bytes() for path in family.rglob("*") if path.is_file()} == before


def test_it_takes_and_gives_no_rows_and_tells_no_spread(sampled, tmp_path, opened):
    with pytest.raises(StoreError, match="alone are kept"):
        submit(sampled, "toy-plugin", tmp_path / "rows.zip", registry=discover())
    with pytest.raises(StoreError, match="alone are kept"):
        accept(sampled, tmp_path / "rows.zip", registry=discover(), opened=opened)
    with pytest.raises(StoreError, match="keeps the ranks of 8 cells alone"):
        spread_of(sampled)


def test_a_manifest_without_one_does_not_speak_of_it(leaderboard):
    assert "sample" not in json.loads((leaderboard / "manifest.json").read_bytes())
