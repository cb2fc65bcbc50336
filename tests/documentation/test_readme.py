"""What the README shows is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def plugin(tmp_path):
    """The README's own attack as an installed distribution."""
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


def test_the_readmes_attack_is_installed_and_listed(plugin):
    listed = subprocess.run(
        [sys.executable, "-m", "loki_bench", "plugins", "list"],
        env={**os.environ, "PYTHONPATH": str(plugin)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"targets-only\s+loki-bench-my-attack 1\.0\s+Targets", listed.stdout)
    assert not listed.stderr


def test_the_readmes_attack_fits_into_25_lines():
    blocks = re.findall(r"```(?:python|toml)\n# (?:\S+)\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) <= 25


def test_every_command_that_the_readme_names_exists():
    from loki_bench.cli.main import cli

    named = set(re.findall(r"(?:`|&& )loki-bench (\w+)", README.read_text()))
    assert {"run", "status", "leaderboard", "plugins", "suites"} <= named <= set(cli.commands)
