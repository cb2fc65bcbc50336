"""Whose folder of results it is: two suites of one name would overwrite each other's tables."""

from pathlib import Path
from typing import NamedTuple

from loki_bench.bounded_files import LARGEST_RECORD, is_there, json_object, read_regular
from loki_bench.content_ids import JsonObject, canonical_json, content_id
from loki_bench.errors import SuiteError
from loki_bench.records.store import Store
from loki_bench.suite.suite import Suite

__all__ = ["SuiteFile", "claim"]

NAME = "work/suite.json"


class SuiteFile(NamedTuple):
    """A file and the suite that is written there, before anything in it is changed."""

    path: Path
    suite: Suite


def claim(store: Store, file: SuiteFile) -> None:
    """Write down whose results a folder holds; refuse it where they are another file's.

    An edited file is the same suite, and so is one that was moved, or copied without a change. The
    note lies in ``work``, which is no part of what is published.

    Raises
    ------
    SuiteError
        The folder holds results of another file, which is still there and has other content.
    """
    path = str(file.path.resolve())
    mine = {"file": path, "suite": content_id(file.suite)}
    found = _written(store.folder / NAME)
    if found == mine:
        return
    other = str(found.get("file", ""))
    if other and other != path and found.get("suite") != mine["suite"] and is_there(Path(other)):
        raise SuiteError(
            f"suite '{file.suite.name}' of {path}: {store.folder} holds the results of another "
            f"suite file of this name, {other}, whose tables this one would overwrite; give one "
            "of the two another name, or another folder with --results"
        )
    store.write_text(NAME, canonical_json(mine) + "\n")


def _written(path: Path) -> JsonObject:
    try:
        return json_object(read_regular(path, at_most=LARGEST_RECORD))
    except (OSError, ValueError):
        return {}
