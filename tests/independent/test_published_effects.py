"""The independent program: its parts by hand, its recommenders on planted truth, its status."""

import ast
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "benchmarks" / "independent" / "published_effects.py"
QUICK = ROOT / "leaderboards" / "quick"

if not PROGRAM.is_file():
    pytest.skip("benchmarks are not in this distribution", allow_module_level=True)


def test_it_imports_nothing_but_numpy_numba_and_the_standard_library():
    imported = set()
    for node in ast.walk(ast.parse(PROGRAM.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy", "numba"}
    assert "__import__" not in PROGRAM.read_text("utf-8")
    assert "import_module" not in PROGRAM.read_text("utf-8")


def test_the_last_event_tests_and_the_one_before_validates(effects):
    train, validation, known, test = effects.split([np.array([4, 2, 7, 1]), np.array([3, 5])])
    assert [list(row) for row in train] == [[4, 2], [3, 5]]
    assert list(validation) == [7, -1]
    assert [list(row) for row in known] == [[4, 2, 7], [3, 5]]
    assert list(test) == [1, -1]


def test_a_core_is_taken_until_nothing_changes(effects):
    # item d is rare; without it user 3 has one event and goes, and with that c is rare, too
    sequences = {"1": ["a", "b"], "2": ["b", "a", "c"], "3": ["c", "d"]}
    assert effects.core(sequences, 2) == {"1": ["a", "b"], "2": ["b", "a"]}


def test_names_are_numbered_by_length_and_then_by_text(effects, tmp_path):
    (tmp_path / "beauty.txt").write_text("10 9 30 9\n2 30 9 30\n")
    sequences, n_items = effects.read("amazon-beauty", tmp_path, k_core=2)
    assert n_items == 2
    assert [list(row) for row in sequences] == [[1, 0, 1], [0, 1, 0]]  # user 2 before user 10


def test_data_that_is_not_there_is_said_in_a_sentence(effects, tmp_path):
    with pytest.raises(SystemExit, match=r"beauty\.txt is not there: LOKI_BENCH_DATA names"):
        effects.read("amazon-beauty", tmp_path)


def test_ties_share_a_rank_and_known_items_have_none(effects):
    scores = np.array([0.9, 0.5, 0.5, 0.1, 0.7])
    found = effects.ranks(scores, np.array([0]), np.array([0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(found, [np.nan, 2.5, 2.5, 4, 1])


def test_the_display_rate_leaves_out_pairs_without_a_rank(effects):
    assert effects.display_rate(np.array([[1.0, 10.0, np.nan], [10.5, 200.0, 3.0]])) == 3 / 5


def auc(scores, good):
    """The chance that a good item is above another one."""
    above = scores[good][:, None] > np.delete(scores, good)[None]
    return above.mean()


def test_bpr_finds_two_planted_tastes(effects):
    random = np.random.default_rng(0)
    own = [np.arange(20) + 20 * (user % 2) for user in range(80)]
    rows = [random.permutation(items) for items in own]
    train, nothing = [row[:8] for row in rows], np.full(80, -1)
    model = effects.fit("bprmf", train, 40, nothing, seed=0, epochs=60)
    found = []
    for user in range(80):
        others = np.delete(np.arange(40), train[user])  # neither trained on
        good = np.flatnonzero(np.isin(others, own[user]))
        found.append(auc(model.scores(user, train[user])[others], good))
    assert np.mean(found) > 0.95


def test_fpmc_finds_a_planted_chain_that_bpr_cannot(effects):
    random = np.random.default_rng(0)
    n = 30  # after item i comes i + 7, whoever the user is
    train = [(start + 7 * np.arange(6)) % n for start in random.integers(n, size=150)]
    nothing = np.full(150, -1)
    found = {}
    for kind in ("fpmc", "bprmf"):
        model = effects.fit(kind, train, n, nothing, seed=0, epochs=60)
        found[kind] = np.mean(
            [auc(model.scores(u, row), [(row[-1] + 7) % n]) for u, row in enumerate(train)]
        )
    assert found["fpmc"] > 0.97
    assert found["fpmc"] > found["bprmf"] + 0.05


def test_the_same_seed_gives_the_same_model(effects):
    train, nothing = [np.array([0, 1, 2]), np.array([3, 4, 0])], np.full(2, -1)
    first, again, other = (
        effects.fit("fpmc", train, 6, nothing, seed=seed, epochs=3) for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first.tables, again.tables, strict=True))
    assert not np.array_equal(first.tables[0], other.tables[0])


def rows_of(**ours):
    """(seed, published, ours) of two seeds; published are none 0, popular 0.02, the others 0.2."""
    published = {"none": 0.0, "popular": 0.02, "covisit": 0.2, "loki": 0.4}
    return {
        attack: [(seed, published[attack], rate) for seed, rate in enumerate(rates)]
        for attack, rates in ours.items()
    }


def test_an_effect_that_is_not_there_and_a_turned_order_are_told(effects):
    told_apart = [("loki", "covisit"), ("loki", "popular")]
    none, popular = (0.01, 0.0), (0.0, 0.0)  # of popular no effect is published
    assert not effects.disagreements(
        rows_of(none=none, popular=popular, covisit=(0.1, 0.2), loki=(0.2, 0.3)), told_apart
    )
    assert effects.disagreements(
        rows_of(none=none, popular=popular, covisit=(0.3, 0.3), loki=(0.2, 0.3)), told_apart
    ) == ["loki is published above covisit, and is not here"]
    assert effects.disagreements(
        rows_of(none=none, popular=popular, covisit=(0.01, 0.2), loki=(0.2, 0.3)), told_apart
    ) == ["the published effect of covisit is not there"]


def test_an_effect_is_as_large_within_half_of_it_or_near_enough(effects):
    assert effects.is_as_large(0.4, 0.2)
    assert effects.is_as_large(0.4, 0.6)
    assert not effects.is_as_large(0.4, 0.19)
    assert effects.is_as_large(0.02, 0.07)
    assert not effects.is_as_large(0.02, 0.08)


@pytest.mark.skipif(not QUICK.is_dir(), reason="leaderboards are not in this distribution")
class TestQuick:
    def test_stored_ranks_give_the_published_display_rates(self, effects):
        board = effects.Board(QUICK)
        assert len(board.records) == 70  # seven attacks, two victims, five seeds
        for record in board.records[:20]:
            ranks = board.arrays("ranks", record["artefacts"]["ranks"])["target_ranks"]
            [rate] = [m["value"] for m in record["metrics"] if m["label"] == "display_rate@10"]
            assert effects.display_rate(ranks) == pytest.approx(rate, abs=1e-12)

    def test_a_victim_that_learns_nothing_ends_with_status_1(self, effects, monkeypatch, capsys):
        monkeypatch.setattr(effects, "MOST_EPOCHS", 0)
        monkeypatch.setattr(sys, "argv", ["published_effects", str(QUICK), "--seeds", "1"])
        assert effects.main() == 1
        said = capsys.readouterr().out
        assert "quick, fpmc, 3 %: the published effect of loki is not there" in said

    def test_poison_that_is_not_the_manifests_is_refused(self, effects, monkeypatch):
        board = effects.Board(QUICK)
        [record, *_] = [r for r in board.records if r["cell"]["attacker"]["name"] == "loki"]
        assert len(board.poison(record)) == 28
        monkeypatch.setattr(board, "_hashes", dict.fromkeys(board._hashes, "0" * 64))
        with pytest.raises(SystemExit, match="is not the file that the manifest names"):
            board.poison(record)


def test_the_boards_that_it_names_are_there(effects):
    for name in effects.BOARDS:
        folder = ROOT / "leaderboards" / name
        if folder.parent.is_dir():
            assert json.loads((folder / "manifest.json").read_text())["suite"] in name
