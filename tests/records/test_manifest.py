"""A manifest is written of what is there; what can't be read is named, and not listed anew."""

import hashlib
import zipfile

import pytest

from loki_bench.errors import StoreError
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Poison, PoisonCodec
from loki_bench.records.manifest import list_files, read_manifest, write_manifest
from loki_bench.records.store import Store

POISON = "ab" * 32


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def store(tmp_path, warnings):
    store = Store(tmp_path / "toy", warn=warnings.append)
    store.write(PoisonCodec(), POISON, Poison(poison=Sequences.of([[1, 2], [3]]), report={}))
    store.write_text("leaderboard.md", "# Table\n")
    return store


def written(store, *tables):
    return write_manifest(
        store,
        suite="toy",
        summary="",
        metrics=["hr@5"],
        artefacts={"cd" * 32: {"poison": POISON}},
        missing=[],
        tables=["leaderboard.md", *tables],
    )


def too_large(path):
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(2**28 + 1)  # sparse


def without_end(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize("instead", [too_large, without_end])
def test_an_artefact_that_can_not_be_read_keeps_its_digest_and_is_named(store, warnings, instead):
    name = f"artefacts/poison/{POISON}.npz"
    listed = hashlib.sha256((store.folder / name).read_bytes()).hexdigest()
    assert written(store).files[name] == listed
    instead(store.folder / name)
    assert written(store).files[name] == listed
    [said] = warnings
    assert f"{name}: it can't be read (" in said
    assert "is not listed anew; it is damaged: the next run computes it again" in said


@pytest.mark.parametrize("instead", [too_large, without_end])
def test_another_file_that_can_not_be_read_is_a_sentence(store, instead):
    written(store)
    figure = store.folder / "figures" / "overall.svg"
    figure.parent.mkdir()
    instead(figure)
    for write in (written, lambda store, name: list_files(store, [name])):
        with pytest.raises(StoreError, match=r"overall\.svg can't be listed in the manifest: "):
            write(store, "figures/overall.svg")
    assert "figures/overall.svg" not in read_manifest(store.folder).files


def test_an_artefact_that_is_damaged_before_it_was_listed_is_not_listed(store, warnings):
    name = f"artefacts/poison/{POISON}.npz"
    whole = (store.folder / name).read_bytes()
    (store.folder / name).write_bytes(whole[:-9])
    assert written(store).files[name] is None
    assert warnings == [
        f"{store.folder / name}: it is not listed in the manifest; it is damaged: the next run "
        "computes it again"
    ]
    assert not store.is_whole(name, read_manifest(store.folder).files[name])
    (store.folder / name).write_bytes(whole)
    assert written(store).files[name] == hashlib.sha256(whole).hexdigest()
    assert store.is_whole(name, read_manifest(store.folder).files[name])


def test_the_same_numbers_in_other_bytes_are_told_from_a_damaged_file(store, warnings):
    name = f"artefacts/poison/{POISON}.npz"
    listed = written(store).files[name]
    path = store.folder / name
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert written(store).files[name] == listed
    assert "is not listed anew; it is whole: the same numbers are other bytes" in warnings[-1]
    (store.folder / "manifest.json").unlink()  # what the warning names
    n_said = len(warnings)
    assert written(store).files[name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(warnings) == n_said
