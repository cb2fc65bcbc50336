"""The leaderboards of a site: found in folders, opened, and named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from loki_bench.audit.drawn import board_of
from loki_bench.bounded_files import LARGEST_RECORD, read_regular
from loki_bench.errors import StoreError
from loki_bench.fidelity.folder import fidelity_tables, read_grid
from loki_bench.fidelity.published_tables import published_tables
from loki_bench.fidelity.table import FidelityTable
from loki_bench.leaderboard.folder import own_records
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.manifest import MANIFEST, read_manifest
from loki_bench.records.opening import as_working_folder
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.report.names import file_name, metric_name
from loki_bench.report.page import BoardContent
from loki_bench.report.winners import Place, places_of
from loki_bench.site.shell import BOARDS_PAGE, DATA, family_page

__all__ = ["AttackBoard", "Board", "EstimatorBoard", "TableBoard", "boards_in"]

TABLES = "leaderboard.json"


@dataclass(frozen=True, kw_only=True)
class Board:
    """A leaderboard in a site.

    Attributes
    ----------
    folder : Path
        Where its files are.
    family : str
        The folder around it, or its own name where it stands alone.
    name : str
        The suite's.
    summary : str
    """

    folder: Path
    family: str
    name: str
    summary: str

    @property
    def title(self) -> str:
        """The name with its family."""
        return self.name if self.family == self.name else f"{self.family}: {self.name}"

    @property
    def slug(self) -> str:
        """What its files are called."""
        own = self.name if self.family == self.name else f"{self.family}-{self.name}"
        return file_name(own)

    @property
    def page(self) -> str:
        """The name of its page."""
        return f"board-{self.slug}.html"

    @property
    def family_page(self) -> str:
        """The name of its family's page."""
        return family_page(self.family)


@dataclass(frozen=True, kw_only=True)
class AttackBoard(Board):
    """A leaderboard of attacks with its records.

    Attributes
    ----------
    content : BoardContent
    own_records : sequence of Record
        Of the suite alone, without what was accepted into the folder.
    holds_poison : bool
        Whether the poison behind its rows was published with it.
    """

    content: BoardContent
    own_records: Sequence[Record]
    holds_poison: bool

    @property
    def tables(self) -> list[Table]:
        """One for each dataset and protocol."""
        return self.content.tables

    @cached_property
    def places(self) -> list[tuple[Table, Place]]:
        """Each victim and budget of each table."""
        return [(table, place) for table in self.tables for place in places_of(table)]

    @property
    def rows(self) -> list[tuple[Table, Place, Row]]:
        """Every row but placebos, with its place."""
        return [
            (table, place, row)
            for table, place in self.places
            for row, _ in place.block.rows
            if not row.placebo
        ]


@dataclass(frozen=True, kw_only=True)
class EstimatorBoard(Board):
    """A leaderboard of influence estimators."""

    tables: Sequence[FidelityTable]


@dataclass(frozen=True, kw_only=True)
class TableBoard(Board):
    """A leaderboard of attacks of which only the tables were published, by an older version.

    Attributes
    ----------
    heads : tuple of str
        ``attack``, ``victim``, ``budget``, and metrics.
    rows : tuple of tuple of str
        Means: the intervals of that version follow another rule.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def boards_in(folders: Iterable[Path]) -> list[Board]:
    """All leaderboards in or below some folders, by family and name; a site that lies there,
    such as the one that was written last, has none.

    Raises
    ------
    StoreError
        There is none, one is damaged, or two would have the same page.
    """
    paths: dict[Path, str] = {}
    for folder in folders:
        found = [path.parent for name in (MANIFEST, TABLES) for path in folder.rglob(name)]
        for path in (path for path in found if not _is_of_a_site(path)):
            around = path.parent.resolve()
            alone = path.resolve() == folder.resolve() or around == folder.resolve()
            paths[path.resolve()] = path.resolve().name if alone else around.name
    if not paths:
        raise StoreError(
            f"{', '.join(map(str, folders)) or 'nothing'} holds no leaderboard; expected folders "
            "that `loki-bench run` or `loki-bench publish` wrote"
        )
    found_boards = [_board(path, family) for path, family in sorted(paths.items())]
    found_boards.sort(key=lambda board: (board.family, board.name))
    _refuse_same_page(found_boards)
    return found_boards


def _is_of_a_site(path: Path) -> bool:
    """Whether a folder holds the tables that a site offers to be fetched: they are copies."""
    return path.parent.name == DATA and (path.parent.parent / BOARDS_PAGE).is_file()


def _refuse_same_page(boards: Iterable[Board]) -> None:
    """Two leaderboards of one name would write over each other's files without a word."""
    of_board: dict[str, Board] = {}
    of_family: dict[str, Board] = {}
    for board in boards:
        other = of_board.setdefault(board.page, board)
        if other is not board:
            raise StoreError(
                f"{other.folder} and {board.folder} would both be the page {board.page} of a site; "
                "name one of these leaderboards alone, or write two sites"
            )
        other = of_family.setdefault(board.family_page, board)
        if other.family != board.family:
            raise StoreError(
                f"{other.folder} and {board.folder} are of the families '{other.family}' and "
                f"'{board.family}', which would both be the page {board.family_page} of a site; "
                "rename the folder of one family, or write two sites"
            )


