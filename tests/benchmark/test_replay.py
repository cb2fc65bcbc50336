"""Poison from a file: in a suite, in its ids and tables, and out of results again."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from workers_here import Here

from loki_bench import Benchmark
from loki_bench.audit.poison_export import export_poison
from loki_bench.audit.publication import publish
from loki_bench.audit.reproduction import folder_of
from loki_bench.cli.main import cli
from loki_bench.datasets.poison_writing import written_poison
from loki_bench.errors import StoreError, SuiteError
from loki_bench.leaderboard.warnings import warnings_of
from loki_bench.suite.toml_tables import given_toml

N_USERS = 12
ITEMS = [f"i{n}" for n in range(10)]
LINES = [
    f"u{u} " + " ".join(ITEMS[(u + step * (1 + u % 3)) % 10] for step in range(6))
    for u in range(N_USERS)
]
FAKE = {"fake0": ["i9", "i0", "i9"], "fake1": ["i9", "i1"]}

SUITE = """
name = "mine"
seeds = [0]
victims = ["counts", { name = "follows", parameters = { noise = 0.25 } }]
attackers = ["none", { name = "replay", parameters = { path = "poison.json" } }]
metrics = ["display_rate@3", "hr@3"]
dataset = { name = "file", parameters = { path = "data.txt", k_core = 0 } }
isolation = "in-process"
[protocol]
n_target_users = 5
"""


@pytest.fixture
def here(tmp_path):
    """A folder with a suite, its data and a poison that says what it is for."""
    (tmp_path / "data.txt").write_text("\n".join(LINES) + "\n")
    (tmp_path / "poison.json").write_text(json.dumps({"target_items": ["i9"], "fake_users": FAKE}))
    (tmp_path / "mine.toml").write_text(SUITE)
    return tmp_path


def opened(here, **changes):
    return Benchmark.open(here / "mine.toml", results=here / "results", warn=pytest.fail, **changes)


def replays(benchmark):
    return [cell for cell in benchmark.cells if cell.attacker.name == "replay"]


def test_a_suite_takes_targets_and_budget_from_the_poison(here):
    benchmark = opened(here)
    assert benchmark.suite.protocol.targets == ["i9"]
    for cell in benchmark.cells:  # all of them are compared
        assert (cell.budget.n_fake_users, cell.budget.actions) == (2, 3)
    leaderboard = benchmark.run(workers=Here(), progress=False)
    rows = leaderboard.tables[0].rows
    assert sorted({row.attacker for row in rows}) == ["none", "replay: poison"]
    # one of the two is the attack: nobody can be told other targets, and nothing is marked
    assert not any(row.placebo or row.placebo_effect for row in rows)
    assert any(
        said.startswith("Poison handed in: replay: poison: fake users as they were given")
        for said in warnings_of(leaderboard.tables[0])
    )
    record = next(r for r in leaderboard.records if r.cell.attacker.name == "replay")
    assert (record.spent.fake_users, record.spent.events, record.spent.events_on_targets) == (
        2,
        5,
        3,
    )
    assert [benchmark.interactions.item_tokens[i] for i in record.goal.items] == ["i9"]


def test_the_ranks_are_those_of_the_same_rows_at_hand(here):
    benchmark = opened(here)
    benchmark.run(workers=Here(), progress=False)
    for victim in ("counts", "follows"):
        one = benchmark.evaluate(victim=victim, attacker="replay", seed=0, workers=Here())
        other = benchmark.evaluate_poison(FAKE.values(), victim=victim, seed=0, workers=Here())
        np.testing.assert_array_equal(one.ranks.target_ranks, other.ranks.target_ranks)
        np.testing.assert_array_equal(one.ranks.test_ranks, other.ranks.test_ranks)


def test_one_event_changes_the_id_and_another_place_or_form_does_not(here, tmp_path_factory):
    first = [cell.id for cell in replays(opened(here))]
    moved = tmp_path_factory.mktemp("elsewhere")
    for name in ("data.txt", "mine.toml"):
        shutil.copy(here / name, moved / name)
    lines = ['# target_items: ["i9"]', *(" ".join((u, *row)) for u, row in FAKE.items())]
    (moved / "other.txt").write_text("\n".join(lines))
    (moved / "mine.toml").write_text(SUITE.replace("poison.json", "other.txt"))
    assert [cell.id for cell in replays(opened(moved))] == first
    (moved / "other.txt").write_text("\n".join(lines).replace("i9 i0 i9", "i9 i0 i8"))
    assert set(first).isdisjoint(cell.id for cell in replays(opened(moved)))


def test_a_changed_suite_has_one_folder_however_its_path_was_typed(here, monkeypatch):
    def part(file):
        benchmark = Benchmark.open(file, results=here / "results", warn=pytest.fail)
        return benchmark.part(settings=[("protocol.n_target_users", 4)])

    name = part(here / "mine.toml").suite.name
    assert name.startswith("mine-part-")
    monkeypatch.chdir(here)
    assert part(Path("mine.toml")).suite.name == name
    (here / "data.txt").write_text("\n".join([*LINES, "u99 i0 i1 i2"]) + "\n")
    assert part(Path("mine.toml")).suite.name != name  # other data, other tables


def test_a_copy_of_a_suite_with_its_files_is_the_same_suite_and_with_other_data_is_not(
    here, tmp_path_factory
):
    opened(here).run(workers=Here(), progress=False)
    copy = tmp_path_factory.mktemp("copy")
    for name in ("data.txt", "mine.toml", "poison.json"):
        shutil.copy(here / name, copy / name)

    def of_copy():
        return Benchmark.open(copy / "mine.toml", results=here / "results", warn=pytest.fail)

    of_copy().run(workers=Here(), progress=False)
    opened(here).leaderboard()
    (copy / "data.txt").write_text("\n".join([*LINES, "u99 i0 i1 i2"]) + "\n")
    with pytest.raises(SuiteError, match="holds the results of another suite file"):
        of_copy().run(workers=Here(), progress=False)


def test_no_path_gets_into_what_is_written(here):
    opened(here).run(workers=Here(), progress=False)
    for path in (here / "results").rglob("*.json"):
        # the folder's own notes, which are not published
        if path.name != "suite.json" and path.parent.name != "work":
            assert str(here) not in path.read_text()
    for path in (here / "results").rglob("leaderboard.*"):
        assert str(here) not in path.read_text()


def test_a_cell_whose_poison_was_edited_is_computed_again(here):
    opened(here).run(workers=Here(), progress=False)
    assert opened(here).missing() == []
    (here / "poison.json").write_text(
        json.dumps({"target_items": ["i9"], "fake_users": {**FAKE, "fake1": ["i9", "i2"]}})
    )
    assert [cell.attacker.name for cell in opened(here).missing()] == ["replay", "replay"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"protocol": {"targets": ["i3"]}},
            r'other targets .* measures \(i3\); .* targets = \["i9"\]',
        ),
        ({"protocol": {"n_targets": 2}}, "poison.json was written for other targets than seed 0"),
        ({"budget": {"fake_users": 0.1}}, "has 2 fake users of up to 3 events, more than"),
        ({"budget": {"actions": 2}}, "more than the suite allows"),
    ],
)
def test_what_the_suite_says_is_checked_against_the_poison(here, change, message):
    with pytest.raises(SuiteError, match=message):
        opened(here, **change)


def test_the_smallest_budget_that_holds_the_poison_has_its_row(here):
    budget = {"fake_users": [0.1, 0.2, 0.3], "actions": [2, 3, 9]}
    cells = replays(opened(here, budget=budget))
    assert {(c.budget.fake_users, c.budget.actions) for c in cells} == {(0.2, 3)}


def test_poison_that_does_not_say_its_targets_needs_them_named(here):
    (here / "poison.json").write_text(json.dumps(list(FAKE.values())))
    with pytest.raises(SuiteError, match=r"each of the 2 seeds draws others.*i9 3"):
        opened(here, seeds=[0, 1], protocol={"n_targets": 1})
    benchmark = opened(here, protocol={"n_targets": 1})
    assert any("does not say which items it is for" in note for note in benchmark.notes)
    named = opened(here, seeds=[0, 1], protocol={"targets": ["i9"]})
    assert named.notes == opened(here, attackers=["none"], protocol={"targets": ["i9"]}).notes


def test_two_poisons_of_one_name_or_of_different_targets_are_refused(here):
    shutil.copytree(here, here / "b", ignore=shutil.ignore_patterns("b"))
    one, two = (
        {"name": "replay", "parameters": {"path": str(here / p)}}
        for p in ("poison.json", "b/poison.json")
    )
    with pytest.raises(
        SuiteError, match="two poisons are called 'poison'; give one of them a name"
    ):
        opened(here, attackers=[one, two])
    (here / "b" / "q.json").write_text(json.dumps({"targets": ["i1"], "fake_users": [["i1"]]}))
    two = {"name": "replay", "parameters": {"path": str(here / "b" / "q.json")}}
    with pytest.raises(
        SuiteError, match=r"poison.json and q.json were written for different targets"
    ):
        opened(here, attackers=[one, two])


def test_other_attacks_keep_their_placebos_and_ids(here):
    budget, goal = {"fake_users": 0.2, "actions": 3}, {"targets": ["i9"]}
    alone = opened(here, attackers=["random"], budget=budget, protocol=goal)
    path = str(here / "poison.json")
    beside = opened(
        here,
        attackers=["random", {"name": "replay", "parameters": {"path": path}}],
        budget=budget,
        protocol=goal,
    )
    ids = [cell.id for cell in beside.cells if cell.attacker.name != "replay"]
    assert ids == [cell.id for cell in alone.cells]
    assert {cell.placebo for cell in beside.cells if cell.attacker.name == "random"} == {
        False,
        True,
    }


DRAWN = """
name = "drawn"
seeds = [3]
victims = ["counts", { name = "follows", parameters = { noise = 0.25 } }]
attackers = ["popular"]
metrics = ["display_rate@3", "hr@3"]
dataset = { name = "file", parameters = { path = "data.txt", k_core = 0 } }
isolation = "in-process"
integrity_rows = false
[protocol]
n_targets = 2
n_target_users = 5
[budget]
fake_users = 0.3
actions = 4
"""


@pytest.mark.parametrize("form", ["json", "sequences", "pairs", "csv", "inter", "npz"])
def test_an_exported_poison_gives_the_same_ranks_in_every_form(here, form):
    (here / "drawn.toml").write_text(DRAWN)
    results = here / "results"
    benchmark = Benchmark.open(here / "drawn.toml", results=results, warn=pytest.fail)
    benchmark.run(workers=Here(), progress=False)
    data = benchmark.interactions
    written = benchmark.cells[0]

    def read(cell, *, places):
        return cell.dataset, data

    found = export_poison(results, written.id[:8], data_of=read)
    assert found.poison.users == ("fake0", "fake1", "fake2", "fake3")
    (here / f"out.{form}").write_bytes(written_poison(found.poison, form))
    parameters = {"path": str(here / f"out.{form}")}
    if form in ("sequences", "pairs"):
        parameters["format"] = form
    replayed = Benchmark.open(
        here / "drawn.toml",
        results=results,
        warn=pytest.fail,
        name="again",
        attackers=[{"name": "replay", "parameters": parameters}],
    )
    replayed.run(workers=Here(), progress=False)
    for victim in ("counts", "follows"):
        one = benchmark.evaluate(victim=victim, attacker="popular", seed=3, workers=Here())
        other = replayed.evaluate(victim=victim, attacker="replay", seed=3, workers=Here())
        assert one.record.artefacts.poison_digest == other.record.artefacts.poison_digest
        np.testing.assert_array_equal(one.ranks.target_ranks, other.ranks.target_ranks)
        np.testing.assert_array_equal(one.ranks.test_ranks, other.ranks.test_ranks)


def test_the_command_exports_by_a_record_s_name_what_a_suite_of_one_line_reads(here, monkeypatch):
    monkeypatch.chdir(here)
    Path("drawn.toml").write_text(DRAWN)
    benchmark = Benchmark.open("drawn.toml", warn=pytest.fail)
    benchmark.run(workers=Here(), progress=False)
    said = CliRunner().invoke(
        cli,
        ["poison", "export", f"{benchmark.cells[0].id}.json", "--out", "p.json"],
        standalone_mode=False,
    )
    assert said.exit_code == 0, said.output
    assert "p.json: 4 fake users with 16 events, of popular, seed 3" in said.output
    content = json.loads(Path("p.json").read_text())
    targets = [benchmark.interactions.item_tokens[i] for i in benchmark.goal(3).items]
    assert content["target_items"] == targets
    assert all(token in ITEMS for row in content["fake_users"].values() for token in row)


def test_what_is_said_of_an_exported_poison_is_toml_whatever_the_names(here, monkeypatch):
    monkeypatch.chdir(here)
    text = Path("data.txt").read_text()
    Path("data.txt").write_text(re.sub(r"i(\d)", r'"\1\\', text))
    Path("drawn.toml").write_text(DRAWN)
    benchmark = Benchmark.open("drawn.toml", warn=pytest.fail)
    benchmark.run(workers=Here(), progress=False)
    said = CliRunner().invoke(
        cli,
        ["poison", "export", benchmark.cells[0].id, "--format", "inter", "--out", 'a "b".inter'],
        standalone_mode=False,
    )
    assert said.exit_code == 0, said.output
    assert toml(said.output, "in a suite: ", "a = ")["a"]["parameters"]["path"] == 'a "b".inter'
    targets = [benchmark.interactions.item_tokens[i] for i in benchmark.goal(3).items]
    assert toml(said.output, "[protocol]: ")["targets"] == targets


def toml(said, behind, key=""):
    """The TOML that stands at the end of a line behind some words."""
    return given_toml(key + said.partition(behind)[2].partition("\n")[0])


def test_two_leaderboards_own_files_of_one_name_are_told_apart(here, monkeypatch):
    monkeypatch.chdir(here)
    text = Path("data.txt").read_text()
    cells = []
    for name in ("first", "second"):
        Path(name).mkdir()
        (Path(name) / "data.txt").write_text(text if name == "first" else text.replace("i", "z"))
        suite = DRAWN.replace('"data.txt"', f'"{name}/data.txt"').replace('"drawn"', f'"{name}"')
        Path(f"{name}.toml").write_text(suite)
        benchmark = Benchmark.open(f"{name}.toml", warn=pytest.fail)
        benchmark.run(workers=Here(), progress=False)
        cells.append(benchmark.cells[0].id)
    for name, cell_id in zip(("first", "second"), cells, strict=True):
        said = CliRunner().invoke(
            cli, ["poison", "export", cell_id, "--out", f"{name}.json"], standalone_mode=False
        )
        assert said.exit_code == 0, said.output


def test_a_cell_is_found_though_other_leaderboards_are_damaged(here):
    benchmark = opened(here)
    benchmark.run(workers=Here(), progress=False)
    own = here / "results"
    cell = next(cell for cell in benchmark.cells if cell.attacker.name == "replay")
    publish(own / "mine", own / "a-packed", artefact_bytes=10**9)
    for name, damage in (("b-broken", "manifest.json"), ("c-torn", "records.jsonl.gz")):
        shutil.copytree(own / "a-packed", here / name)
        (here / name / damage).write_bytes(b"half")
    shutil.rmtree(own / "mine")
    place = here / "leaderboards"
    place.mkdir()
    for name in ("b-broken", "c-torn"):
        (here / name).rename(place / name)

    def read(cell, *, places):
        return cell.dataset, benchmark.interactions

    def exported(cell_id):
        return export_poison(place, cell_id, data_of=read).record.id

    with pytest.raises(StoreError, match=r"c-torn.records\.jsonl\.gz: its bytes are not those"):
        exported(cell.id)  # it is there and nowhere else
    with pytest.raises(StoreError, match=r"has no cell '0{9}'.*; not looked at: .*b-broken"):
        exported("000000000")
    with pytest.raises(StoreError, match=r"no cell begins.*; not looked at: .*b-broken"):
        folder_of("000000000", place)
    (own / "a-packed").rename(place / "d-whole")
    assert exported(cell.id[:8]) == cell.id
    (place / "c-torn" / "manifest.json").unlink()
    assert folder_of(cell.id[:8], place) == (place / "d-whole", cell.id)


def test_what_has_no_poison_can_not_be_exported(here):
    benchmark = opened(here)
    benchmark.run(workers=Here(), progress=False)
    clean = next(cell for cell in benchmark.cells if cell.attacker.name == "none")

    def nobody_reads(cell, *, places):
        pytest.fail("read")

    for cell_id, message in (
        ("xyz", "is no cell"),
        ("000000000", "has no cell '000000000'"),
        (clean.id, "injects nothing"),
    ):
        with pytest.raises(StoreError, match=message):
            export_poison(here / "results", cell_id, data_of=nobody_reads)
