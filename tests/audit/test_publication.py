"""Published leaderboards are read by every command as the working folder is."""

import gzip
import json
import shutil

import pytest
from click.testing import CliRunner

from loki_bench.audit.acceptance import accept
from loki_bench.audit.comparison import compare
from loki_bench.audit.drawn import claims_of, records_of
from loki_bench.audit.publication import publish
from loki_bench.audit.reproduction import reproduce_cell
from loki_bench.audit.submission import submit
from loki_bench.audit.verification import verify
from loki_bench.cli.report import figures, report
from loki_bench.cli.submission import publish as publish_command
from loki_bench.errors import StoreError
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.packed import is_packed
from loki_bench.site.build import build_site

ENOUGH = 10**9


@pytest.fixture
def published(leaderboard, tmp_path):
    publish(leaderboard, tmp_path / "published" / "toy", artefact_bytes=ENOUGH)
    return tmp_path / "published" / "toy"


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


def test_every_level_holds(published, opened):
    found = verify(published, levels=(1, 2, 3, 4, 5), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()
    assert found.leaderboard == str(published)
    assert not found.notes
    assert {level.verdict for level in found.levels} == {"passed"}


def test_one_flipped_byte_of_a_pack_fails_level_1(published, opened):
    path = published / "artefacts.zip"
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + bytes([raw[100] ^ 1]) + raw[101:])
    found = verify(published, levels=(1, 2, 5), registry=discover(), opened=opened)
    assert found.exit_code == 11
    assert "artefacts.zip: its bytes are not those of the manifest" in found.as_text()


def test_it_compares_as_the_same_to_the_last_bit(leaderboard, published):
    with as_working_folder(published) as folder:
        assert compare(leaderboard, folder).same


def test_a_cell_of_it_is_found_by_its_id_and_reproduced(published, opened):
    cell_id = read_manifest(published).record_ids[0]
    for results in (published, published.parent):
        found = reproduce_cell(cell_id[:12], results, registry=discover(), opened=opened)
        assert (found.cell, found.difference) == (cell_id, None)


def test_page_and_figures_become_a_part_of_it(published, opened):
    run(report, published, "--output", published / "leaderboard.html")
    run(figures, published)
    assert {"leaderboard.html", "figures/overall.svg"} <= set(read_manifest(published).files)
    assert is_packed(published)
    found = verify(published, levels=(1, 5), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()


def read_without_a_record(form):
    with as_working_folder(form) as folder:
        (folder / "records" / f"{read_manifest(folder).record_ids[0]}.json").unlink()
        records_of(folder)


def test_a_message_names_it_and_no_temporary_folder(published, tmp_path):
    with pytest.raises(StoreError) as none_there:
        submit(published, "nobodys-plugin", tmp_path / "rows.zip", registry=discover())
    assert str(none_there.value).startswith(f"{published} has no finished row")

    submit(published, "toy-plugin", tmp_path / "rows.zip", registry=discover())
    for form in (published, tmp_path / "rows.zip"):
        with pytest.raises(StoreError) as damaged:
            read_without_a_record(form)
        assert str(damaged.value).startswith(f"{form}/records/")


@pytest.mark.parametrize(
    ("write", "hint"),
    [
        (lambda board, place: publish(board, place, artefact_bytes=0), "name another destination"),
        (lambda board, place: publish(board.parent, place, artefact_bytes=0), "name another dest"),
        (lambda board, place: build_site([board], place, discover(), say=print), "with --out"),
    ],
    ids=["publish", "publish several", "site"],
)
def test_where_nothing_can_be_written_the_option_that_is_named_is_one_of_the_command(
    leaderboard, tmp_path, write, hint
):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=rf"can't write .*file.*; .*{hint}"):
        write(leaderboard, tmp_path / "file" / "place")


def test_poison_that_was_submitted_is_told_from_a_file_that_was_not(tmp_path, opened):
    for content, message in (('{"kind":"poison"}', "poison has no rows"), ("name = 1", "is not a")):
        (tmp_path / "file").write_text(content)
        with pytest.raises(StoreError, match=message):
            verify(tmp_path / "file", levels=(1,), registry=discover(), opened=opened)


