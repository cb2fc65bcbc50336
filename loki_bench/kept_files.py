"""Files in a folder of the user's cache: written whole or not at all, the oldest left out.

Where the cache can't be read or written, nothing is known, and nothing is kept.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loki_bench.whole_files import part_of, sweep_parts

__all__ = ["keep_file", "keep_json", "kept_json"]


def kept_json(path: Path, *, at_most: int) -> object:
    """The JSON in a file of at most so many bytes.

    Raises ``OSError``, ``ValueError`` or ``RecursionError`` where there is none.
    """
    if path.stat().st_size > at_most:
        raise ValueError(f"{path} has more than {at_most} bytes")
    content: object = json.loads(path.read_bytes())
    return content


def keep_json(path: Path, content: object, *, most_files: int) -> None:
    """Write JSON as :func:`keep_file` does."""
    told = json.dumps(content).encode()
    keep_file(path, lambda part: part.write_bytes(told), most_files=most_files)


def keep_file(
    path: Path, write: Callable[[Path], object], *, most_files: int, mode: int = 0o666
) -> None:
    """Write a file where other processes may write it, too.

    Parameters
    ----------
    write : callable
        Is given the path of an empty file to write to, which is renamed afterwards.
    most_files : int
        So many with this suffix stay in the folder, those that were written last.
    mode : int
        Of the file, before the user's mask.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_parts(path.parent)
        with part_of(path, b"", mode=mode) as part:
            write(part)
            part.replace(path)
        _leave_out_the_oldest(path.parent, f"*{path.suffix}", most_files)


def _leave_out_the_oldest(folder: Path, pattern: str, most_files: int) -> None:
    """Remove the files of this pattern but for so many, those that were written last."""
    files = list(folder.glob(pattern))
    if len(files) > most_files:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-most_files]:
            path.unlink(missing_ok=True)
