"""Paths of files of somebody's own: a suite finds those that lie in its folder."""

import glob
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FILE_PARAMETERS", "READ_FROM_FILES", "from_folder"]

READ_FROM_FILES = ("file", "replay")
"""The dataset and the attacker whose parameters name files."""

FILE_PARAMETERS = ("path", "validation_path", "test_path")
"""Those of their parameters that do."""


def from_folder(parameters: Mapping[str, object], folder: Path) -> dict[str, object]:
    """The parameters with relative paths that lead to a file from the suite's folder led there.

    What is not there starts at the working folder. ``{seed}`` in a path stands for any seed.
    """
    return {
        key: _from(value, folder) if key in FILE_PARAMETERS else value
        for key, value in parameters.items()
    }


def _from(value: object, folder: Path) -> object:
    if isinstance(value, list):
        return [_from(one, folder) for one in value]
    if not isinstance(value, str) or not value or "\0" in value or value.startswith(("/", "~")):
        return value
    try:
        if "{seed}" in value:
            is_there = any(folder.glob(glob.escape(value).replace("{seed}", "*")))
        else:
            is_there = (folder / value).exists()
    except (OSError, ValueError):  # too long for a path: whoever reads it says so
        return value
    return str(folder / value) if is_there else value
