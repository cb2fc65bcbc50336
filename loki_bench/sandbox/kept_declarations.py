"""What third parties' plugins declare, kept in the user's cache, so that commands stay quick.

Kept under the distribution, its version, place and entry point, and believed while no file that
it was read from has changed, and no package was installed since. Where the cache can't be
written, nothing is kept.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path

import platformdirs

from loki_bench import __version__
from loki_bench.plugins.spec_data import JsonData

__all__ = ["keep", "kept"]

FORM = 2
MOST_BYTES = 8 << 20
MOST_KEPT = 200
INSTALLED = ("site-packages", "dist-packages")


def kept(entry: EntryPoint) -> object | None:
    """What was kept of a plugin's declaration; None where it is not known or no longer true."""
    try:
        path = _place(entry)
        if path.stat().st_size > MOST_BYTES:
            return None
        told = json.loads(path.read_bytes())
        document = told["document"]
        if told["stamps"] == _stamps(told["stamps"]):
            return document  # type: ignore[no-any-return]  # JSON, checked by the caller
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def keep(entry: EntryPoint, document: JsonData, files: Iterable[str]) -> None:
    """Keep a declaration that was read from these files."""
    stamps = _stamps([*files, *_installers_folders()])
    path = _place(entry)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"document": document, "stamps": stamps}))
        part.replace(path)
        _leave_out_the_oldest(path.parent)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _place(entry: EntryPoint) -> Path:
    dist = entry.dist
    parts = [
        *(FORM, __version__, sys.version, sys.prefix, entry.name, entry.value),
        *(() if dist is None else (dist.name, dist.version, str(dist.locate_file("")))),
    ]
    # not content_id: its module imports pydantic, and every command comes here
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return platformdirs.user_cache_path("loki-bench") / "plugins" / f"{key}.json"


def _stamps(paths: Iterable[str]) -> dict[str, list[int]]:
    """When each file was last changed, in nanoseconds, and its size; 0 where it is gone."""
    return {path: _stamp(Path(path)) for path in paths}


def _stamp(path: Path) -> list[int]:
    try:
        told = path.stat()
    except (OSError, ValueError):
        return [0, 0]
    return [told.st_mtime_ns, told.st_size]


def _installers_folders() -> list[str]:
    """Their own time changes when a package comes, goes or changes its version."""
    return [path for path in sys.path if Path(path).name in INSTALLED]


def _leave_out_the_oldest(folder: Path) -> None:
    files = list(folder.glob("*.json"))
    if len(files) > MOST_KEPT:
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_KEPT]:
            path.unlink(missing_ok=True)
