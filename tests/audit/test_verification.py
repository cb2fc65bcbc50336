"""Every level finds what it is there for, names it, and passes what is as it was written."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from made_up_records import with_cell, with_value
from written_again import write_again

from loki_bench.audit.verification import verify
from loki_bench.content_ids import canonical_json, content_id
from loki_bench.errors import StoreError
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.plugins.registry import discover
from loki_bench.records.manifest import read_manifest
from loki_bench.records.store import Store

ALL = (1, 2, 3, 4, 5)


@pytest.fixture
def check(opened):
    def verified(folder, *levels, **options):
        return verify(folder, levels=levels or ALL, registry=discover(), opened=opened, **options)

    return verified


def by_level(found):
    return {level.number: level for level in found.levels}


def stored(folder, name):
    """The record of an attack's first seed, its path, and a way to write it back sealed."""
    store = Store(folder, warn=print)
    for path in sorted((folder / "records").iterdir()):
        record = store.record(path.stem)
        cell = record.cell
        if cell.attacker.name == name and not cell.placebo and cell.seed == 0:
            return record, path, store
    raise AssertionError(name)


def rewritten(folder):
    """Tables and manifest made anew, as somebody would who forges a record and hides it."""
    manifest = read_manifest(folder)
    store = Store(folder, warn=print)
    records = {cell_id: store.record(cell_id) for cell_id in manifest.record_ids}
    (folder / "manifest.json").unlink()
    write_again(store, manifest, records)


def test_a_leaderboard_as_it_was_computed_passes_every_level(leaderboard, check):
    found = check(leaderboard)
    assert found.exit_code == 0, found.as_text()
    assert [level.verdict for level in found.levels] == ["passed"] * 5
    levels = by_level(found)
    n_ok = 3 * (1 + 2 + 2)  # none, and two attacks with a placebo each; three seeds
    assert levels[2].n_checked == levels[3].n_checked == n_ok
    assert levels[4].n_checked == n_ok + 3 * 2  # `raises` fails again, as it did
    assert {finding.why for finding in levels[2].not_judged} == {
        "it has no poison and no ranks (failed)"
    }


