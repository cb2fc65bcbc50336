"""Victims crossed with named ways to train them."""

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.leaderboard.rendering import as_markdown, as_short_text
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.suite.suite import Suite

SHORT = {"name": "2 epochs", "parameters": {"epochs": 2}}
DAILY = {
    "name": "daily",
    "parameters": {"epochs": 2},
    "regime": "fine-tune",
    "epochs": 3,
}
ONE = {
    "victims": [{"name": "bprmf", "parameters": {"embedding_size": 8, "epochs": 4}}],
    "metrics": ["display_rate@5"],
    "seeds": [0],
}


def test_every_victim_has_every_regime_and_one_poison_serves_them(prepared):
    suite = prepared(**ONE, regimes=[{"name": "own"}, SHORT, DAILY], attackers=["random"])
    cells = {cell.regime.name: cell for cell in suite.grid.cells}
    assert list(cells) == ["own", "2 epochs", "daily"]
    assert [cell.victim.parameters["epochs"] for cell in cells.values()] == [4, 2, 2]
    assert [cell.regime_label for cell in cells.values()] == [
        "bprmf(embedding_size=8, epochs=4) (own)",
        "bprmf(embedding_size=8) (2 epochs)",
        "bprmf(embedding_size=8) (daily)",
    ]
    assert len({cell.craft_id for cell in cells.values()}) == 1
    assert len({cell.id for cell in cells.values()}) == 3


def test_a_regime_that_changes_nothing_and_no_regime_are_the_same_cell(prepared):
    [plain] = prepared(**ONE, attackers=["random"]).grid.cells
    named = prepared(**ONE, regimes=[{"name": "own"}, SHORT], attackers=["random"])
    assert named.grid.cells[0].id == plain.id
    assert "regime" not in plain.model_dump()


def test_a_table_shows_regimes_by_name_and_says_what_they_are(prepared, run, tmp_path):
    suite = prepared(**ONE, regimes=[SHORT, DAILY], attackers=["none", "random"])
    store, lines = run(suite, tmp_path)
    assert [status for _, status in lines] == ["ok"] * 4
    tables = tables_of(store.records(suite.grid.cells).values())
    assert {row.victim for row in tables[0].rows} == {
        "bprmf(embedding_size=8) (2 epochs)",
        "bprmf(embedding_size=8) (daily)",
    }
    text = as_markdown("s", "", tables)
    assert "2 epochs: epochs=2; daily: epochs=2, fine-tuned for 3 epochs on old and new" in text
    assert "Regimes: 2 epochs: epochs=2" in as_short_text(tables, 80)


def test_fine_tuning_begins_with_the_clean_weights_and_none_is_the_clean_victim(
    prepared, run, tmp_path
):
    suite = prepared(**ONE, regimes=[SHORT, DAILY], attackers=["none", "random"])
    store, _ = run(suite, tmp_path)
    found = store.records(suite.grid.cells).values()
    ranks = {
        (r.cell.regime.name, r.cell.attacker.name): (r, store.read(VictimRanksCodec(), address))
        for r in found
        for address in [r.artefacts.ranks]
    }
    record, none = ranks["daily", "none"]
    assert record.artefacts.ranks == record.artefacts.clean_ranks
    assert dict(none.report)["epochs_before"] == 2.0
    assert dict(none.report)["epochs"] == 3.0
    # 12 fake users of 5 events; they are trained on in the second part alone
    record, attacked = ranks["daily", "random"]
    assert record.canary.training_samples_from_fake_users == 60
    assert not np.array_equal(attacked.test_ranks, none.test_ranks)
    assert not np.array_equal(attacked.test_ranks, ranks["2 epochs", "random"][1].test_ranks)


def test_what_cannot_be_fine_tuned_is_refused_by_name(prepared):
    with pytest.raises(SuiteError, match="'counts' can't go on from given weights"):
        prepared(regimes=[{"name": "daily", "regime": "fine-tune", "epochs": 2}])


@pytest.mark.parametrize("defense", ["weighs-jumps", "trains"])
def test_fine_tuning_behind_a_defense_that_weighs_or_trains_is_refused(prepared, defense):
    with pytest.raises(SuiteError, match=f"defense '{defense}' .* fine-tuned \\('daily'\\)"):
        prepared(**ONE, regimes=[DAILY], defenses=[defense])


def test_regimes_that_come_to_the_same_are_refused(prepared):
    own = {"name": "own", "parameters": {"epochs": 4}}
    with pytest.raises(SuiteError, match="'plain' and 'own' train 'bprmf' alike"):
        prepared(**ONE, regimes=[{"name": "plain"}, own])


@pytest.mark.parametrize(
    ("regimes", "message"),
    [
        ([{"name": "a", "regime": "fine-tune"}], "needs 'epochs'"),
        ([{"name": "a", "epochs": 3}], r"write parameters = \{ epochs = 3 \}"),
        ([{"name": "a"}, {"name": "a", "parameters": {"epochs": 2}}], "'a' is listed twice"),
    ],
)
def test_a_regime_that_says_too_little_or_too_much_is_refused(regimes, message):
    content = {"name": "s", "seeds": [0], "victims": ["v"], "attackers": ["none"]}
    with pytest.raises(ValueError, match=message):
        Suite.model_validate({**content, "metrics": ["hr@1"], "dataset": "d", "regimes": regimes})
