"""The shell completes commands, by what the documentation says to type."""

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command-line.md"


def completed(*words):
    """What a shell is offered for the last word."""
    # the name of the script decides the variable's
    program = "import sys; sys.argv = ['loki-bench']; from loki_bench.cli.main import main; main()"
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **asked, "_LOKI_BENCH_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_and_options_are_completed():
    assert completed("loki-bench", "le") == ["leaderboard"]
    assert completed("loki-bench", "leaderboard", "--per") == ["--per-seed"]
    assert "_LOKI_BENCH_COMPLETE=bash_source loki-bench" in PAGE.read_text()
