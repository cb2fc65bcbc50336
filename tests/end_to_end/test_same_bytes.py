"""However a grid is run, records, artefacts and leaderboard are the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loki_bench.datasets.data_folder import data_folder

pytest.importorskip("distributed")

TOYS = Path(__file__).parents[1] / "toys"

TOY = """
name = "toy"
seeds = [0, 1]
victims = ["counts", "follows"]
surrogates = ["counts", "follows"]
attackers = ["none", "covisit", "asks-surrogates", "raises"]
metrics = ["display_rate@5", "hr@5", "hr_change@5", "length_distance", "target_rank"]
dataset = "toy"
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""


def loki_bench(folder, *arguments, codes):
    done = subprocess.run(
        [sys.executable, "-m", "loki_bench", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TOYS), "LOKI_BENCH_DATA": str(data_folder())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, done.stdout + done.stderr


def written(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"runs", "work"} & set(path.relative_to(folder).parts)
    }


def run_in_four_ways(folder, suite, address, *, code):
    loki_bench(folder, "run", suite, "--workers", "1", "--results", "one", codes=(code,))
    loki_bench(folder, "run", suite, "--workers", "2", "--results", "two", codes=(code,))
    loki_bench(folder, "run", suite, "--scheduler", address, "--results", "dask", codes=(code,))
    parts = [f"part-{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        shard = ("--shard", f"{number}/3", "--workers", "1", "--results", part)
        loki_bench(folder, "run", suite, *shard, codes=(0, code))
    loki_bench(folder, "merge", suite, *reversed(parts), "--results", "merged", codes=(code,))
    one = written(folder / "one")
    assert any(name.endswith("leaderboard.md") for name in one)
    for other in ("two", "dask", "merged"):
        assert written(folder / other) == one
    return one


def test_a_toy_grid_is_the_same_on_one_worker_two_a_cluster_and_in_shards(tmp_path, dask_cluster):
    (tmp_path / "toy.toml").write_text(TOY)
    # status 1: the attack that raises has rows, the same ones everywhere
    found = run_in_four_ways(tmp_path, "toy.toml", dask_cluster, code=1)
    # two seeds, two victims: four attackers, and a placebo of each of the three that attack
    assert sum("/records/" in name for name in found) == 28


@pytest.mark.slow
@pytest.mark.beauty
def test_the_suite_beauty_is_the_same_on_one_worker_two_a_cluster_and_in_shards(
    tmp_path, dask_cluster
):
    if not (data_folder() / "beauty.txt").exists():
        pytest.skip("needs beauty.txt in the data folder (LOKI_BENCH_DATA)")
    found = run_in_four_ways(tmp_path, "beauty", dask_cluster, code=0)
    # five seeds, two victims: six attackers, and a placebo of each of the five that attack
    assert sum("/records/" in name for name in found) == 110
