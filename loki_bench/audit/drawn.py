"""What is made from a leaderboard's records: its page, its figures, and a family's claims.

Page and figures are written by commands of their own, when somebody asks for them. In the
leaderboard's folder they are listed in the manifest, and a verification makes them again.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from loki_bench.errors import StoreError
from loki_bench.fidelity.figures import fidelity_figures
from loki_bench.fidelity.folder import fidelity_page, fidelity_tables, read_grid
from loki_bench.leaderboard.folder import (
    FIGURES,
    PAGE,
    drawn_files,
    handed_in,
    own_records,
)
from loki_bench.paper.answered import claims_page
from loki_bench.paper.claims import SUITES
from loki_bench.records.manifest import MANIFEST, Manifest, list_files, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.report.figures import figure_files
from loki_bench.report.page import BoardContent, page

__all__ = [
    "board_of",
    "claims_of",
    "drawn_again",
    "drawn_by",
    "figures_of",
    "keep_drawn",
    "page_of",
    "records_of",
]

Records = list[Record]


def records_of(folder: Path) -> tuple[Manifest, Records]:
    """The manifest of a working folder and the records of its cells; none of estimators.

    Raises
    ------
    StoreError
        There is no manifest, or a record that it lists is not there or not whole.
    """
    manifest = read_manifest(folder)
    store = Store(folder, warn=lambda text: None)
    records: Records = []
    for cell_id in manifest.record_ids if manifest.subject == "attacks" else ():
        record = store.record(cell_id)
        if record is None:
            raise StoreError(
                f"{folder / 'records' / cell_id}.json is not there or not whole; "
                "`loki-bench verify` names all that is damaged"
            )
        records.append(record)
    return manifest, records


def page_of(folder: Path) -> str:
    """The page of a working folder; raises as :func:`records_of`."""
    manifest = read_manifest(folder)
    if manifest.subject == "estimators":
        return fidelity_page(Store(folder, warn=lambda text: None), read_grid(folder))
    return page(board_of(folder))


def board_of(folder: Path) -> BoardContent:
    """What the page of a working folder is made from; raises as :func:`records_of`."""
    manifest, records = records_of(folder)
    return BoardContent(
        name=manifest.suite,
        summary=manifest.summary,
        metrics=manifest.metrics,
        records=records,
        missing=manifest.missing,
        handed_in=handed_in(folder),
    )


def figures_of(folder: Path) -> dict[str, bytes]:
    """The figures of a working folder, by file name; raises as :func:`page_of`."""
    manifest, records = records_of(folder)
    if manifest.subject == "estimators":
        store = Store(folder, warn=lambda text: None)
        return fidelity_figures(fidelity_tables(store, read_grid(folder)))
    return figure_files(
        records, manifest.missing, metrics=manifest.metrics, handed_in=handed_in(folder)
    )


def claims_of(family: Path) -> str:
    """The paper's claims, answered from the leaderboards of its suites, packed or not.

    Other suites of the family play no part, nor do rows that were accepted into these.

    Raises ``StoreError`` where the family has no suite of the paper, or one is damaged.
    """
    folders = sorted(path.parent for path in family.glob(f"*/{MANIFEST}"))
    of_paper = [path for path in folders if read_manifest(path).suite in SUITES]
    if not of_paper:
        there = "no leaderboard" if not folders else "no leaderboard of the paper's suites"
        raise StoreError(
            f"{family} holds {there}; expected the folder of a family with one of "
            f"{', '.join(SUITES)}, such as results/beauty after `loki-bench run paper-overall`"
        )
    suites: dict[str, str] = {}
    found: Records = []
    for path in of_paper:
        with as_working_folder(path, artefacts=False) as folder:
            manifest, records = records_of(folder)
            own = own_records(folder, {record.id: record for record in records})
        suites[manifest.suite] = manifest.summary
        found += own.values()
    return claims_page(suites, found)


def drawn_again(folder: Path, names: list[str]) -> dict[str, bytes]:
    """What the records give for these files, by name; a file that they do not give is not there."""
    made: dict[str, bytes] = {}
    if PAGE in names:
        made[PAGE] = page_of(folder).encode()
    if set(names) - {PAGE}:
        made |= {f"{FIGURES}/{name}": raw for name, raw in figures_of(folder).items()}
    return {name: made[name] for name in names if name in made}


def keep_drawn(folder: Path, files: dict[str, bytes], *, also: Sequence[str] = ()) -> None:
    """Write files into a leaderboard folder, packed or not, and list them in its manifest.

    ``also`` are names of tables that are listed with their bytes as they are now.
    """
    store = Store(
        folder, warn=lambda text: None, elsewhere="copy the leaderboard to where you may write"
    )
    for name, content in files.items():
        store.write_bytes(name, content)
    list_files(store, [*also, *drawn_files(folder)])


def drawn_by(raw: bytes) -> str:
    """The library that drew a file for an older version; empty for what loki-bench drew itself."""
    found = re.search(rb"(Matplotlib v|plotly\.js v)(\d+\.\d+[.\w]*)", raw)
    return "" if found is None else f"{found[1].decode()}{found[2].decode()}".rstrip(".")
