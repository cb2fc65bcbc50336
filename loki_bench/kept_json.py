"""JSON in a folder of the user's cache: written whole or not at all, the oldest left out.

Where the cache can't be read or written, nothing is known, and nothing is kept.
"""

import json
from contextlib import suppress
from pathlib import Path

from loki_bench.whole_files import part_of, sweep_parts

__all__ = ["keep_json", "kept_json", "leave_out_the_oldest"]


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
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_parts(path.parent)
        with part_of(path, json.dumps(content).encode()) as part:
            part.replace(path)
        leave_out_the_oldest(path.parent, "*.json", most_files)


def leave_out_the_oldest(folder: Path, pattern: str, most_files: int) -> None:
    """Remove the files of this pattern but for so many, those that were written last."""
    files = list(folder.glob(pattern))
    if len(files) > most_files:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-most_files]:
            path.unlink(missing_ok=True)
