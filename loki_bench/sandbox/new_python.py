"""Starts a Python of this project's own, which nothing of a plugin's has touched."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["new_python"]


def new_python(
    script: str,
    *,
    channel: int,
    stdin: int,
    output: int,
    folder: Path,
    variables: Mapping[str, str],
) -> "subprocess.Popen[bytes]":
    """Start a process that runs ``script``, in a session of its own.

    Parameters
    ----------
    script : str
        It finds modules where this process does.
    channel : int
        The only open file of this process that it has, beside the standard ones.
    stdin, output : int
        Open files, or ``subprocess.PIPE`` or ``DEVNULL``.
    folder : Path
        Its working folder.
    variables : mapping of str to str
        All of its environment.
    """
    # A script, not `-m`: `-m` puts the working folder first on the path.
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100  # "" is this folder
    with_paths = f"import sys, json; sys.path[:] = json.loads(sys.argv.pop()); {script}"
    return subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a plugin's
        [sys.executable, "-c", with_paths, json.dumps(paths)],
        stdin=stdin,
        stdout=output,
        stderr=output,
        pass_fds=[channel],
        cwd=folder,
        env=variables,
        start_new_session=True,
    )
