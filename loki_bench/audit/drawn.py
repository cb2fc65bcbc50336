"""What is drawn from a leaderboard's records: its page and its figures, beside the tables.

Both are written by commands of their own, when somebody asks for them. They are then listed in the
manifest, and a verification makes them again.
"""

import re
from pathlib import Path

from loki_bench.audit.page import figures_of, page_of
from loki_bench.errors import UsageError
from loki_bench.records.manifest import list_files
from loki_bench.records.store import Store
from loki_bench.report.figures import FORMATS

__all__ = ["FIGURES", "PAGE", "drawn_again", "drawn_by", "drawn_files", "keep_drawn"]

PAGE = "leaderboard.html"
FIGURES = "figures"


def drawn_files(folder: Path) -> list[str]:
    """The page and the figures that a leaderboard folder has."""
    page = [PAGE] if (folder / PAGE).is_file() else []
    figures = {path for kind in FORMATS for path in (folder / FIGURES).glob(f"*.{kind}")}
    return [*page, *(f"{FIGURES}/{path.name}" for path in sorted(figures))]


def drawn_again(folder: Path, names: list[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """What the records give for these files, by name; and for what can't be made here, why."""
    made: dict[str, bytes] = {}
    why: dict[str, str] = {}
    try:
        if PAGE in names:
            made[PAGE] = page_of(folder).encode()
    except UsageError as error:
        why[PAGE] = str(error)
    try:
        if names != [PAGE]:
            made |= {f"{FIGURES}/{name}": raw for name, raw in figures_of(folder).items()}
    except UsageError as error:
        why |= {name: str(error) for name in names if name != PAGE}
    return {name: made[name] for name in names if name in made}, why


def keep_drawn(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a leaderboard folder, and list them in its manifest."""
    store = Store(folder, warn=lambda text: None)
    for name, content in files.items():
        store.write_bytes(name, content)
    list_files(store, drawn_files(folder))


def drawn_by(raw: bytes) -> str:
    """The library that drew a file and its version, as it says itself; empty if it does not."""
    found = re.search(rb"(Matplotlib v|plotly\.js v)(\d+\.\d+[.\w]*)", raw)
    return "" if found is None else f"{found[1].decode()}{found[2].decode()}".rstrip(".")
