"""The installed command on real data with RecBole's recommenders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loki_bench.datasets.data_folder import data_folder

LATEST = '{ name = "ml-100k", parameters = { last_events = 15 } }'
"""As sparse as a shop's data, and quick to train on."""

SMALL = f"""
name = "small"
seeds = [0]
victims = ["bprmf", "fpmc"]
attackers = ["none", "covisit"]
metrics = ["display_rate@10", "hr@10"]
dataset = {LATEST}
[protocol]
n_targets = 5
n_target_users = 10
[budget]
fake_users = 0.10
actions = 15
"""

PAPER = SMALL.replace("small", "paper").replace(LATEST, '"amazon-beauty"')
PAPER = PAPER.replace("n_targets = 5", "n_targets = 20").replace("_users = 10", "_users = 20")
PAPER = PAPER.replace("0.10", "0.03").replace("[0]", "[0, 1]")


def display_rates(folder: Path, text: str) -> dict[tuple[str, str], float]:
    """Run a suite; mean display rates by victim and attacker."""
    (folder / "suite.toml").write_text(text)
    subprocess.run(
        [sys.executable, "-m", "loki_bench", "run", "suite.toml", "--offline"],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "LOKI_BENCH_DATA": str(data_folder())},
    )
    [written] = folder.glob("results/*/leaderboard.json")
    [table] = json.loads(written.read_text())["tables"]
    assert all(row["counts"] == {"ok": len(row["seeds"])} for row in table["rows"])
    for row in table["rows"]:
        assert (row["from_fake_users"] > 0) == (row["attacker"] != "none")
        assert not row["marked"]  # no attack here works without its targets
    return {
        (row["victim"], row["attacker"] + ", placebo" * row["placebo"]): row["metrics"][
            "display_rate@10"
        ]["mean"]
        for row in table["rows"]
    }


def test_covisitation_moves_the_targets_on_movielens(tmp_path):
    found = display_rates(tmp_path, SMALL)
    for victim in ("bprmf", "fpmc"):
        assert found[victim, "none"] <= 0.05
        assert found[victim, "covisit, placebo"] <= 0.05
        assert found[victim, "covisit"] >= 0.5


@pytest.mark.slow
@pytest.mark.beauty
def test_covisitation_reaches_the_papers_setting_on_beauty(tmp_path):
    if not (data_folder() / "beauty.txt").exists():
        pytest.skip("needs beauty.txt in the data folder (LOKI_BENCH_DATA)")
    found = display_rates(tmp_path, PAPER)
    assert found["bprmf", "none"] <= 0.01
    assert found["fpmc", "none"] <= 0.01
    assert found["bprmf", "covisit"] > 0.25
    assert found["fpmc", "covisit"] > 0.35
