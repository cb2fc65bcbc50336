"""Processor time of the commands that compute nothing, each the least of some runs.

    python benchmarks/commands.py results --suite quick

``results`` is a folder of results that has all cells of the suite. The first run of each command
fills the user's cache (parameters of components, and which were built) and is not counted. The
first line is the interpreter's own time: on a busy machine all of them are longer by as much.
"""

import argparse
import resource
import subprocess
import sys

COMMANDS = (
    "--help",
    "plugins list",
    "suites list",
    "suites show {suite}",
    "status {suite} --results {results}",
    "plan {suite} --results {results}",
    "leaderboard {suite} --results {results}",
    "run {suite} --results {results} --offline",
    "status {suite} --results no-results",
    "plan {suite} --results no-results",
)


def seconds_of(*arguments):
    """User and system time of one process of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(  # noqa: S603  # this interpreter, with arguments from here
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in (0, 1):  # 1: cells are missing
        sys.exit(run.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results")
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    least = min(seconds_of("-c", "pass") for _ in range(asked.rounds))
    print(f"{least:6.3f} s  python -c pass")
    for command in COMMANDS:
        words = command.format(suite=asked.suite, results=asked.results).split()
        seconds_of("-m", "loki_bench", *words)
        least = min(seconds_of("-m", "loki_bench", *words) for _ in range(asked.rounds))
        print(f"{least:6.3f} s  loki-bench {' '.join(words)}")


if __name__ == "__main__":
    main()
