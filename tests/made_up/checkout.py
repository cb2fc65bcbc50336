"""What lies in a checkout, to see afterwards what tests left behind."""

import os
import subprocess

__all__ = ["state_of"]

CACHES = {
    "__pycache__",
    ".benchmarks",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
}
"""Written by tools, not by tests."""


def state_of(root):
    """The names at the root and, in a git checkout, every file that is new or changed.

    Git leaves out what it is told to ignore; the names at the root do not.
    """
    found = {path.name for path in root.iterdir() if path.name not in CACHES}
    try:
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # no git
        return found
    return found | set(status.stdout.splitlines())  # nothing outside of a repository
