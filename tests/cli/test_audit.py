"""`verify`, `reproduce`, `plan`, `compare`, `submit` and `accept`, as a person types them."""

import json
import re
from functools import partial

import pytest
from typed_command import typed as loki_bench

from loki_bench.progress import shown_work

SUITE = """
name = "toy"
seeds = [0, 1]
victims = ["counts"]
attackers = ["random", "covisit"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
isolation = "in-process"  # the commands are the subject
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    (folder / "toy.toml").write_text(SUITE)
    loki_bench(folder, "run", "toy.toml", "--workers", "1")
    return folder


def test_what_was_run_is_verified_at_every_level_and_reproduced(folder, monkeypatch):
    monkeypatch.setattr("loki_bench.progress.shown_work", partial(shown_work, quiet=0.01))
    done = loki_bench(folder, "verify", "results/toy", "--workers", "1", "--json")
    report = json.loads(done.stdout)
    assert [level["verdict"] for level in report["levels"]] == ["passed"] * 6
    assert [level["n_checked"] for level in report["levels"]][1:4] == [10, 10, 10]

    assert re.search(r"\[\d+/10\] at work on \w.* \(step \d+ of \d+, elapsed", done.stderr)

    record = next((folder / "results" / "toy" / "records").iterdir())
    done = loki_bench(folder, "reproduce", record.stem[:10], "--workers", "1")
    assert done.stdout.splitlines()[-1] == "the same to the last bit"


def test_a_flipped_byte_is_named_by_the_exit_status_and_the_file(folder):
    path = folder / "results" / "toy" / "leaderboard.csv"
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"toy", b"toz", 1))
    try:
        done = loki_bench(folder, "verify", "results/toy", "--level", "hashes", code=11)
        assert "leaderboard.csv: its bytes are not those of the manifest" in done.stdout
        loki_bench(folder, "verify", "results/toy", "--level", "tables", code=11)
    finally:
        path.write_bytes(raw)


def test_a_folder_that_is_no_leaderboard_is_refused(folder):
    done = loki_bench(folder, "verify", "results", code=2)
    assert "expected a folder of results that `loki-bench run` wrote" in done.stderr


def test_rows_are_planned_compared_submitted_verified_and_accepted(folder, tmp_path):
    (tmp_path / "toy.toml").write_text(SUITE)
    planned = json.loads(loki_bench(tmp_path, "plan", "toy.toml", "--json").stdout)
    assert planned["cells"] == {"missing": 10}
    unknown = [work for work in planned["work"] if work["seconds"] is None]
    assert {work["name"] for work in unknown} == {"fit of counts"}  # a third party's
    assert planned["steps_without_estimate"] == sum(work["n_steps"] for work in unknown) == 12
    assert not (tmp_path / "results").exists()
    done = loki_bench(folder, "plan", "toy.toml")
    assert "10 stored, 0 to run" in done.stdout

    board = str(folder / "results" / "toy")
    (tmp_path / "toy.toml").write_text(
        SUITE.replace('"covisit"]', '"asks-surrogates"]').replace(
            "attackers", 'surrogates = ["follows"]\nattackers'
        )
    )
    loki_bench(tmp_path, "run", "toy.toml", "--workers", "1")
    compared = loki_bench(tmp_path, "compare", board, "results/toy", code=1)
    assert "only in A: covisit on counts, 20 % x 5" in compared.stdout
    loki_bench(tmp_path, "compare", board, board)

    plugin = ["--plugin", "toy-plugin", "--output", "rows.zip"]
    loki_bench(tmp_path, "submit", "results/toy", *plugin)
    loki_bench(tmp_path, "verify", "rows.zip", "--workers", "1")
    done = loki_bench(tmp_path, "accept", board, "rows.zip", "--workers", "1")
    assert "4 cells added" in done.stdout
    loki_bench(folder, "verify", board, "--workers", "1")
    loki_bench(tmp_path, "accept", board, "toy.toml", code=2)
