"""Packed leaderboards: the same files come out, byte for byte, and damage is a sentence."""

import gzip
import json
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from loki_bench.audit.hashes import check_hashes, check_packs
from loki_bench.content_ids import bytes_digest, content_id
from loki_bench.errors import StoreError
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Poison, PoisonCodec
from loki_bench.records import archive
from loki_bench.records.manifest import put_manifest, read_manifest, write_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import is_packed, pack_family, pack_suite
from loki_bench.records.store import Store
from loki_bench.suite.cell import MOST_CELLS

ENOUGH = 10**9


def made_up_id(text):
    return content_id(text)


def working(folder, *, cells=("a", "b", "c"), machine="one", value=0.25):
    """A working folder as a run leaves it, with records, runs, poison, a table and a figure."""
    store = Store(folder, warn=print)
    artefacts = {}
    for cell in cells:
        cell_id, poison_id = made_up_id(cell), made_up_id(f"poison {cell}")
        rows = Sequences.of([np.arange(3), np.array([1])])
        poison = Poison(poison=rows, report={"rounds": [1.5]}, n_queries=0)
        store.write(PoisonCodec(), poison_id, poison)
        artefacts[cell_id] = {"poison": poison_id, "poison_digest": rows.digest()}
        record = {
            "id": cell_id,
            "metrics": {"hr@5": value, "none": None, "tiny": 5e-324, "text": "Ünïcode\u2028"},
            "artefacts": artefacts[cell_id],
        }
        store.write_json("records", cell_id, record)
        run = {"environment": {"cpu": machine, "n_cpus": 2}, "timings": {"craft": 1.25}}
        store.write_json("runs", cell_id, run)
    store.write_text("leaderboard.md", "# Table\n")
    store.write_text("figures/overall.svg", "<svg/>")
    store.write_text("figures/overall.pdf", "%PDF")
    store.write_text("leaderboard.html", "<html/>")
    drawn = ["figures/overall.svg", "figures/overall.pdf", "leaderboard.html"]
    write_manifest(
        store,
        suite="made-up",
        summary="",
        metrics=["hr@5"],
        artefacts=artefacts,
        missing=[],
        tables=["leaderboard.md", *drawn],
    )
    (folder / "work").mkdir()
    (folder / "work" / "surrogate.pickle").write_bytes(b"never opened")
    return folder


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def source(tmp_path):
    return working(tmp_path / "made-up")


@pytest.fixture
def packed(source, tmp_path):
    pack_suite(source, tmp_path / "packed", artefact_bytes=ENOUGH)
    return tmp_path / "packed"


def test_six_files_hold_a_leaderboard(packed):
    assert sorted(files(packed)) == [
        "artefacts.zip",
        "figures/overall.svg",
        "leaderboard.md",
        "manifest.json",
        "records.jsonl.gz",
        "runs.jsonl.gz",
    ]
    assert is_packed(packed)


def test_every_file_comes_out_as_it_went_in(source, packed):
    with as_working_folder(packed) as folder:
        out = files(folder)
        report, notes = check_hashes(folder)
    kept = {
        name: raw
        for name, raw in files(source).items()
        if not name.startswith("work/") and not name.endswith((".pdf", ".html"))
    }
    assert {name: raw for name, raw in out.items() if name != "manifest.json"} == {
        name: raw for name, raw in kept.items() if name != "manifest.json"
    }
    assert (report.verdict, notes) == ("passed", [])
    assert report.n_checked == 1 + 3 + 3 + 3 + 2  # manifest; records, runs, poison; table, figure


def test_a_working_folder_is_given_as_it_is(source):
    with as_working_folder(source) as folder:
        assert folder == source


def test_the_same_results_give_the_same_bytes(packed, tmp_path):
    again = working(tmp_path / "elsewhere" / "made-up", cells=("c", "b", "a"))
    pack_suite(again, tmp_path / "again", artefact_bytes=ENOUGH)
    assert files(tmp_path / "again") == files(packed)