def flipped(raw, place):
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def test_one_flipped_byte_in_any_file_is_found_and_named(leaderboard, check):
    files = [p for p in leaderboard.rglob("*") if p.is_file() and "work" not in p.parts]
    kinds = {path.relative_to(leaderboard).parts[0] for path in files}
    assert kinds == {
        "artefacts",
        "records",
        "runs",
        "manifest.json",
        "leaderboard.md",
        "leaderboard.csv",
        "leaderboard.json",
    }
    for number, path in enumerate(files):
        raw = path.read_bytes()
        place = (0, len(raw) // 2, len(raw) - 1)[number % 3]
        path.write_bytes(flipped(raw, place))
        found = check(leaderboard, 1)
        assert found.exit_code == 11
        name = path.relative_to(leaderboard).as_posix()
        assert [finding.what for finding in found.levels[0].problems] == [name]
        path.write_bytes(raw)
    assert check(leaderboard, 1).exit_code == 0


def test_every_single_byte_of_a_record_a_run_and_the_manifest_counts(leaderboard, check):
    for kind in ("records", "runs", ""):
        path = min(p for p in (leaderboard / kind).iterdir() if p.suffix == ".json")
        path = leaderboard / "manifest.json" if not kind else path
        raw = path.read_bytes()
        for place in range(0, len(raw), max(1, len(raw) // 20)):
            path.write_bytes(flipped(raw, place))
            assert check(leaderboard, 1).exit_code == 11, (path, place)
        path.write_bytes(raw)


def test_a_file_that_is_gone_is_named(leaderboard, check):
    ranks = min((leaderboard / "artefacts" / "ranks").iterdir())
    ranks.unlink()
    [finding] = check(leaderboard, 1).levels[0].problems
    assert finding.what == f"artefacts/ranks/{ranks.name}"
    assert finding.why == "it is not there"


def test_artefacts_all_left_out_are_told_and_what_needs_none_is_checked(
    original, leaderboard, compute, check
):
    shutil.rmtree(leaderboard / "artefacts")
    found = check(leaderboard)
    assert found.exit_code == 1, found.as_text()
    verdicts = [level.verdict for level in found.levels]
    assert verdicts == ["passed", "not judged", "not judged", "passed", "passed"]
    [told] = by_level(found)[1].not_judged
    assert told.what == "artefacts/"
    assert "`loki-bench run toy --results OTHER_FOLDER` computes them" in told.why
    assert by_level(found)[2].not_judged == [told]
    compute(leaderboard)  # finds every record, and keeps what is known of the artefacts
    manifest = "manifest.json"
    assert (leaderboard / manifest).read_bytes() == (original / manifest).read_bytes()


def test_a_file_that_is_no_part_of_it_is_told_and_fails_nothing(leaderboard, check):
    (leaderboard / "notes.txt").write_text("hello")
    found = check(leaderboard, 1)
    assert found.exit_code == 0
    assert found.notes == ("notes.txt is no part of the leaderboard",)


def test_a_forged_metric_is_found_by_computing_it_from_the_ranks(leaderboard, check):
    record, path, store = stored(leaderboard, "random")
    store.write_record(with_value(record, "hr@5", 0.875))
    rewritten(leaderboard)
    found = check(leaderboard)
    assert found.exit_code == 12
    assert not by_level(found)[1].problems  # the forger wrote the manifest anew
    [finding] = by_level(found)[2].problems
    assert finding.what == f"records/{path.stem}.json (random on counts, 20 % x 5, seed 0)"
    assert re.fullmatch(r"metrics\.hr@5 is 0\.875 in the record and \S+ here", finding.why)


def test_forged_ranks_are_found_by_training_the_victim(leaderboard, check):
    record, path, store = stored(leaderboard, "random")
    ranks = store.read(VictimRanksCodec(), record.artefacts.ranks)
    target_ranks = ranks.target_ranks.copy()
    target_ranks[0, 0] += 7.0
    forged = type(ranks)(**{**vars(ranks), "target_ranks": target_ranks})
    store.write(VictimRanksCodec(), record.artefacts.ranks, forged)
    levels = by_level(check(leaderboard, 3))
    [finding] = levels[3].problems
    assert path.stem in finding.what
    place = r"ranks: target_ranks\[0, 0\] is (\S+) in the store and (\S+) here \(1 of 30 numbers"
    found, here = map(float, re.match(place, finding.why).groups())
    assert found == here + 7


def test_ranks_of_another_cell_are_not_taken_for_this_ones(leaderboard, check):
    record, path, store = stored(leaderboard, "random")
    other, _, _ = stored(leaderboard, "none")
    artefacts = record.artefacts.model_copy(update={"ranks": other.artefacts.ranks})
    store.write_record(record.model_copy(update={"artefacts": artefacts}))
    [finding] = by_level(check(leaderboard, 2))[2].problems
    assert path.stem in finding.what


def test_a_poison_that_the_attack_does_not_write_is_found_by_crafting_it(leaderboard, check):
    record, path, store = stored(leaderboard, "random")
    name = record.artefacts.poison
    crafted = store.read(PoisonCodec(), name)
    items = crafted.poison.items.copy()
    items[3] = (items[3] + 1) % 30
    forged = type(crafted.poison)(crafted.poison.offsets, items)
    store.write(PoisonCodec(), name, replace(crafted, poison=forged))
    [finding] = by_level(check(leaderboard, 4))[4].problems
    assert path.stem in finding.what
    assert finding.why.startswith("poison: items[3] is ")


def test_a_table_that_its_records_do_not_give_is_found_with_its_line(leaderboard, check):
    path = leaderboard / "leaderboard.md"
    lines = path.read_text().splitlines()
    [number, *_] = [i for i, line in enumerate(lines) if " random " in line]
    lines[number] = lines[number].replace("random ", "randon ")
    path.write_text("\n".join(lines) + "\n")
    found = check(leaderboard, 5)
    assert found.exit_code == 11  # its bytes are not those of the manifest either
    assert by_level(found)[1].problems
    [finding] = by_level(found)[5].problems
    assert (finding.what, finding.why) == (
        "leaderboard.md",
        f"line {number + 1} is not what its records give",
    )


def test_a_record_renamed_to_another_cell_is_found(leaderboard, check):
    record, path, store = stored(leaderboard, "random")
    _, other_path, _ = stored(leaderboard, "asks-surrogates")
    store.write_record(record.model_copy(update={"id": other_path.stem}))
    rewritten(leaderboard)
    found = check(leaderboard, 2)
    [finding] = by_level(found)[2].problems
    assert finding.what == f"records/{other_path.name}"
    assert finding.why == f"what its cell says has the id {path.stem}"


def test_code_that_a_record_names_is_not_imported(leaderboard, check, monkeypatch):
    monkeypatch.setattr("os.system", lambda command: pytest.fail("it was called"))
    record, path, store = stored(leaderboard, "random")
    evil = {"target": "os:system", "parameters": {"command": "true"}}
    forged = with_cell(record, victim={**record.cell.victim.model_dump(), **evil})
    cell_id = forged.id
    path.unlink()
    store.write_record(forged)
    manifest = leaderboard / "manifest.json"
    content = json.loads(manifest.read_text().replace(path.stem, cell_id))
    content.pop("sha256")
    manifest.write_text(canonical_json({**content, "sha256": content_id(content)}, indent=1) + "\n")
    assert by_level(check(leaderboard, 2))[2].problems  # nothing but metrics is computed there
    for level in (3, 4):
        report = by_level(check(leaderboard, level))[level]
        [finding] = [f for f in report.not_judged if cell_id in f.what]
        assert finding.why == "'counts' of toy-plugin 1.0 is not installed here"


def test_a_sample_is_drawn_by_its_seed_and_files_are_checked_whole(leaderboard, check):
    found = check(leaderboard, 1, 2, sample=4, seed=3)
    report = by_level(found)[2]
    assert report.n_checked + len(report.not_judged) == 4
    assert "levels 2 to 4 looked at 4 of 21 cells" in found.notes
    again = check(leaderboard, 1, 2, sample=4, seed=3)
    assert again.as_json() == found.as_json()
    samples = {
        tuple(f.what for f in by_level(check(leaderboard, 2, sample=4, seed=s))[2].not_judged)
        for s in range(6)
    }
    assert len(samples) > 1


def elsewhere(folder):
    """Make every run say that it was on another machine."""
    store = Store(folder, warn=print)
    for path in (folder / "runs").iterdir():
        run = store.read_json("runs", path.stem)
        run["environment"]["platform"] = "another"
        store.write_json("runs", path.stem, run)
    rewritten(folder)


def test_elsewhere_numbers_may_differ_as_much_as_seeds_do(leaderboard, check, monkeypatch):
    elsewhere(leaderboard)
    assert check(leaderboard, 3).exit_code == 0  # the same bits pass anywhere

    from toy_plugin import components

    real = components.Counts.fit

    def drifts(self, train, *, validation, seed):
        return real(self, train, validation=validation, seed=seed + 1)

    monkeypatch.setattr(components.Counts, "fit", drifts)
    report = by_level(check(leaderboard, 3))[3]
    spread = [f.why for f in report.problems]
    assert all("its seeds lie within" in why for why in spread)
    assert report.n_checked == 15

    def reversed_scores(self, users, histories):
        return -scores(self, users, histories)

    scores = components.Counts.score_next
    monkeypatch.setattr(components.Counts, "score_next", reversed_scores)
    report = by_level(check(leaderboard, 3))[3]
    assert len(report.problems) >= 9
    assert re.search(
        r"is \S+ in the record and \S+ here, on another machine or other versions; its seeds lie "
        r"within \S+$",
        report.problems[0].why,
    )


def test_on_the_same_environment_one_other_bit_fails(leaderboard, check, monkeypatch):
    from toy_plugin import components

    real = components.Counts.fit

    def drifts(self, train, *, validation, seed):
        return real(self, train, validation=validation, seed=seed + 1)

    monkeypatch.setattr(components.Counts, "fit", drifts)
    assert by_level(check(leaderboard, 3))[3].verdict == "failed"


def test_one_seed_has_no_spread_and_is_not_judged_elsewhere(tmp_path, compute, check, monkeypatch):
    folder = compute(tmp_path / "one", seeds=[0], attackers=["random"])
    elsewhere(folder)
    from toy_plugin import components

    monkeypatch.setattr(components.Counts, "n_training_samples", property(lambda self: 7))
    found = check(folder, 3)
    report = by_level(found)[3]
    assert not report.problems or all("failed" in f.why for f in report.problems)


def test_runs_that_are_left_out_are_named_and_the_numbers_judged_as_from_elsewhere(
    leaderboard, check
):
    shutil.rmtree(leaderboard / "runs")
    found = check(leaderboard, 1, 3)
    assert found.exit_code == 11
    assert len(by_level(found)[1].problems) == len(list((leaderboard / "records").iterdir()))
    assert by_level(found)[3].verdict == "passed"


def test_a_run_of_another_machine_is_not_taken_for_the_one_that_is_listed(leaderboard, check):
    _, path, store = stored(leaderboard, "random")
    run = store.read_json("runs", path.stem)
    run["environment"]["cpu"] = "another"
    store.write_json("runs", path.stem, run)
    found = check(leaderboard, 1)
    [finding] = found.levels[0].problems
    assert finding.what == f"runs/{path.name}"
    assert finding.why == "it tells of another machine than the manifest"


def test_a_missing_cell_stays_in_the_tables_that_are_rebuilt(tmp_path, compute, check):
    folder = compute(tmp_path / "part", attackers=["none", "random"])
    record, path, store = stored(folder, "random")
    path.unlink()
    manifest = read_manifest(folder)
    records = {i: store.record(i) for i in manifest.record_ids if i != path.stem}
    write_again(store, manifest, records, missing=[record.cell])
    assert "1 missing" in (folder / "leaderboard.md").read_text()
    assert "has no result for seed 0" in (folder / "leaderboard.md").read_text()
    assert check(folder, 1, 5).exit_code == 0


def test_damage_is_found_again_after_the_tables_are_written_anew(leaderboard, check, capsys):
    record, _, store = stored(leaderboard, "random")
    poison = leaderboard / "artefacts" / "poison" / f"{record.artefacts.poison}.npz"
    raw = bytearray(poison.read_bytes())
    raw[len(raw) // 2] ^= 1
    poison.write_bytes(raw)
    assert check(leaderboard, 1).exit_code == 11
    manifest = read_manifest(leaderboard)
    records = {i: store.record(i) for i in manifest.record_ids}
    write_again(store, manifest, records, plan=manifest.plan)
    assert f"{poison}: it is not the file that the manifest lists" in capsys.readouterr().out
    assert read_manifest(leaderboard) == manifest
    found = check(leaderboard, 1)
    assert found.exit_code == 11
    assert [finding.what for finding in found.levels[0].problems] == [
        poison.relative_to(leaderboard).as_posix()
    ]


def test_a_folder_without_a_manifest_is_refused(tmp_path, check):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match=r"manifest.json: No such file .* `loki-bench run` wrote"):
        check(tmp_path / "empty")


def test_deleting_any_half_of_the_records_and_running_again_gives_the_same_bytes(
    original, leaderboard, compute
):
    def files(folder):
        return {
            p.relative_to(folder): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file() and not {"runs", "work"} & set(p.relative_to(folder).parts)
        }

    records = sorted((leaderboard / "records").iterdir())
    for half in (records[::2], records[1::2], records[: len(records) // 2]):
        for path in half:
            path.unlink()
        compute(leaderboard)
        assert files(leaderboard) == files(original)
