"""JSON in a folder of the user's cache: written whole or not at all, the oldest left out.

Where the cache can't be read or written, nothing is known, and nothing is kept.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["keep_json", "kept_json"]


def kept_json(path: Path, *, at_most: int) -> object:
    """The JSON in a file of at most so many bytes.

    Raises ``OSError``, ``ValueError`` or ``RecursionError`` where there is none.
    """
    if path.stat().st_size > at_most:
        raise ValueError(f"{path} has more than {at_most} bytes")
    content: object = json.loads(path.read_bytes())
    return content


def keep_json(path: Path, content: object, *, most_files: int) -> None:
    """Write JSON where other processes may write it, too; more than so many files are thinned."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content))
        part.replace(path)
        _leave_out_the_oldest(path.parent, most_files)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _leave_out_the_oldest(folder: Path, most_files: int) -> None:
    files = list(folder.glob("*.json"))
    if len(files) > most_files:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-most_files]:
            path.unlink(missing_ok=True)
