"""The commands as a person types them, with a third party's plugin installed.

What a process does to the outcome is the subject of few tests: those start the installed command,
and leave attackers and recommenders in processes of their own.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typed_command import typed as loki_bench

TOYS = Path(__file__).parents[1] / "toys"

SUITE = """
name = "toy"
seeds = [0, 1]
victims = ["counts", "follows"]
surrogates = ["counts", "follows"]
attackers = ["none", "random", "popular", "randalter", "covisit", "asks-surrogates"]
metrics = ["display_rate@5", "hr@5", "hr_change@5", "length_ks", "target_rank"]
dataset = "toy"
isolation = "in-process"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""

# The entry point's own code, by the interpreter that runs the tests: an installed script may
# belong to another one.
COMMAND = [sys.executable, "-m", "loki_bench"]

# as a suite is by default: what a third party wrote runs in processes of its own
ISOLATED = (
    SUITE.replace('isolation = "in-process"\n', "")
    .replace('victims = ["counts", "follows"]', 'victims = ["counts"]')
    .replace('"none", "random", "popular", "randalter", "covisit", ', '"random", ')
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy.toml").write_text(SUITE)
    return tmp_path


def environment():
    return {**os.environ, "PYTHONPATH": str(TOYS), "COLUMNS": "200"}


def results(folder):
    """Everything that must be the same bytes on every run."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        relative = path.relative_to(folder)
        # what a killed run was writing stays behind as .<name>.<pid>.part, and is read by nobody
        partial = path.name.startswith(".")
        if path.is_file() and not partial and not {"runs", "work"} & set(relative.parts):
            found[str(relative)] = path.read_bytes()
    return found


def test_a_run_prints_the_table_and_writes_it_three_ways(folder):
    done = loki_bench(folder, "run", "toy.toml", "--workers", "1")
    written = folder / "results" / "toy"
    assert "display_rate@5 (max 1)" in done.stdout
    assert "[24/24]" in done.stderr
    assert re.search(r"elapsed \d+:\d\d, about 0:00 left", done.stderr)
    assert "asks-surrogates" in (written / "leaderboard.md").read_text()
    assert len((written / "leaderboard.csv").read_text().splitlines()) == 1 + 12 * 5
    assert len(json.loads((written / "leaderboard.json").read_text())["tables"]) == 1
    assert len(list((written / "records").iterdir())) == 24

    status = loki_bench(folder, "status", "toy.toml", "--json")
    assert json.loads(status.stdout) == {"suite": "toy", "cells": {"ok": 24}}
    again = loki_bench(folder, "leaderboard", "toy.toml", "--json")
    assert again.stdout.strip() == (written / "leaderboard.json").read_text().strip()


def test_a_killed_run_is_taken_up_and_ends_in_the_same_bytes(folder, tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole")
    for place in (whole, folder):
        (place / "toy.toml").write_text(ISOLATED)
    at_once = subprocess.run(
        [*COMMAND, "run", "toy.toml", "--workers", "2"],
        cwd=whole,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "display_rate@5 (max 1)" in at_once.stdout
    assert "[4/4]" in at_once.stderr

    running = subprocess.Popen(
        [*COMMAND, "run", "toy.toml", "--workers", "2"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    records = folder / "results" / "toy" / "records"
    _wait_for(lambda: records.is_dir() and any(records.glob("*.json")), running)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    n_kept = len(list(records.glob("*.json")))
    truncated = next(records.glob("*.json"))
    truncated.write_bytes(truncated.read_bytes()[:100])

    done = loki_bench(folder, "run", "toy.toml", "--workers", "1", processes=True)
    assert f"{truncated.name}: not a whole record; it is not read" in done.stderr
    assert f"{4 - (n_kept - 1)} of 4 cells to run" in done.stderr
    assert results(folder) == results(whole)


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(folder):
    (folder / "toy.toml").write_text(
        ISOLATED.replace('"asks-surrogates"', '"sleeps"').replace("[0, 1]", "[0]")
    )
    running = subprocess.Popen(
        [*COMMAND, "run", "toy.toml", "--workers", "2"],  # one of them will sleep
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # a test run started in the background ignores Ctrl-C, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    records = folder / "results" / "toy" / "records"
    try:
        _wait_for(lambda: records.is_dir() and any(records.glob("*.json")), running)
        running.send_signal(signal.SIGINT)
    except BaseException:
        running.kill()
        raise
    finally:
        _, said = running.communicate()
    assert running.returncode == 130
    assert re.search(r"stopped; \d of 2 cells are kept\. The same command goes on", said)
    assert not list(folder.rglob("*.part"))


def test_ctrl_c_in_any_command_is_one_sentence(folder, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("loki_bench.audit.publication.publish", interrupted)
    done = loki_bench(folder, "publish", ".", "elsewhere", code=130)
    assert done.stderr.strip() == "loki-bench: stopped"


def test_cells_that_fail_are_told_by_the_exit_status(folder):
    (folder / "toy.toml").write_text(SUITE.replace('"asks-surrogates"', '"raises"'))
    done = loki_bench(folder, "run", "toy.toml", "--workers", "2", code=1)
    assert "raises on counts: attacker 'raises' raised RuntimeError" in done.stdout
    loki_bench(folder, "status", "toy.toml", code=1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "quik"], "no suite 'quik' (did you mean 'quick'?)"),
        (["run", "none.toml"], "suite file none.toml: No such file or directory"),
        (["run", "bad.toml"], "suite file bad.toml: unknown key 'seed' (did you mean 'seeds'?)"),
        (["run", "far.toml"], "suite 'toy': key 'metrics': 'hr@500': K = 500 is larger than"),
        (["leaderboard", "toy.toml"], "has no result of suite 'toy'; type `loki-bench run"),
        (["plugins", "show", "covist"], "no plugin declares 'covist' (did you mean 'covisit'?)"),
        (["datasets", "show", "amazon-sports"], "sports"),
        (["run", "toy.toml", "--disable-plugin", "toyz"], "--disable-plugin toyz: no such plugin"),
        (["run", "toy.toml", "--disable-plugin", "toys"], "no plugin declares the dataset 'toy'"),
        (["run", "toy.toml", "--results", "toy.toml"], "toy.toml"),
        (["run", "toy.toml", "--workers", "0"], "0 is not in the range x>=1"),
        (["rum"], "No such command 'rum'"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_writes_nothing(folder, arguments, sentence):
    (folder / "bad.toml").write_text(SUITE.replace("seeds", "seed"))
    (folder / "far.toml").write_text(SUITE.replace("hr@5", "hr@500"))
    before = sorted(folder.rglob("*"))
    done = loki_bench(folder, *arguments, code=2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_plugin_whose_import_fails_is_named_and_the_rest_goes_on(folder, tmp_path):
    broken = tmp_path / "site"
    (broken / "broken-2.0.dist-info").mkdir(parents=True)
    (broken / "broken-2.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: broken\nVersion: 2.0\n"
    )
    (broken / "broken-2.0.dist-info" / "entry_points.txt").write_text(
        "[loki_bench]\nbroken = no_such_module\n"
    )
    done = subprocess.run(
        [*COMMAND, "plugins", "list"],
        env={**environment(), "PYTHONPATH": f"{TOYS}{os.pathsep}{broken}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "skipped plugin 'broken' of broken 2.0: ModuleNotFoundError" in done.stderr
    assert "covisit" in done.stdout


def test_every_command_has_help_with_an_example(folder):
    commands = [
        ["run"],
        ["status"],
        ["leaderboard"],
        ["merge"],
        ["plan"],
        ["verify"],
        ["reproduce"],
        ["compare"],
        ["submit"],
        ["accept"],
        ["new"],
        ["check"],
        ["plugins"],
        ["plugins", "list"],
        ["plugins", "show"],
        ["suites"],
        ["suites", "list"],
        ["datasets"],
        ["datasets", "list"],
        ["datasets", "fetch"],
        ["datasets", "show"],
    ]
    for command in [[], *commands]:
        assert "Example: loki-bench" in loki_bench(folder, *command, "--help").stdout


def test_help_and_lists_import_no_framework(folder):
    for arguments in (["--help"], ["plugins", "list"], ["suites", "list"], ["--version"]):
        code = (
            "import sys\n"
            f"sys.argv = ['loki-bench', *{arguments!r}]\n"
            "from loki_bench.cli.main import main\n"
            "try:\n    main()\n"
            "except SystemExit:\n"
            "    heavy = {'torch', 'recbole', 'numba', 'pandas', 'sklearn'} & set(sys.modules)\n"
            "    sys.exit(str(heavy) if heavy else 0)\n"
        )
        subprocess.run(
            [sys.executable, "-c", code], env=environment(), check=True, capture_output=True
        )


def test_lists_answer_programs_too(folder):
    listed = json.loads(loki_bench(folder, "plugins", "list", "--json").stdout)
    toy = next(c for c in listed["components"] if c["name"] == "counts")
    assert (toy["distribution"], toy["version"]) == ("toy-plugin", "1.0")
    shown = json.loads(loki_bench(folder, "plugins", "show", "counts", "--json").stdout)
    assert shown[0]["parameters"] == ["noise: float = 0.5"]
    assert {s["name"] for s in json.loads(loki_bench(folder, "suites", "list", "--json").stdout)}
    assert json.loads(loki_bench(folder, "datasets", "show", "toy", "--json").stdout)["n_users"]


def _wait_for(condition, process, seconds=120):
    """Until something has happened; the bound only ends a test that can't pass any more."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a_tuned_file_tells_a_value_of_0_and_is_named_as_a_suite_elsewhere_takes_it(folder):
    suite = folder / "my suites" / "toy.toml"
    suite.parent.mkdir()
    (folder / "toy.toml").rename(suite)
    asked = ("tune", "walks", "--suite", "my suites/toy.toml", "--sampler", "random")
    done = loki_bench(folder, *asked, "--trials", "2", "--metric", "hr@1", "--workers", "1")
    assert '{ name = "walks", parameters = "../tuned/walks.toml" }' in done.stdout
    tuned = (folder / "tuned" / "walks.toml").read_text()
    assert " 0.0000 without tuning." in tuned
    assert " --suite 'my suites/toy.toml' " in tuned


def test_tuning_whose_file_could_not_be_written_is_refused_before_the_first_trial(folder):
    asked = ("tune", "walks", "--suite", "toy.toml", "--output", "toy.toml/tuned.toml")
    done = loki_bench(folder, *asked, code=2)
    assert "name another file with --output" in done.stderr
    assert "trial" not in done.stderr.replace("trials", "")


def test_tuned_parameters_are_found_written_and_used_by_a_suite(folder):
    pytest.importorskip("optuna")
    asked = ("tune", "walks", "--suite", "toy.toml", "--sampler", "random", "--trials", "12")
    done = loki_bench(folder, *asked, "--workers", "1")
    assert "[13/13]" in done.stderr
    assert "| trial" in done.stdout
    assert '{ name = "walks", parameters = "tuned/walks.toml" }' in done.stdout
    tuned = (folder / "tuned" / "walks.toml").read_text()
    assert "step = 1\n" in tuned
    assert "ndcg@10 1.0000 on the validation events of 60 users of toy" in tuned

    again = loki_bench(folder, *asked, "--workers", "2", "--json")
    assert again.stderr.count("was kept") == 13
    assert len(json.loads(again.stdout)["trials"]) == 13
    assert (folder / "tuned" / "walks.toml").read_text() == tuned

    suite = SUITE.replace(
        '["counts", "follows"]', '[{ name = "walks", parameters = "tuned/walks.toml" }]', 1
    )
    (folder / "toy.toml").write_text(
        suite.replace('"asks-surrogates"', '"none"').replace('["none", ', "[")
    )
    run = loki_bench(folder, "run", "toy.toml", "--workers", "1")
    assert "step=1" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tune", "follows", "--dataset", "toy"), "'follows' of toy-plugin 1.0 declares no search"),
        (("tune", "walk", "--dataset", "toy"), "did you mean 'walks'"),
        (("tune", "walks", "--dataset", "toy", "--metric", "mrr"), "expected hr@K or ndcg@K"),
        (("tune", "walks", "--dataset", "toy", "--set", "step"), "expected NAME=VALUE"),
        (("tune", "walks", "--dataset", "toy", "--set", "pace=2"), "takes no parameter 'pace'"),
        (("tune", "walks", "--dataset", "a", "--suite", "b"), "exclude each other"),
    ],
)
def test_a_search_that_can_not_be_made_is_refused_in_a_sentence(folder, arguments, said):
    assert said in loki_bench(folder, *arguments, code=2).stderr
