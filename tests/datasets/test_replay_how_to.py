"""The page on poison that one has: its suite scores a poisoned dataset against four victims."""

import re
from pathlib import Path

import pytest
from workers_here import Here

from loki_bench import Benchmark

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "replay-poison.md"
SUITE = re.search(r'```toml\n(name = "published".*?)```', PAGE.read_text(), re.DOTALL).group(1)

GENUINE = [
    f"{user} " + " ".join(str((user + step * (1 + user % 3)) % 12) for step in range(7))
    for user in range(1, 25)
]
FAKE = [f"{100 + n} 9 {n % 12} 9 {(n + 5) % 12}" for n in range(3)]


@pytest.fixture
def published(tmp_path):
    (tmp_path / "genuine.txt").write_text("\n".join(GENUINE) + "\n")
    (tmp_path / "poisoned.txt").write_text("\n".join(GENUINE + FAKE) + "\n")
    (tmp_path / "published.toml").write_text(SUITE)
    return tmp_path


def test_the_suite_is_short_and_its_cells_are_the_poison_against_four_victims(published):
    assert len(SUITE.splitlines()) <= 12
    benchmark = Benchmark.open(published / "published.toml", warn=pytest.fail)
    attacks = [cell for cell in benchmark.cells if cell.attacker.name == "replay"]
    assert sorted({cell.victim.name for cell in attacks}) == [
        "bprmf",
        "fpmc",
        "gru4rec",
        "transrec",
    ]
    assert {(c.budget.n_fake_users, c.budget.actions) for c in attacks} == {(3, 4)}
    assert {cell.attack_label for cell in benchmark.cells} == {"none", "replay: poisoned"}


@pytest.mark.slow
def test_the_suite_scores_all_of_them(published):
    quick = [
        {"name": name, "parameters": {"epochs": 2}}
        for name in ("bprmf", "fpmc", "gru4rec", "transrec")
    ]
    benchmark = Benchmark.open(
        published / "published.toml",
        results=published / "results",
        warn=pytest.fail,
        victims=quick,
        isolation="in-process",
        protocol={"n_target_users": 10},
    )
    leaderboard = benchmark.run(workers=Here(), progress=False)
    assert leaderboard.status == {"ok": 24}
    for record in leaderboard.records:
        if record.cell.attacker.name == "replay":
            assert (record.spent.fake_users, record.spent.events) == (3, 12)
