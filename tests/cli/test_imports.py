"""A command imports what it needs: nothing that trains, and to count cells no statistics."""

import subprocess
import sys

import pytest
from typed_command import typed

HEAVY = {"torch", "recbole", "numba", "sklearn", "dask", "pandas"}

PROGRAM = """
import sys
from loki_bench.cli.main import main
sys.argv = ["loki-bench", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print("status", end.code, file=sys.stderr)
print("modules", *sorted(sys.modules), file=sys.stderr)
"""

SUITE = """
name = "stored"
summary = "Two cells."
seeds = [0]
victims = [{ name = "bprmf", parameters = { epochs = 1, embedding_size = 4 } }]
attackers = ["none", "popular"]
metrics = ["display_rate@10", "hr@10"]
dataset = { name = "file", parameters = { path = "events.csv" } }
isolation = "in-process"

[protocol]
n_targets = 2
n_target_users = 3

[budget]
fake_users = 0.1
actions = 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    events = [f"{user},{(user * 3 + n) % 20},{n}" for user in range(30) for n in range(8)]
    (folder / "events.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(events))
    (folder / "stored.toml").write_text(SUITE)
    typed(folder, "run", "stored.toml")
    return folder


def command(folder, *arguments, status=0):
    """The modules that a command imported."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, ended, modules = run.stderr.splitlines()
    assert ended == f"status {status}", run.stderr
    return set(modules.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("plugins", "list"),
        ("suites", "list"),
        ("suites", "show", "quick"),
        ("plugins", "show", "covisit"),
    ],
    ids=" ".join,
)
def test_commands_without_a_grid_import_nothing_heavy(tmp_path, arguments):
    assert not command(tmp_path, *arguments) & {*HEAVY, "scipy", "pyarrow"}


@pytest.mark.parametrize("name", ["status", "plan", "leaderboard", "run"])
def test_commands_of_a_stored_suite_import_nothing_heavy(folder, name):
    imported = command(folder, name, "stored.toml")
    # the events are those that the run read: they lie in the user's cache
    assert not imported & {*HEAVY, "scipy", "numpy.f2py", "numpy.ma", "pyarrow"}
    if name in ("status", "plan"):  # they count: nothing is verified or drawn
        assert not imported & {"loki_bench.audit.verification", "loki_bench.report"}
    if name == "status":  # nor computed
        assert not imported & {"loki_bench.pipeline.cells", "loki_bench.leaderboard.folder"}


@pytest.mark.parametrize("name", ["status", "plan"])
def test_what_a_suite_without_results_needs_is_known_without_building_it_again(folder, name):
    cells_are_missing = int(name == "status")
    imported = command(folder, name, "stored.toml", "--results", "none", status=cells_are_missing)
    assert not imported & {*HEAVY, "scipy"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "results/stored", "--level", "hashes"),
        ("compare", "results/stored", "results/stored"),
        ("rewrite", "results/stored"),
        ("report", "results/stored"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_that_read_a_leaderboard_import_nothing_heavy(folder, arguments):
    assert not command(folder, *arguments) & {*HEAVY, "scipy"}
