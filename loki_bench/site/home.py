"""The first page: what this is, what came out, how to take part; and the list of leaderboards."""

from collections.abc import Sequence
from html import escape

from loki_bench.leaderboard.rows import NO_ATTACK
from loki_bench.report.document import css_text, grid_html
from loki_bench.report.looks import look_of
from loki_bench.report.names import attack_name, file_name, person_name
from loki_bench.report.protocol_picture import STEPS, protocol_picture
from loki_bench.report.svg import in_page, mark_in_page, marks_in_page
from loki_bench.report.winners import answer_of
from loki_bench.site.boards import AttackBoard, Board
from loki_bench.site.shell import REPOSITORY, Shell, attack_page, family_page, link, victim_link

__all__ = ["boards_page", "home_page", "page_of_family"]

TAGLINE = "How well does a data-poisoning attack on a recommender really work?"


def home_page(shell: Shell, boards: Sequence[Board], headlines: Sequence[tuple[str, str]]) -> str:
    """The home page.

    Parameters
    ----------
    headlines : sequence of (sentence, page that it leads to)
    """
    measured = [board for board in boards if isinstance(board, AttackBoard)]
    victims = {row.victim for board in measured for *_, row in board.rows}
    # a named regime follows a blank: those are variants of a victim, one click further
    usual = sorted(name for name in victims if " (" not in name)
    said = "".join(
        f'<p class="answer">{escape(text)} {link(page, "How that was decided")}</p>'
        for text, page in headlines
    )
    documentation = shell.documented("index") or REPOSITORY
    join = (
        "<ol><li><code>loki-bench new attacker my-attack</code> writes a package with an attack, "
        "its tests and a CI file.</li><li><code>loki-bench check my-attack</code> says whether it "
        "keeps the rules; <code>loki-bench run quick</code> gives it a row.</li>"
        "<li><code>loki-bench submit</code> packs the rows into one file; whoever runs the "
        "leaderboard measures them again under seeds that you can't know.</li></ol>"
        f"<p>{link(documentation, 'The documentation')} has a tutorial for each kind of "
        "plugin.</p>"
    )
    return shell.page(
        "loki-bench: data-poisoning attacks on next-item recommenders",
        [
            "<h1>loki-bench</h1>",
            f"<p>{TAGLINE} loki-bench is the referee: everybody's attack gets the same data, the "
            "same budget, the same victims trained from zero, the same seeds.</p>",
            f'<div class="picture">{in_page(protocol_picture())}</div>',
            _in_words(),
            said,
            "<h2>Which attack is best on ...</h2>",
            f'<p class="chips">{" ".join(map(victim_link, usual))}</p>',
            "<p>A victim's page answers for every budget, and says <em>tied</em> where the seeds "
            f"do not tell. {link('victims.html', 'All victims')}, those trained otherwise "
            "included.</p>",
            "<h2>Leaderboards by attacks</h2>",
            "<p>At how many places (a victim and a budget each) an attack is best. "
            "<em>Tied</em>: it shares the first place, and the seeds do not tell it from the "
            "others there.</p>",
            _matrix(measured),
            _other_boards(boards),
            "<h2>Take part</h2>",
            join,
        ],
    )


def _in_words() -> str:
    """The picture for screens that are too narrow for it."""
    steps = "".join(
        f"<li><strong>{escape(title)}</strong>: {escape(' '.join(lines))}</li>"
        for title, lines, _ in STEPS
    )
    return f'<ol class="in-words">{steps}</ol>'


def _matrix(boards: Sequence[AttackBoard]) -> str:
    """A row for each leaderboard, a column for each attack; variants count as their attack."""
    names = sorted(
        {_base(row.attacker) for board in boards for *_, row in board.rows} - {NO_ATTACK}
    )
    looks = {name: look_of(name) for name in names}
    heads = [
        "leaderboard",
        *(f"{mark_in_page(n)} {link(attack_page(n), attack_name(n))}" for n in names),
    ]
    rows = []
    for board in boards:
        places = [place for _, place in board.places if place.best]
        there = {_base(row.attacker) for *_, row in board.rows}
        cells = []
        for name in names:
            among = [p for p in places if any(_base(row.attacker) == name for row in p.best)]
            alone = [p for p in among if all(_base(row.attacker) == name for row in p.best)]
            if name in there and there <= {name, NO_ATTACK}:
                cells.append('<span class="dim">the only attack</span>')
            else:
                n = len(alone)
                cells.append(_cell(n, len(among) - n, len(places), name in there))
        rows.append([link(board.page, board.title), *cells])
    style = "".join(
        f'.matrix td:nth-child({n})::before{{content:"{css_text(attack_name(name))}"}}'
        for n, name in enumerate(names, start=2)
    )
    return f"<style>@media (max-width:700px){{{style}}}</style>{marks_in_page(looks)}" + grid_html(
        heads, rows, "Leaderboards by attacks", "rows plain matrix"
    ).replace("<td>", '<td class="m">')


def _cell(alone: int, tied: int, n: int, there: bool) -> str:
    if not there:
        return '<span class="dim">not run</span>'
    if not n:
        return '<span class="dim">not ranked</span>'
    said = [f"best {alone} of {n}"] if alone else []
    said += [f"tied {tied} of {n}"] if tied else []
    return f"<strong>{', '.join(said)}</strong>" if said else f"0 of {n}"


def _base(attacker: str) -> str:
    return attacker.partition("(")[0].strip()


def _other_boards(boards: Sequence[Board]) -> str:
    others = [board for board in boards if not isinstance(board, AttackBoard)]
    links = ", ".join(link(board.page, board.title) for board in others)
    return f"<p>Others: {links}.</p>" if others else ""


def boards_page(shell: Shell, boards: Sequence[Board]) -> str:
    """Every leaderboard with its answer."""
    parts = ["<h1>Leaderboards</h1>"]
    for family in dict.fromkeys(board.family for board in boards):
        own = [board for board in boards if board.family == family]
        title = link(family_page(family), family)
        parts += [f"<h2>{title}</h2>", _cards(own)]
    return shell.page("Leaderboards", parts)


def page_of_family(shell: Shell, family: str, boards: Sequence[Board], *, claims: bool) -> str:
    """The leaderboards of one family."""
    more = ""
    if claims:
        page = f"claims-{file_name(family)}.html"
        more = f"<p>{link(page, 'The claims of the LOKI paper, answered from these records')}.</p>"
    return shell.page(f"Family: {family}", [f"<h1>{escape(family)}</h1>", more, _cards(boards)])


def _cards(boards: Sequence[Board]) -> str:
    items = []
    for board in boards:
        answer = ""
        if isinstance(board, AttackBoard):
            answer = "".join(f"<p>{escape(answer_of(table))}</p>" for table in board.tables)
        items.append(
            f"<li><h3>{link(board.page, board.name)}</h3>"
            f'<p class="dim">{escape(person_name(board.summary))}</p>{answer}</li>'
        )
    return f'<ul class="cards">{"".join(items)}</ul>'
