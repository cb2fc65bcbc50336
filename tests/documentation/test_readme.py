"""What the README shows is run as it stands there."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typed_command import typed

from loki_bench import __version__
from loki_bench.testing import CHECKS

TOYS = Path(__file__).parents[1] / "toys"
README = Path(__file__).parents[2] / "README.md"


SUITE = """
name = "mine"
seeds = [0, 1]
victims = ["counts"]
attackers = ["none", "random", "targets-only"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The README's own attack as an installed distribution."""
    tmp_path = tmp_path_factory.mktemp("mine")
    blocks = re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", README.read_text(), re.DOTALL)
    for name, content in blocks:
        (tmp_path / name).write_text(content)
    assert {name for name, _ in blocks} == {"my_attack.py", "pyproject.toml"}
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, tmp_path],
        check=True,
    )
    return site


def loki_bench(*arguments, plugin, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "loki_bench", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{plugin}{os.pathsep}{TOYS}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_readmes_attack_is_installed_and_listed(plugin, tmp_path):
    listed = loki_bench("plugins", "list", plugin=plugin, cwd=tmp_path)
    assert re.search(r"targets-only\s+loki-bench-my-attack 1\.0\s+Targets", listed.stdout)
    assert not listed.stderr


def test_the_readmes_attack_keeps_every_promise(plugin, tmp_path):
    checked = loki_bench("check", "loki-bench-my-attack", plugin=plugin, cwd=tmp_path)
    n = (
        len(CHECKS["plugin"]) + len(CHECKS["attacker"]) - 2
    )  # it does not prepare, and takes no lengths
    assert checked.stdout.splitlines()[-1] == f"{n} checks of loki-bench-my-attack: {n} ok"


def test_the_readmes_attack_gets_its_row_in_a_leaderboard(plugin, tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE)
    typed(tmp_path, "run", "mine.toml", site=plugin)
    folder = tmp_path / "results" / "mine"
    rows = list(csv.DictReader((folder / "leaderboard.csv").read_text().splitlines()))
    # Every toy item has 5 events or more and only two have more than 17: with the 12 of the fake
    # users each of the 3 targets is among the 5 items that a victim shows which counts events.
    assert [
        (row["mean"], row["n_seeds"], row["rank"])
        for row in rows
        if (row["attacker"], row["metric"]) == ("targets-only", "display_rate@5")
    ] == [("1.0", "2", "1")]
    # two seeds that agree: from 0.025 ** (1 / 2) = 0.158 on
    assert re.search(
        r"\| targets-only .*\| 1\.000 \[0\.158, 1\.000\]", (folder / "leaderboard.md").read_text()
    )
    records = [json.loads(file.read_text()) for file in (folder / "records").iterdir()]
    mine = [record for record in records if record["cell"]["attacker"]["name"] == "targets-only"]
    assert [record["status"] for record in mine] == ["ok", "ok"]
    for record in mine:
        attacker = record["cell"]["attacker"]
        assert (attacker["distribution"], attacker["version"]) == ("loki-bench-my-attack", "1.0")
        assert record["cell"]["isolation"] == "process"
        assert record["spent"]["events_on_targets"] == 12 * 3


def test_the_readmes_attack_fits_into_25_lines():
    blocks = re.findall(r"```(?:python|toml)\n# (?:\S+)\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) <= 25


def test_every_command_that_the_readme_names_exists():
    from loki_bench.cli.main import cli

    named = set(re.findall(r"(?:`|&& )loki-bench (\w+)", README.read_text()))
    assert {"run", "status", "leaderboard", "plugins", "suites"} <= named <= set(cli.commands)


def test_the_workflow_runs_the_two_commands_as_they_stand():
    part = README.read_text().partition("## Two commands")[2].partition("\n## ")[0]
    commands = [block.strip() for block in re.findall(r"```\n(.*?)```", part, re.DOTALL)]
    assert len(commands) == 2
    workflow = (README.parent / ".github" / "workflows" / "tests.yml").read_text()
    for command in commands:
        assert f"run: {command}\n" in workflow


def test_the_version_to_cite_is_this_one():
    citation = (README.parent / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)", citation, re.MULTILINE) == [__version__]


def test_the_rows_that_the_readme_shows_are_those_of_the_published_board():
    script = README.parent / "benchmarks" / "readme_table.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "README.md is behind: type `python benchmarks/readme_table.py`"


def test_the_times_of_other_machines_are_those_of_the_published_boards():
    script = README.parent / "benchmarks" / "typical_times.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "they are behind: type `python benchmarks/typical_times.py`"


def test_the_pictures_of_the_readme_are_those_of_the_published_board():
    script = README.parent / "benchmarks" / "readme_pictures.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "they are behind: type `python benchmarks/readme_pictures.py`"
    board = README.parent / "leaderboards" / "quick" / "leaderboard.json"
    [table] = json.loads(board.read_text())["tables"]
    for row in table["rows"]:  # what the picture says in words, too
        if row["attacker"] == "loki" and not row["placebo"]:
            value = row["metrics"]["display_rate@10"]
            said = f"LOKI {value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
            assert said in README.read_text()


def test_the_readme_is_short_and_its_pictures_come_before_the_first_command():
    text = README.read_text()
    assert len(text.split()) < 900
    assert text.index("docs/pictures/quick.svg") < text.index("## Two commands")
