"""A command as a person types it, in this process: no interpreter is started, nothing imported
again."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from workers_here import opened_here

from loki_bench.cli.main import main
from loki_bench.engine.workers import LocalWorkers

__all__ = ["Said", "typed"]

TOYS = Path(__file__).parents[1] / "toys"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    returncode: int
    stdout: str
    stderr: str


def typed(folder, *arguments, code=0, processes=False, site=None):
    """Run `loki-bench` with these arguments in a folder, the toy plugin installed.

    It exits with ``code``. Jobs run in this process, unless worker processes are asked for. What is
    installed in the folder ``site`` is installed, too.
    """
    said, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(TOYS)
        if site is not None:
            patch.syspath_prepend(site)
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", ["loki-bench", *map(str, arguments)])
        if not processes:
            patch.setattr(LocalWorkers, "open", opened_here)
        with redirect_stdout(said), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            main()
    done = Said(ended.value.code, said.getvalue(), errors.getvalue())
    assert done.returncode == code, done.stdout + done.stderr
    return done