def test_an_environment_is_kept_once(packed):
    lines = gzip.decompress((packed / "runs.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 4
    assert sum('"cpu":"one"' in line for line in lines) == 1


def test_artefacts_that_are_too_large_are_left_out_and_their_digests_stay(source, tmp_path):
    manifest = pack_suite(source, tmp_path / "small", artefact_bytes=10)
    assert not (tmp_path / "small" / "artefacts.zip").exists()
    assert sum(name.startswith("artefacts/poison/") for name in manifest.files) == 3
    with as_working_folder(tmp_path / "small") as folder:
        [finding] = check_hashes(folder)[0].not_judged
    assert "3 files of poison and ranks are not kept" in finding.why


def test_packing_again_replaces_what_was_packed_and_nothing_else(source, packed):
    (packed / "notes.txt").write_text("mine")
    pack_suite(source, packed, artefact_bytes=0)
    assert "artefacts.zip" not in files(packed)
    assert (packed / "notes.txt").read_text() == "mine"


def test_a_folder_of_other_files_is_not_written_into(source, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="holds other files"):
        pack_suite(source, tmp_path / "home", artefact_bytes=ENOUGH)
    with pytest.raises(StoreError, match="holds other files"):
        pack_suite(source, source, artefact_bytes=ENOUGH)


def test_a_record_that_is_not_as_the_manifest_says_is_not_packed(source, tmp_path):
    path = source / "records" / f"{made_up_id('b')}.json"
    path.write_bytes(path.read_bytes().replace(b"0.25", b"0.75"))
    with pytest.raises(StoreError, match="is not as the manifest says"):
        pack_suite(source, tmp_path / "packed", artefact_bytes=ENOUGH)
    assert not (tmp_path / "packed").exists()


def test_a_family_keeps_what_its_suites_share_once(tmp_path):
    one = working(tmp_path / "one", cells=("a", "b"))
    other = working(tmp_path / "other", cells=("b", "c"), machine="two")
    family = tmp_path / "family"
    pack_family({"one": one, "other": other}, family, artefact_bytes=ENOUGH)
    assert sorted(path.name for path in family.iterdir()) == [
        "artefacts.zip",
        "one",
        "other",
        "records.jsonl.gz",
    ]
    assert len(gzip.decompress((family / "records.jsonl.gz").read_bytes()).splitlines()) == 3
    with zipfile.ZipFile(family / "artefacts.zip") as shared:
        assert len(shared.namelist()) == 3
    for name, source, cells in (("one", one, "ab"), ("other", other, "bc")):
        with as_working_folder(family / name) as folder:
            assert {p.stem for p in folder.glob("records/*")} == {made_up_id(c) for c in cells}
            assert check_hashes(folder)[0].verdict == "passed"
            for cell in cells:  # each suite has runs of its own
                run = f"runs/{made_up_id(cell)}.json"
                assert (folder / run).read_bytes() == (source / run).read_bytes()


def test_a_shared_cell_that_another_machine_computed_is_kept_for_each_suite(tmp_path):
    one = working(tmp_path / "one", cells=("a",))
    other = working(tmp_path / "other", cells=("a",), value=0.5)
    family = tmp_path / "family"
    pack_family({"one": one, "other": other}, family, artefact_bytes=ENOUGH)
    for name, value in (("one", 0.25), ("other", 0.5)):
        with as_working_folder(family / name) as folder:
            record = json.loads((folder / "records" / f"{made_up_id('a')}.json").read_bytes())
        assert record["metrics"]["hr@5"] == value


def test_a_damaged_pack_is_named_by_level_1(packed):
    path = packed / "records.jsonl.gz"
    raw = path.read_bytes()
    path.write_bytes(raw[:20] + bytes([raw[20] ^ 1]) + raw[21:])
    [finding] = check_packs(packed).problems
    assert finding.what == "records.jsonl.gz"
    assert finding.why == "its bytes are not those of the manifest"
    with (
        pytest.raises(StoreError, match=r"records\.jsonl\.gz: its bytes are not those"),
        as_working_folder(packed),
    ):
        pass


def resealed(folder):
    """The manifest says of each pack what it is now: what a forger would do."""
    manifest = read_manifest(folder)
    packs = {
        name: pack.model_copy(update={"sha256": bytes_digest((folder / name).read_bytes())})
        for name, pack in manifest.packs.items()
    }
    put_manifest(Store(folder, warn=print), manifest.model_copy(update={"packs": packs}))


def rewritten(folder, name, change):
    """A pack whose lines somebody changed."""
    lines = gzip.decompress((folder / name).read_bytes()).splitlines(keepends=True)
    (folder / name).write_bytes(gzip.compress(b"".join(change(lines)), mtime=0))
    resealed(folder)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("records.jsonl.gz", lambda lines: [b"[" * 10**5], "records"),
        ("records.jsonl.gz", lambda lines: [b'{"id": "../../evil", "content": {}}'], "id"),
        ("records.jsonl.gz", lambda lines: [b"{}\n"], "id: Field required"),
        ("runs.jsonl.gz", lambda lines: lines[1:], "names an environment that is not there"),
        ("records.jsonl.gz", lambda lines: [b"x" * (2**20 + 1)], "more than is read"),
        ("records.jsonl.gz", lambda lines: lines * 20, "more than is read"),
    ],
)
def test_a_forged_pack_is_refused_in_a_sentence(packed, monkeypatch, name, change, sentence):
    monkeypatch.setattr(archive.Limits, "n_files", 20)
    monkeypatch.setattr(archive.Limits, "file_bytes", 2**20)
    rewritten(packed, name, change)
    with pytest.raises(StoreError, match=sentence), as_working_folder(packed):
        pass


def test_as_many_cells_as_a_suite_may_have_can_be_read():
    assert archive.Limits.n_files >= MOST_CELLS


