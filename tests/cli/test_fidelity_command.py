"""``loki-bench fidelity`` as a person types it, with a third party's estimators installed."""

import json

import pytest
from typed_command import typed as loki_bench

pytest.importorskip("loki_bench_recbole")

SUITE = """
name = "toy"
seeds = [0]
goals = 1
recommenders = [{ name = "bprmf", parameters = { embedding_size = 2, epochs = 3, l2 = 0.1 } }]
estimators = ["leverage", "answers-too-few"]
truths = ["warm", "reshuffled", "transfer"]
victims = [{ name = "fpmc", parameters = { embedding_size = 2, epochs = 3 } }]
dataset = "toy"
[sample]
k_core = 0
[design]
n_target_users = 5
popularity = [1, 100]
length = 4
n_per_stratum = 2
group_shares = [0.05]
n_groups = 3
n_next_items = 4
"""


def written(folder):
    """What must be the same bytes on every run."""
    kept = folder / "results" / "fidelity" / "toy"
    return {
        str(path): path.read_bytes()
        for path in sorted(kept.rglob("*"))
        if path.is_file() and path.name != "costs.md" and path.parent.name != "runs"
    }


def test_estimators_are_judged_once_and_a_new_one_beside_them(tmp_path):
    (tmp_path / "toy.toml").write_text(SUITE)
    done = loki_bench(tmp_path, "fidelity", "toy.toml", "--workers", "1", code=1)
    assert "[7/7]" in done.stderr  # three truths; two estimators, converged and not
    assert "answered values of shape (7,)" in done.stdout
    assert "retest ceiling" in done.stdout
    first = written(tmp_path)
    costs = (tmp_path / "results" / "fidelity" / "toy" / "costs.md").read_text()
    assert "| leverage" in costs

    again = loki_bench(
        tmp_path, "fidelity", "toy.toml", "--only", "--estimator", "counts-events", "--json"
    )
    assert "retraining" not in again.stderr
    tables = json.loads(again.stdout)["tables"]
    assert [t["truth"] for t in tables] == ["warm", "reshuffled", "transfer"]
    assert tables[2]["victim"].startswith("fpmc")
    assert {row["estimator"] for row in tables[0]["rows"]} == {"counts-events", "target clicks"}

    loki_bench(tmp_path, "fidelity", "toy.toml", code=1)
    back = written(tmp_path)
    assert {name: back[name] for name in first} == first

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "toy.toml").write_text(SUITE)
    loki_bench(elsewhere, "fidelity", "toy.toml", "--workers", "2", code=1)
    fresh = {
        name.replace("/elsewhere", ""): content for name, content in written(elsewhere).items()
    }
    assert fresh == first


def test_a_wrong_request_says_what_to_do(tmp_path):
    for arguments, message in (
        (["quik"], "did you mean 'quick'"),
        (["quick", "--only"], "none is given"),
        (["quick", "--estimator", "cgg"], "did you mean 'cg'"),
        (["quick", "--estimator", "cg,damping=small"], "component 'cg'"),
        (["quick", "--estimator", "cg,dampin=1"], "did you mean 'damping'"),
        (["quick", "--estimator", "cg,damping"], "should read like 'damping=0.1'"),
    ):
        done = loki_bench(tmp_path, "fidelity", *arguments, code=2)
        assert message in done.stderr
