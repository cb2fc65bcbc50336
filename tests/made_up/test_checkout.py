"""Whatever a test leaves behind is found, in git and outside of it."""

import subprocess
import sys

import pytest
from checkout import state_of

OURS = """
from pathlib import Path

def test_leaves_a_file():
    Path("{name}").write_text("mine")
"""


@pytest.fixture
def git(tmp_path):
    def run(*arguments):
        name = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True)

    return run


def test_outside_of_git_a_new_name_at_the_root_is_found(tmp_path):
    before = state_of(tmp_path)
    (tmp_path / "poison.npy").write_bytes(b"mine")
    (tmp_path / ".pytest_cache").mkdir()
    assert state_of(tmp_path) - before == {"poison.npy"}


def test_in_git_new_changed_and_ignored_files_are_found(tmp_path, git):
    git("init", "-q")
    (tmp_path / ".gitignore").write_text("results/\n__pycache__/\n")
    (tmp_path / "kept.txt").write_text("one")
    (tmp_path / "docs").mkdir()
    git("add", "-A")
    git("commit", "-qm", "one")
    before = state_of(tmp_path)
    assert state_of(tmp_path) == before
    (tmp_path / "kept.txt").write_text("two")
    (tmp_path / "docs" / "new.md").write_text("new")
    (tmp_path / "docs" / "__pycache__").mkdir()
    (tmp_path / "docs" / "__pycache__" / "x.pyc").write_bytes(b"")
    (tmp_path / "results").mkdir()
    assert state_of(tmp_path) - before == {" M kept.txt", "?? docs/new.md", "results"}


@pytest.mark.parametrize(("name", "code"), [("{tmp}/elsewhere.txt", 0), ("left.txt", 1)])
def test_a_run_that_leaves_a_file_at_its_root_fails(tmp_path, name, code, pytestconfig):
    root = tmp_path / "checkout"
    (root / "tests").mkdir(parents=True)
    conftest = pytestconfig.rootpath / "tests" / "conftest.py"
    (root / "tests" / "conftest.py").write_text(conftest.read_text())
    (root / "tests" / "test_it.py").write_text(OURS.format(name=name.format(tmp=tmp_path)))
    made_up = pytestconfig.rootpath / "tests" / "made_up"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", f"pythonpath={made_up}", "tests"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("left behind in" in done.stdout) == bool(code)
    assert "1 passed" in done.stdout
