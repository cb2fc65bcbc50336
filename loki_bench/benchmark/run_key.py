"""The run key of a suite's results: public, given, or drawn afresh and kept until it is published.

A fresh run has a folder of its own beside the suite's. Its key lies there, readable by its owner
alone, from the first call on: every later call goes on under the same key. The records publish it.
"""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from loki_bench.bounded_files import read_regular
from loki_bench.errors import SuiteError
from loki_bench.suite.suite import Suite
from loki_bench.whole_files import part_of, sweep_parts

__all__ = ["draw_key", "under_fresh_key", "under_key"]

NAME = "work/run-key"
KEY = re.compile("[0-9a-f]{32}")


def draw_key() -> str:
    """128 random bits of the system as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def under_key(suite: Suite, key: str) -> Suite:
    """The suite under a key that was published, with a name that no other key has.

    Raises ``SuiteError`` where it is no key.
    """
    if not KEY.fullmatch(key):
        raise SuiteError(
            f"suite '{suite.name}': '{key}' is no run key; expected 32 hexadecimal digits, as the "
            "head of a table or cell.protocol.key of a record has them"
        )
    return suite.with_keys({"protocol": {"key": key}, "name": f"{suite.name}-key-{key[:8]}"})


def under_fresh_key(suite: Suite, results: Path, *, draw: bool = True) -> Suite:
    """The suite's fresh run in a folder of results: ``NAME-fresh``, under the key that lies there.

    Parameters
    ----------
    draw : bool
        Whether a key is drawn where none lies there.

    Raises
    ------
    SuiteError
        None lies there and none may be drawn, or what lies there is no key.
    """
    named = suite.with_keys({"name": f"{suite.name}-fresh"})
    file = results / named.folder / NAME
    key = _kept(file)
    if key is None and not draw:
        raise SuiteError(
            f"suite '{suite.name}' has no fresh run in {results}: type `loki-bench run "
            f"{suite.name} --fresh` first, or give the key of another with --key"
        )
    return named.with_keys({"protocol": {"key": key or _drawn(file)}})


def _drawn(file: Path) -> str:
    """A key that was not there before; of two runs that begin at once, the first one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sweep_parts(file.parent)  # what a run left that was killed here
    with (
        part_of(file, f"{draw_key()}\n".encode(), mode=0o600) as whole,
        suppress(FileExistsError),
    ):
        os.link(whole, file)  # fails where a file is there, and shows no half of one
    key = _kept(file)
    assert key is not None  # noqa: S101  # for the type checker: it was written above
    return key


def _kept(file: Path) -> str | None:
    try:
        key = read_regular(file, at_most=100).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        key = ""
    if not KEY.fullmatch(key):
        raise SuiteError(
            f"{file} holds no run key: expected 32 hexadecimal digits; a record of this folder "
            "has it as cell.protocol.key, or delete the folder and run again"
        )
    return key
