"""Whose folder of results it is: two suites of one name would overwrite each other's tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loki_bench.bounded_files import LARGEST_RECORD, is_there, json_object, read_regular
from loki_bench.content_ids import canonical_json
from loki_bench.errors import SuiteError
from loki_bench.json_values import JsonObject
from loki_bench.records.store import Store
from loki_bench.suite.suite import Suite, suite_file
from loki_bench.suite.suite_keys import suite_digest

__all__ = ["SuiteFile", "claim"]

NAME = "work/suite.json"

PACKAGED = "a suite of the package"


class SuiteFile(NamedTuple):
    """A file and the suite that is written there, before anything in it is changed."""

    path: Path
    suite: Suite


def claim(store: Store, file: SuiteFile, contents: Sequence[str] = ()) -> None:
    """Write down whose results a folder holds; refuse it where they are another file's.

    An edited file is the same suite, and so is one that was moved, or copied without a change. A
    suite of the package is the same one wherever the package is installed. The note lies in
    ``work``, which is no part of what is published.

    ``contents`` are as of :func:`~loki_bench.suite.suite_keys.suite_digest`: a copy beside which
    the data was copied, too, is one without a change.

    Raises
    ------
    SuiteError
        The folder holds results of another file, which is still there and has other content.
    """
    packaged = file.path.resolve() == suite_file(file.suite.name).resolve()
    path = PACKAGED if packaged else str(file.path.resolve())
    mine = {"file": path, "suite": suite_digest(file.suite, contents)}
    found = _written(store.folder / NAME)
    if found == mine:
        return
    other = str(found.get("file", ""))
    stands = other == PACKAGED or (other and is_there(Path(other)))
    if stands and other != path and found.get("suite") != mine["suite"]:
        raise SuiteError(
            f"suite '{file.suite.name}', {path}: {store.folder} holds the results of another "
            f"suite file of this name, {other}, whose tables this one would overwrite; give one "
            "of the two another name, or another folder with --results"
        )
    store.write_text(NAME, canonical_json(mine) + "\n")


def _written(path: Path) -> JsonObject:
    try:
        return json_object(read_regular(path, at_most=LARGEST_RECORD))
    except (OSError, ValueError):
        return {}