def test_rows_are_submitted_from_it_and_accepted_into_it(tmp_path, compute, opened):
    theirs = compute(tmp_path / "theirs", attackers=["asks-surrogates"], seeds=[0, 1])
    home = compute(tmp_path / "home", attackers=["none", "random"], seeds=[0, 1])
    publish(theirs, tmp_path / "theirs-published", artefact_bytes=ENOUGH)
    publish(home, tmp_path / "home-published", artefact_bytes=ENOUGH)
    file = tmp_path / "rows.zip"
    submit(tmp_path / "theirs-published", "toy-plugin", file, registry=discover())
    added = accept(tmp_path / "home-published", file, registry=discover(), opened=opened)
    assert len(added) == 4
    assert "asks-surrogates" in (tmp_path / "home-published" / "leaderboard.md").read_text()
    found = verify(
        tmp_path / "home-published", levels=(1, 2, 5), registry=discover(), opened=opened
    )
    assert found.exit_code == 0, found.as_text()


def test_a_family_is_published_at_once_and_suite_by_suite(tmp_path, compute, opened):
    results = tmp_path / "results" / "family"
    compute(results / "one", attackers=["none", "random"], seeds=[0, 1])
    compute(results / "two", attackers=["random", "asks-surrogates"], seeds=[0, 1])
    family = tmp_path / "leaderboards" / "family"
    run(publish_command, results, family)
    shared = gzip.decompress((family / "records.jsonl.gz").read_bytes()).splitlines()
    own = [len(read_manifest(family / name).record_ids) for name in ("one", "two")]
    assert len(shared) < sum(own)  # `random` stands once
    for name in ("one", "two"):
        found = verify(family / name, levels=(1, 2, 5), registry=discover(), opened=opened)
        assert found.exit_code == 0, found.as_text()
    before = {path: path.read_bytes() for path in family.rglob("*") if path.is_file()}

    shutil.rmtree(results / "one")  # what is published stays, though its results are gone
    run(publish_command, results, family)
    assert {path: path.read_bytes() for path in family.rglob("*") if path.is_file()} == before


def test_suites_are_not_published_into_the_folder_of_a_leaderboard(
    leaderboard, published, tmp_path
):
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="is a leaderboard of its own"):
        publish(leaderboard.parent, published, artefact_bytes=0)
    assert {p: p.read_bytes() for p in published.rglob("*") if p.is_file()} == before


def test_what_is_published_already_is_not_called_damaged(published, tmp_path):
    for results in (published, published.parent):
        with pytest.raises(StoreError, match="toy is published already"):
            publish(results, tmp_path / "again", artefact_bytes=ENOUGH)
    assert not (tmp_path / "again").exists()


def test_claims_are_answered_from_packs(tmp_path, compute):
    results = tmp_path / "results" / "family"
    compute(results / "one", name="paper-overall", attackers=["none"], seeds=[0])
    publish(results, tmp_path / "family", artefact_bytes=0)
    assert claims_of(tmp_path / "family") == claims_of(results)


def test_records_are_the_same_whichever_form_they_are_read_from(leaderboard, published):
    with as_working_folder(published, artefacts=False) as folder:
        assert records_of(folder)[1] == records_of(leaderboard)[1]
        assert not (folder / "artefacts").exists()


def test_what_is_left_out_is_said(leaderboard, tmp_path):
    arguments = ("--max-artefacts", "0", "--max-sample", "0")
    done = run(publish_command, leaderboard, tmp_path / "small", *arguments)
    n_files = len(list((leaderboard / "artefacts").rglob("*.npz")))
    assert f"{n_files} files of poison and ranks left out\n" in done.output
    assert not (tmp_path / "small" / "artefacts.zip").exists()


def test_damaged_results_are_not_published(leaderboard, tmp_path):
    (leaderboard / "leaderboard.md").write_text("forged")
    with pytest.raises(StoreError, match=r"leaderboard\.md: its bytes are not those"):
        publish(leaderboard, tmp_path / "published", artefact_bytes=ENOUGH)
    assert not (tmp_path / "published").exists()


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(StoreError, match="holds no results"):
        publish(tmp_path, tmp_path / "published", artefact_bytes=ENOUGH)


def test_a_manifest_of_another_kind_is_refused_in_a_sentence(published):
    path = published / "manifest.json"
    content = json.loads(path.read_bytes())
    content["files"] = []
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="not as they were written"):
        read_manifest(published)
