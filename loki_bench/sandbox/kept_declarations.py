"""What third parties' plugins declare, kept in the user's cache, so that commands stay quick.

Kept under the distribution, its version, place and entry point, and believed while no file that
it was read from has changed, and no package was installed since. Where the cache can't be
written, nothing is kept.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path

import platformdirs

from loki_bench import __version__
from loki_bench.kept_files import keep_json, kept_json
from loki_bench.plugins.spec_data import JsonData

__all__ = ["keep", "kept"]

FORM = 2
MOST_BYTES = 8 << 20
MOST_KEPT = 200
INSTALLED = ("site-packages", "dist-packages")


def kept(entry: EntryPoint) -> object | None:
    """What was kept of a plugin's declaration; None where it is not known or no longer true."""
    try:
        told = kept_json(_place(entry), at_most=MOST_BYTES)
        if isinstance(told, dict) and told["stamps"] == _stamps(told["stamps"]):
            document: object = told["document"]  # JSON, checked by the caller
            return document
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def keep(entry: EntryPoint, document: JsonData, files: Iterable[str]) -> None:
    """Keep a declaration that was read from these files."""
    stamps = _stamps([*files, *_installers_folders()])
    content = {"document": document, "stamps": stamps}
    keep_json(_place(entry), content, most_files=MOST_KEPT)


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
