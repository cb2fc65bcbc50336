"""Writes a site: every page and file, from leaderboards alone."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from loki_bench.bounded_files import LARGEST_RECORD, read_regular
from loki_bench.fidelity.figures import fidelity_figures
from loki_bench.fidelity.page import fidelity_html
from loki_bench.leaderboard.frames import frame_of, parquet_of
from loki_bench.plugins.registry import Registry
from loki_bench.records.store import Store
from loki_bench.report.document import grid_html
from loki_bench.report.figure import files_of
from loki_bench.report.names import file_name, person_name
from loki_bench.report.page import page
from loki_bench.site.boards import AttackBoard, Board, EstimatorBoard, TableBoard, boards_in
from loki_bench.site.claims import claims_headline, claims_of_site, has_claims
from loki_bench.site.component_pages import component_pages
from loki_bench.site.documentation import copy_documentation, pages_of
from loki_bench.site.home import boards_page, home_page, page_of_family
from loki_bench.site.shell import BOARDS_PAGE, DATA, Shell, link

__all__ = ["build_site"]

TABLES = ("leaderboard.csv", "leaderboard.json", "leaderboard.md")


def build_site(
    folders: Sequence[Path],
    out: Path,
    registry: Registry,
    *,
    documentation: Path | None = None,
    say: Callable[[str], None],
) -> dict[str, int]:
    """Write a site into a folder.

    Parameters
    ----------
    folders : sequence of Path
        Leaderboards, or folders that hold some.
    out : Path
        Files of an earlier site are replaced; others stay.
    documentation : Path or None
        A built documentation, which is copied into the site.

    Returns
    -------
    dict of str to int
        Bytes of each file by its name.

    Raises
    ------
    StoreError
        There is no leaderboard, one is damaged, or two would have the same page.
    UsageError
        The documentation is not a built one.
    """
    documented = None if documentation is None else pages_of(documentation)
    boards = boards_in(folders)
    measured = [board for board in boards if isinstance(board, AttackBoard)]
    families = tuple(dict.fromkeys(board.family for board in boards))
    by_family = {f: [board for board in measured if board.family == f] for f in families}
    claims = tuple(family for family in families if has_claims(by_family[family], say=say))
    shell = Shell(families=families, claims=claims, documentation=documented)
    headlines = [(claims_headline(by_family[f]), f"claims-{file_name(f)}.html") for f in claims]
    pages: dict[str, str | bytes] = {
        "index.html": home_page(shell, boards, headlines),
        BOARDS_PAGE: boards_page(shell, boards),
        "fidelity.html": _fidelity(shell, boards),
        **component_pages(shell, measured, registry.components()),
    }
    for family in families:
        own = [board for board in boards if board.family == family]
        pages[own[0].family_page] = page_of_family(shell, family, own, claims=family in claims)
    for family in claims:
        pages[f"claims-{file_name(family)}.html"] = claims_of_site(shell, family, by_family[family])
    store = Store(out, warn=say, elsewhere="choose another folder with --out")
    sizes = _written(store, pages)
    for board in boards:
        sizes |= _written(store, _board_files(shell, board))
    if documentation is not None:
        copy_documentation(documentation, store, shell)
    return sizes


def _written(store: Store, files: Mapping[str, str | bytes]) -> dict[str, int]:
    for name, content in files.items():
        store.write_bytes(name, content.encode() if isinstance(content, str) else content)
    return {
        name: len(content.encode() if isinstance(content, str) else content)
        for name, content in files.items()
    }


def _board_files(shell: Shell, board: Board) -> dict[str, str | bytes]:
    """The page of a leaderboard, its tables and its figures."""
    data = f"{DATA}/{board.slug}"
    files: dict[str, str | bytes] = {}
    for name in TABLES:
        path = board.folder / name
        if path.is_file():
            files[f"{data}/{name}"] = read_regular(path, at_most=LARGEST_RECORD)
    figures: dict[str, bytes] = {}
    if isinstance(board, AttackBoard):
        for number, own in enumerate(board.content.figures, start=1):
            for figure in own:
                figures |= files_of(figure, "" if number == 1 else f"-{number}")
    elif isinstance(board, EstimatorBoard):
        figures = fidelity_figures(list(board.tables))
    drawn = {f"{data}/{n}": raw for n, raw in figures.items() if n.endswith(".svg")}
    if isinstance(board, AttackBoard):
        files[f"{data}/leaderboard.parquet"] = parquet_of(frame_of(board.tables))
    links = [link(name, name.rpartition("/")[2]) for name in (*files, *drawn)]
    downloads = f"<p>Files: {', '.join(links)}.</p>"
    if not isinstance(board, EstimatorBoard):
        downloads += shell.explained("how-to/read-a-leaderboard", "How to read a leaderboard")
    return {**files, **drawn, board.page: _page(shell, board, downloads)}


def _page(shell: Shell, board: Board, downloads: str) -> str:
    if isinstance(board, AttackBoard):
        return page(board.content, navigation=shell.navigation, downloads=downloads)
    if isinstance(board, EstimatorBoard):
        return fidelity_html(
            board.name,
            board.summary,
            board.tables,
            navigation=shell.navigation,
            downloads=downloads,
        )
    if isinstance(board, TableBoard):
        rows = [[escape(person_name(cell)) for cell in row] for row in board.rows]
        return shell.page(
            f"Leaderboard: {board.name}",
            [
                f"<h1>{escape(board.name)}</h1>",
                f"<p>{escape(person_name(board.summary))}</p>",
                "<p>Means over seeds. Only the tables of this leaderboard were published, by an "
                "older version, whose intervals follow another rule: they are in the files and not "
                "shown here, and rows are not ranked.</p>",
                downloads,
                grid_html([escape(head) for head in board.heads], rows, board.name),
            ],
        )
    raise TypeError(f"a site has no page for {type(board).__name__}")


def _fidelity(shell: Shell, boards: Sequence[Board]) -> str:
    """What influence estimators are worth, and where their leaderboards are."""
    own = [board for board in boards if isinstance(board, EstimatorBoard)]
    items = "".join(
        f"<li><h2>{link(board.page, board.title)}</h2><p>{escape(person_name(board.summary))}</p>"
        f"<p>{len(board.tables)} tables</p></li>"
        for board in own
    )
    told = (
        "LOKI is rewarded by influence functions: by how much they say that a fake user moves the "
        "targets. Here each estimator's answer is held against training again, with its interval "
        "over goals; controls show what comes for free."
    )
    nothing = "" if own else "<p>There is no leaderboard of estimators here.</p>"
    return shell.page(
        "Fidelity of influence estimators",
        [
            "<h1>Fidelity of influence estimators</h1>",
            f"<p>{told}</p>",
            shell.explained("influence", "Which estimators there are, and what they assume"),
            nothing,
            f'<ul class="cards">{items}</ul>' if own else "",
        ],
    )
