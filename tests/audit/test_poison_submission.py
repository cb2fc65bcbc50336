"""Poison that is handed in for a leaderboard: measured here, and never with code of others."""

import json
import os

import pytest

from loki_bench.audit.acceptance import accept
from loki_bench.audit.poison_submission import is_poison
from loki_bench.audit.submission import submit_poison
from loki_bench.audit.verification import verify
from loki_bench.errors import ParameterError, StoreError
from loki_bench.leaderboard.folder import accepted_cells
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.plugins.registry import discover
from loki_bench.records.store import Store
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import Choice


@pytest.fixture
def home(tmp_path, compute):
    return compute(tmp_path / "home", attackers=["none", "random"], seeds=[0, 1])


@pytest.fixture
def data_of():
    return lambda cell: load_dataset(Choice(name="toy"), discover(), download=False)


@pytest.fixture
def randoms(home, data_of, tmp_path):
    """What `random` wrote for each seed, as a file of fake users by name."""
    store = Store(home, warn=pytest.fail)
    data = data_of(None)[1]
    found = {}
    for record in (store.record(path.stem) for path in (home / "records").glob("*.json")):
        if record.cell.attacker.name == "random" and not record.cell.placebo:
            poison = store.read(PoisonCodec(), record.artefacts.poison).poison
            named = [[data.item_tokens[item] for item in row] for row in poison]
            targets = [data.item_tokens[item] for item in record.goal.items]
            path = tmp_path / f"mine-{record.cell.seed}.json"
            path.write_text(json.dumps({"target_items": targets, "fake_users": named}))
            found[record.cell.seed] = record
    return found


def everything(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_poison_is_measured_as_the_attack_that_wrote_it(home, randoms, data_of, opened, tmp_path):
    file = tmp_path / "mine.json"
    pattern = str(tmp_path / "mine-{seed}.json")
    assert submit_poison(home, pattern, "mine", file, data_of=data_of) == sum(
        record.spent.fake_users for record in randoms.values()
    )
    assert str(tmp_path) not in file.read_text()
    added = accept(home, file, registry=discover(), opened=opened)
    assert len(added) == 2
    store = Store(home, warn=pytest.fail)
    for cell_id in added:
        record = store.record(cell_id)
        theirs = randoms[record.cell.seed]
        assert record.metrics == theirs.metrics
        assert record.goal == theirs.goal
        assert record.artefacts.poison_digest == theirs.artefacts.poison_digest
    text = (home / "leaderboard.md").read_text()
    assert "replay: mine" in text
    assert accepted_cells(home)[0].plugin.distribution == "poison handed in"
    assert accept(home, file, registry=discover(), opened=opened) == []  # it is there already

    found = verify(home, levels=(1, 2, 3, 5), registry=discover(), opened=opened)
    assert found.exit_code == 0, found.as_text()
    said = verify(home, levels=(4,), registry=discover(), opened=opened).as_text()
    assert "its poison was handed in" in said


def test_clean_cells_under_a_fresh_key_are_none_of_the_leaderboards(
    home, randoms, data_of, opened, tmp_path, with_fresh
):
    def for_others(record):
        items = tuple(item + 1 for item in record.goal.items)
        goal = record.goal.model_copy(update={"items": items, "item_tokens": ()})
        return record.model_copy(update={"goal": goal})

    with_fresh("1" * 32, for_others, folder=home)
    file = tmp_path / "not" / "there" / "mine.json"
    submit_poison(home, str(tmp_path / "mine-{seed}.json"), "mine", file, data_of=data_of)
    added = accept(home, file, registry=discover(), opened=opened)
    store = Store(home, warn=pytest.fail)
    assert [store.record(cell_id).cell.key for cell_id in added] == ["", ""]


def test_what_does_not_fit_the_leaderboard_is_refused_and_nothing_changes(
    home, randoms, data_of, opened, tmp_path
):
    file = tmp_path / "mine.json"
    submit_poison(home, str(tmp_path / "mine-{seed}.json"), "mine", file, data_of=data_of)
    good, before = json.loads(file.read_text()), everything(home)
    first = good["seeds"]["0"]
    many = {"0": {**first, "fake_users": first["fake_users"] * 2}, "1": good["seeds"]["1"]}
    for change, message in (
        ({"seeds": {"0": first}}, "for the seeds 0; this leaderboard has 0, 1"),
        ({"seeds": {**good["seeds"], "1": first}}, "written for other targets than seed 1"),
        ({"dataset": "0" * 64}, "other data"),
        ({"seeds": many}, "no budget of this leaderboard allows as much"),
        ({"seeds": {**good["seeds"], "0": {"fake_users": [["no such"]]}}}, "no item 'no such'"),
        ({"seeds": {**good["seeds"], "0": {"fake_users": [[]]}}}, "has no item"),
        ({"name": "<b>"}, "name: string should match"),
        ({"code": "x"}, "code: extra inputs"),
    ):
        file.write_text(json.dumps({**good, **change}))
        with pytest.raises(StoreError, match=message):
            accept(home, file, registry=discover(), opened=opened)
    assert everything(home) == before


def test_one_file_for_seeds_of_different_targets_is_refused_at_once(
    home, randoms, data_of, tmp_path
):
    with pytest.raises(StoreError, match="other targets than seed 1"):
        submit_poison(
            home, str(tmp_path / "mine-0.json"), "m", tmp_path / "out.json", data_of=data_of
        )
    with pytest.raises(ParameterError, match="No such file"):
        submit_poison(home, "none.json", "m", tmp_path / "out.json", data_of=data_of)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "who,what\nf,i1\n"),
        ("p.csv", "f,i1,i2\ng,i3,i4\n"),
        ("p.json", '{"fake_users": [["1"]]}'),
        ("p.json", '{"fake_users": {"u0": ["i1"]}}'),
        ("p.jsonl", '{"user": "f", "item": "i1"}\n'),
    ],
)
def test_what_is_said_of_a_poison_advises_nothing_that_submit_does_not_take(
    home, data_of, tmp_path, name, text
):
    (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError) as refused:
        submit_poison(home, str(tmp_path / name), "m", tmp_path / "out.json", data_of=data_of)
    said = str(refused.value)
    assert said.startswith("the poison ")
    assert name in said
    assert "`submit` takes none: write the poison as JSON" in said


@pytest.mark.parametrize(
    ("path", "name", "said"), [("", "m", "--poison is"), ("p", " ", "--name is")]
)
def test_an_option_that_nothing_can_be_made_of_is_named_as_it_was_typed(
    home, data_of, tmp_path, path, name, said
):
    with pytest.raises(ParameterError, match=f"^{said}"):
        submit_poison(home, path, name, tmp_path / "out.json", data_of=data_of)


def test_a_pipe_is_no_submission_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        is_poison(tmp_path / "pipe")
