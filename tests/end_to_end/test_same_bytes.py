"""However a grid is run, records, artefacts and leaderboard are the same bytes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loki_bench.datasets.data_folder import data_folder
from loki_bench.suite.suite import packaged_suites

pytest.importorskip("distributed")

TOYS = Path(__file__).parents[1] / "toys"

TOY = """
name = "toy"
seeds = [0]
victims = ["counts"]
surrogates = ["counts", "follows"]
attackers = ["none", "covisit", "asks-surrogates", "raises"]
metrics = ["display_rate@5", "hr@5", "hr_change@5", "length_ks", "target_rank"]
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
    # four attackers, and a placebo of each of the three that attack
    assert sum("/records/" in name for name in found) == 7


def beauty_with(**settings):
    """The packaged suite `beauty` as text, with other values for some of its keys."""
    text = packaged_suites()["beauty"]
    for key, value in settings.items():
        text, n_lines = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert n_lines == 1, f"the suite has {n_lines} lines {key}"
    return text


def records(found):
    """How many cells have a record; all of them must be whole."""
    written = [json.loads(content) for name, content in found.items() if "/records/" in name]
    assert all(record["status"] == "ok" for record in written)
    return len(written)


@pytest.fixture
def beauty_is_there():
    if not (data_folder() / "beauty.txt").exists():
        pytest.skip("needs beauty.txt in the data folder (LOKI_BENCH_DATA)")


@pytest.mark.slow
@pytest.mark.beauty
@pytest.mark.usefixtures("beauty_is_there")
def test_a_seed_of_beauty_without_loki_is_the_same_however_it_is_run(tmp_path, dask_cluster):
    # some ten minutes of processor time
    attackers = '["none", "random", "popular", "randalter", "covisit"]'
    (tmp_path / "part.toml").write_text(beauty_with(seeds="[0]", attackers=attackers))
    found = run_in_four_ways(tmp_path, "part.toml", dask_cluster, code=0)
    # two victims: five attackers, and a placebo of each of the four that attack
    assert records(found) == 18


@pytest.mark.slow
@pytest.mark.beauty
@pytest.mark.usefixtures("beauty_is_there")
def test_a_short_loki_on_beauty_is_the_same_however_it_is_run(tmp_path, dask_cluster):
    # Surrogates, solving for influence, rewards, agent and crafting, all as in the suite, with a
    # surrogate and a victim less of the slow kinds and a fortieth of the episodes.
    short = '{ name = "loki", parameters = { n_iterations = 16, episodes_per_iteration = 16 } }'
    text = beauty_with(
        seeds="[0]",
        victims='["bprmf"]',
        surrogates='["bprmf", "fpmc"]',
        attackers=f'["none", {short}]',
    )
    (tmp_path / "short.toml").write_text(text)
    found = run_in_four_ways(tmp_path, "short.toml", dask_cluster, code=0)
    assert records(found) == 3  # none, loki and its placebo


@pytest.mark.hours
@pytest.mark.beauty
@pytest.mark.usefixtures("beauty_is_there")
def test_the_suite_beauty_is_the_same_on_one_worker_two_a_cluster_and_in_shards(
    tmp_path, dask_cluster
):
    found = run_in_four_ways(tmp_path, "beauty", dask_cluster, code=0)
    # five seeds, two victims: six attackers, and a placebo of each of the five that attack
    assert records(found) == 110
