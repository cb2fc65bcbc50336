"""A publication that is stopped anywhere takes nothing, and the same command ends it."""

import shutil

import pytest
from stopped_writes import stopped_at

from loki_bench.audit.acceptance import accept
from loki_bench.audit.drawn import records_of
from loki_bench.audit.publication import publish
from loki_bench.audit.submission import submit
from loki_bench.audit.verification import verify
from loki_bench.errors import StoreError
from loki_bench.leaderboard.folder import accepted_cells
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.opening import as_working_folder

ENOUGH = 10**9


def files(folder):
    """The bytes of every file below a folder, by its path in it."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def records(leaderboard):
    """Those that its manifest lists."""
    with as_working_folder(leaderboard) as folder:
        return records_of(folder)[1]


def holds(leaderboard, opened):
    found = verify(leaderboard, levels=(1, 5), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()


@pytest.fixture
def results(tmp_path, compute):
    """A family of two suites that share cells."""
    folder = tmp_path / "results" / "family"
    compute(folder / "one", attackers=["none", "random"], seeds=[0, 1])
    compute(folder / "two", attackers=["random", "asks-surrogates"], seeds=[0, 1])
    return folder


def each_stop(do, start, place):
    """Stop what ``do`` writes at each of its files; gives what the files were, and how many."""
    number = 0
    while True:
        shutil.rmtree(place, ignore_errors=True)
        if start is not None:
            shutil.copytree(start, place)
        with stopped_at(number, place) as names:
            do(place)
        if len(names) <= number:
            assert number > 4  # else nothing was stopped
            return
        yield names[-1]
        number += 1


@pytest.mark.parametrize("artefact_bytes", [ENOUGH, 0])
def test_a_family_that_is_replaced_is_whole_at_any_time_and_loses_no_suite(
    results, compute, tmp_path, opened, artefact_bytes
):
    before = tmp_path / "before"
    publish(results, before, artefact_bytes=ENOUGH)
    shutil.rmtree(results / "one")  # it is nowhere but in what is published
    compute(results / "two", attackers=["random", "asks-surrogates"], seeds=[0, 1, 2])

    def again(place):
        publish(results, place, artefact_bytes=artefact_bytes)

    shutil.copytree(before, tmp_path / "after")
    again(tmp_path / "after")
    expected = files(tmp_path / "after")
    assert set(expected) <= set(files(before))
    for _ in each_stop(again, before, tmp_path / "family"):
        for name in ("one", "two"):
            holds(tmp_path / "family" / name, opened)
        again(tmp_path / "family")
        assert files(tmp_path / "family") == expected


def test_what_two_publications_stopped_at_replacing_is_readable_still(
    results, compute, tmp_path, opened
):
    family = tmp_path / "family"
    publish(results, family, artefact_bytes=ENOUGH)
    shutil.rmtree(results / "one")
    for seeds in ([0, 1, 2], [0, 1, 2, 3]):
        compute(results / "two", attackers=["random", "asks-surrogates"], seeds=seeds)
        with stopped_at(3, family) as names:
            publish(results, family, artefact_bytes=ENOUGH)
        assert "manifest.json" not in names
        for name in ("one", "two"):
            holds(family / name, opened)
    publish(results, family, artefact_bytes=ENOUGH)
    assert not list(family.rglob(".*"))


def test_a_publication_into_a_new_folder_is_ended_by_the_same_command(
    results, leaderboard, tmp_path
):
    for source in (results, leaderboard):

        def first(place, source=source):
            publish(source, place, artefact_bytes=ENOUGH)

        first(tmp_path / "after" / source.name)
        expected = files(tmp_path / "after" / source.name)
        place = tmp_path / "new" / source.name
        for name in each_stop(first, None, place):
            # a process that is killed leaves a part of what it was writing
            place.mkdir(parents=True, exist_ok=True)
            (place / f".{name.rpartition('/')[2]}.1-0123abcd.part").write_bytes(b"half")
            first(place)
            assert files(place) == expected


def test_a_leaderboard_that_is_half_published_says_what_to_do(leaderboard, tmp_path, opened):
    place = tmp_path / "new"
    with stopped_at(2, place):
        publish(leaderboard, place, artefact_bytes=ENOUGH)
    with pytest.raises(StoreError, match="or publish its results again"), as_working_folder(place):
        pass
    assert verify(place, levels=(1,), registry=discover(), opened=opened).exit_code == 11


def test_a_suite_of_a_family_whose_manifest_is_damaged_is_not_left_out_of_the_shared_records(
    results, tmp_path
):
    family = tmp_path / "family"
    publish(results, family, artefact_bytes=ENOUGH)
    shutil.rmtree(results / "one")
    (family / "one" / "manifest.json").write_text("{}")
    before = files(family)
    with pytest.raises(StoreError, match=r"one.manifest\.json: its bytes are not as they were"):
        publish(results, family, artefact_bytes=ENOUGH)
    assert files(family) == before


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "working folder"])
def test_an_acceptance_that_is_stopped_is_repeated_and_stands_in_the_folder_once(
    tmp_path, compute, opened, packed
):
    theirs = compute(tmp_path / "theirs", attackers=["asks-surrogates"], seeds=[0, 1])
    home = compute(tmp_path / "home", attackers=["none", "random"], seeds=[0, 1])
    file = tmp_path / "rows.zip"
    submit(theirs, "toy-plugin", file, registry=discover())
    if packed:
        publish(home, tmp_path / "packed", artefact_bytes=ENOUGH)
        home = tmp_path / "packed"
    before = records(home)

    def add(place):
        accept(place, file, registry=discover(), opened=opened)

    place = tmp_path / "place"
    with stopped_at(10**6, place) as names:
        shutil.copytree(home, place)
        add(place)
    ends = range(names.index("accepted.json") - 1, len(names))
    n_rows = len(read_manifest(place).record_ids)
    for number in ends:
        shutil.rmtree(place)
        shutil.copytree(home, place)
        with stopped_at(number, place):
            add(place)
        assert records(place) == before
        add(place)
        [only] = accepted_cells(place)
        assert set(only.all_cells) <= set(read_manifest(place).record_ids)
        assert len(read_manifest(place).record_ids) == n_rows
        holds(place, opened)