@pytest.mark.parametrize(
    ("limit", "most", "sentence"),
    [
        ("n_files", 2, r"hold 3 files or lines; at most 2 are read again"),
        ("file_bytes", 99, r"hold one of \d+ bytes; at most 99 are read again"),
        ("total_bytes", 500, r"hold \d+ bytes; at most 500 are read again"),
        ("pack_bytes", 90, r"would have \d+ bytes, and at most 90 are read again"),
    ],
)
def test_what_could_not_be_opened_is_not_published(tmp_path, monkeypatch, limit, most, sentence):
    source = working(tmp_path / "one")
    monkeypatch.setattr(archive.Limits, limit, most)
    with pytest.raises(StoreError, match=rf"records\.jsonl\.gz is not written: .*{sentence}"):
        pack_suite(source, tmp_path / "packed", artefact_bytes=0)
    with pytest.raises(StoreError, match=sentence):
        pack_family({"one": source}, tmp_path / "family", artefact_bytes=0)
    assert not (tmp_path / "packed").exists()
    assert not (tmp_path / "family").exists()


def test_artefacts_that_could_not_be_opened_together_are_not_shared(tmp_path, monkeypatch):
    cells = {"one": ("a", "b", "c"), "two": ("d", "e", "f")}
    sources = {name: working(tmp_path / name, cells=own) for name, own in cells.items()}
    size = sum(p.stat().st_size for s in sources.values() for p in s.rglob("artefacts/*/*.npz"))
    written = pack_family(sources, tmp_path / "together", artefact_bytes=ENOUGH)
    assert all(manifest.packs["artefacts.zip"].shared for manifest in written.values())
    monkeypatch.setattr(archive.Limits, "pack_bytes", size - 1)
    written = pack_family(sources, tmp_path / "apart", artefact_bytes=ENOUGH)
    assert [m.packs["artefacts.zip"].shared for m in written.values()] == [True, False]
    for name, own in cells.items():
        with as_working_folder(tmp_path / "apart" / name) as folder:
            assert len(list(folder.rglob("artefacts/*/*.npz"))) == len(own)


def test_a_forged_record_does_not_come_out(packed):
    forge = lambda lines: [line.replace(b"0.25", b"0.75") for line in lines]  # noqa: E731
    rewritten(packed, "records.jsonl.gz", forge)
    with as_working_folder(packed) as folder:
        problems = check_hashes(folder)[0].problems
    assert [finding.why for finding in problems] == ["it is not there"] * 3


def mutated(raw, rng):
    """A few of its bytes flipped, cut out, doubled, or replaced."""
    place = rng.randrange(len(raw))
    end = min(len(raw), place + rng.choice((1, 1, 8, 200)))
    kind = rng.randrange(5)
    if kind == 0:
        return raw[:place] + bytes([raw[place] ^ (1 << rng.randrange(8))]) + raw[place + 1 :]
    if kind == 1:
        return raw[:place]
    if kind == 2:
        return raw[:place] + raw[end:]
    if kind == 3:
        return raw[:end] + raw[place:]
    return raw[:place] + rng.randbytes(end - place) + raw[end:]


def opened(packed):
    """Why a packed folder is refused; or None, what is found to be wrong, and its files."""
    try:
        found = list(check_packs(packed).problems)
        with as_working_folder(packed) as folder:
            found += check_hashes(folder)[0].objections
            for cell in "abc":
                Store(folder, warn=found.append).read(PoisonCodec(), made_up_id(f"poison {cell}"))
            return None, found, files(folder)
    except StoreError as error:
        return str(error), [], {}


@pytest.mark.parametrize("seed", range(200))
def test_whatever_happens_to_a_pack_is_a_sentence_or_a_finding(tmp_path, source, seed):
    """Bytes of a file, or of the lines in it; and in half of the cases the manifest agrees."""
    rng = random.Random(seed)  # noqa: S311
    pack_suite(source, tmp_path / "packed", artefact_bytes=ENOUGH)
    packed = tmp_path / "packed"
    with as_working_folder(packed) as folder:
        whole = files(folder)
    names = ("records.jsonl.gz", "runs.jsonl.gz", "artefacts.zip", "manifest.json")
    path = packed / rng.choice(names)
    raw = path.read_bytes()
    if path.suffix == ".gz" and rng.random() < 0.5:
        path.write_bytes(gzip.compress(mutated(gzip.decompress(raw), rng), mtime=0))
    else:
        path.write_bytes(mutated(raw, rng))
    if path.name != "manifest.json" and rng.random() < 0.7:
        resealed(packed)
    refused, found, out = opened(packed)
    if refused is not None:
        assert "\n" not in refused
    else:
        out.pop("manifest.json")
        whole.pop("manifest.json")
        assert found or out == whole


def test_a_link_in_a_packed_folder_is_not_followed(packed, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (packed / "leaderboard.md").unlink()
    (packed / "leaderboard.md").symlink_to(tmp_path / "secret")
    with as_working_folder(packed) as folder:
        assert not (folder / "leaderboard.md").exists()
        assert [f.what for f in check_hashes(folder)[0].problems] == ["leaderboard.md"]


def test_a_copied_folder_needs_nothing_else(packed, tmp_path):
    moved = Path(shutil.copytree(packed, tmp_path / "far" / "away"))
    with as_working_folder(moved) as folder:
        assert check_hashes(folder)[0].verdict == "passed"
