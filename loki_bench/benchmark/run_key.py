"""The run key of a suite's results: public, given, or drawn afresh and kept until it is published.

A fresh run has a folder of its own beside the suite's. Its key lies there, readable by its owner
alone, from the first call on: every later call goes on under the same key. The records publish it,
and where the file is lost it is taken from them.
"""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from loki_bench.bounded_files import is_there, read_regular
from loki_bench.errors import SuiteError
from loki_bench.records.packed import is_packed
from loki_bench.records.store import ELSEWHERE, Store
from loki_bench.suite.changes import name_with
from loki_bench.suite.suite import Suite
from loki_bench.whole_files import not_written, part_of, sweep_parts

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
    return suite.with_keys(
        {"protocol": {"key": key}, "name": name_with(suite.name, f"key-{key[:8]}")}
    )


def under_fresh_key(suite: Suite, results: Path, *, draw: bool = True) -> Suite:
    """The suite's fresh run in a folder of results: ``NAME-fresh``, under the key that lies there.

    Parameters
    ----------
    draw : bool
        Whether a key is drawn where none lies there.

    Raises
    ------
    SuiteError
        There is none and none may be drawn; what lies there is no key; or the folder was
        published.
    StoreError
        A key that was drawn can't be written.
    """
    named = suite.with_keys({"name": name_with(suite.name, "fresh")})
    folder = results / named.folder
    key = _kept(folder) or _published(folder)
    if key is None and not draw:
        raise SuiteError(
            f"suite '{suite.name}' has no fresh run in {results}: `run` it with --fresh first, or "
            "give the key of another with --key"
        )
    if draw and not is_there(folder / NAME):
        key = _put_down(folder, key or draw_key())
    return named.with_keys({"protocol": {"key": key}})


def _put_down(folder: Path, key: str) -> str:
    """Write a key that was not there before; of two runs that begin at once, the first one's."""
    file = folder / NAME
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        sweep_parts(file.parent)  # what a run left that was killed here
        with (
            part_of(file, f"{key}\n".encode(), mode=0o600) as whole,
            suppress(FileExistsError),
        ):
            os.link(whole, file)  # fails where a file is there, and shows no half of one
    except OSError as error:
        raise not_written(file, error, ELSEWHERE) from error
    return _kept(folder) or key


def _kept(folder: Path) -> str | None:
    """The key that lies in a folder; None where none does.

    Where only its owner can read it, it is taken from the records.
    """
    file = folder / NAME
    try:
        key = read_regular(file, at_most=100).decode("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        key = ""
    except OSError as error:
        if (published := _published(folder)) is not None:
            return published
        raise SuiteError(
            f"can't read the run key {file}: {error.strerror}; it is for whoever began this fresh "
            "run alone. Choose another folder with --results for one of your own"
        ) from error
    if not KEY.fullmatch(key):
        raise SuiteError(
            f"{file} holds no run key: expected 32 hexadecimal digits. Delete that file alone: the "
            "key is then taken from the folder's records, and drawn anew where there are none"
        )
    return key


def _published(folder: Path) -> str | None:
    """The key under which a folder's own records are; None where it has none.

    ``work`` may be deleted, and the key with it: what was computed under it is gone on with.
    """
    if is_packed(folder):
        raise SuiteError(
            f"{folder} is packed, as it was published: computing goes into a folder of results of "
            "your own; choose another one with --results"
        )
    store = Store(folder, warn=lambda said: None)
    names = (path.stem for path in (folder / "records").glob("*.json"))
    records = {name: record for name in names if (record := store.record(name)) is not None}
    if not records:
        return None
    from loki_bench.leaderboard.folder import own_records  # a key is seldom lost

    keys = sorted({record.cell.protocol.key for record in own_records(folder, records).values()})
    if len(keys) > 1:
        raise SuiteError(
            f"{folder} holds records of {len(keys)} run keys, {', '.join(keys)}, and none lies in "
            f"{folder / NAME}; write the one there that is to be gone on with"
        )
    return keys[0] if keys else None