def _board(path: Path, family: str) -> Board:
    if not (path / MANIFEST).is_file():
        return _of_tables(path, family)
    with as_working_folder(path, artefacts=False) as folder:
        manifest = read_manifest(folder)
        if manifest.subject == "estimators":
            store = Store(folder, warn=lambda text: None)
            return EstimatorBoard(
                folder=path,
                family=family,
                name=manifest.suite,
                summary=manifest.summary,
                tables=fidelity_tables(store, read_grid(folder)),
            )
        content = board_of(folder)
        own = own_records(folder, {record.id: record for record in content.records})
    return AttackBoard(
        folder=path,
        family=family,
        name=content.name,
        summary=content.summary,
        content=content,
        own_records=tuple(own.values()),
        holds_poison=any(name.startswith("artefacts/poison/") for name in manifest.files),
    )


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Mean(_Part):
    mean: float


class _Column(_Part):
    label: str


class _AttackRow(_Part):
    attacker: str
    victim: str
    fake_users: float
    actions: int | str
    placebo: bool
    metrics: dict[str, _Mean | None]


class _AttackTable(_Part):
    rows: tuple[_AttackRow, ...]
    columns: tuple[_Column, ...]


class _AttackTables(_Part):
    suite: str
    tables: tuple[_AttackTable, ...]


def _of_tables(path: Path, family: str) -> Board:
    """Of tables alone, of attacks or of estimators, whose records were not kept."""
    file = path / TABLES
    summary = _summary(path / "leaderboard.md")
    try:
        tables_of_attacks = _AttackTables.model_validate_json(
            read_regular(file, at_most=LARGEST_RECORD)
        )
    except ValidationError:
        suite, tables = published_tables(file)
        return EstimatorBoard(
            folder=path, family=family, name=suite, summary=summary, tables=tables
        )
    except OSError as error:
        raise StoreError(f"{file} can't be read: {error.strerror}") from error
    metrics = list(
        dict.fromkeys(c.label for table in tables_of_attacks.tables for c in table.columns)
    )
    rows = [
        (
            row.attacker,
            row.victim,
            f"{100 * row.fake_users:g} % x {row.actions}",
            *(_mean(row.metrics.get(label)) for label in metrics),
        )
        for table in tables_of_attacks.tables
        for row in table.rows
        if not row.placebo
    ]
    return TableBoard(
        folder=path,
        family=family,
        name=tables_of_attacks.suite,
        summary=summary,
        heads=("attack", "victim", "budget", *map(metric_name, metrics)),
        rows=tuple(rows),
    )


def _mean(value: _Mean | None) -> str:
    return "-" if value is None else f"{value.mean:.3f}"


def _summary(page: Path) -> str:
    """The paragraph below the title of a leaderboard.md."""
    try:
        text = read_regular(page, at_most=LARGEST_RECORD).decode("utf-8", "replace")
    except OSError:
        return ""
    parts = text.split("\n\n")
    return parts[1].strip() if len(parts) > 1 else ""
