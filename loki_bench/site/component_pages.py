"""Pages of attacks, victims and defenses: their rows over all leaderboards."""

from collections.abc import Callable, Sequence
from html import escape

from loki_bench.leaderboard.intervals import Interval, shown
from loki_bench.leaderboard.row_cells import placebo_of, shown_rank
from loki_bench.leaderboard.rows import NO_ATTACK, NO_DEFENSE
from loki_bench.leaderboard.table import Row, Table
from loki_bench.plugins.registry import Component
from loki_bench.report.document import css_text, figure_html, grid_html, unbroken
from loki_bench.report.figure import Figure, Numbers
from loki_bench.report.figure_data import attack_of
from loki_bench.report.looks import look_of
from loki_bench.report.names import attack_name, budget_name, metric_name, person_name
from loki_bench.report.panels import Dot, dots_panel
from loki_bench.report.scales import metric_ends
from loki_bench.report.svg import marks_in_page
from loki_bench.report.winners import Place
from loki_bench.site.boards import AttackBoard
from loki_bench.site.shell import (
    Shell,
    attack_link,
    attack_page,
    defense_page,
    link,
    linked,
    victim_link,
    victim_page,
)
from loki_bench.suite.actions import actions_order

__all__ = ["component_pages"]

WHOLE_NAMES = (
    "@media (min-width:1000px){.plain th,.plain td:nth-child(2),.plain td:last-child"
    "{white-space:nowrap}}\n"
)
"""An attack, a victim and a leaderboard are not broken at their hyphens."""

Found = tuple[AttackBoard, Table, Place, Row]


def component_pages(
    shell: Shell, boards: Sequence[AttackBoard], installed: Sequence[Component]
) -> dict[str, str]:
    """Every page by its name, the three lists included."""
    found = [(board, *rest) for board in boards for rest in board.rows]
    specs = {(c.spec.kind, c.spec.name): c for c in installed}
    attacks = _grouped(found, lambda row: row.attacker.partition("(")[0].strip())
    victims = _grouped(found, lambda row: row.victim)
    defended = [one for one in found if one[3].defense != NO_DEFENSE]
    defenses = _grouped(defended, lambda row: row.defense.partition("(")[0].strip())
    pages = {}
    for name, own in attacks.items():
        pages[attack_page(name)] = _attack(shell, name, own, specs.get(("attacker", name)))
    for name, own in victims.items():
        spec = specs.get(("recommender", name.partition("(")[0]))
        pages[victim_page(name)] = _victim(shell, name, own, spec)
    unmeasured = [c for c in installed if c.spec.kind == "defense" and c.spec.name not in defenses]
    for name, own in defenses.items():
        pages[defense_page(name)] = _defense(shell, name, own, specs.get(("defense", name)))
    for component in unmeasured:
        name = component.spec.name
        pages[defense_page(name)] = _defense(shell, name, [], component)
    pages["attacks.html"] = _list(
        shell,
        "Attacks",
        [(attack_page(n), attack_name(n), _said(specs.get(("attacker", n)))) for n in attacks],
    )
    pages["victims.html"] = _list(
        shell,
        "Victims",
        [
            (victim_page(n), person_name(n), _said(specs.get(("recommender", n.partition("(")[0]))))
            for n in victims
        ],
    )
    names = sorted({*defenses, *(c.spec.name for c in unmeasured)})
    pages["defenses.html"] = _list(
        shell,
        "Defenses",
        [(defense_page(n), person_name(n), _said(specs.get(("defense", n)))) for n in names],
    )
    return pages


def _grouped(found: Sequence[Found], key: Callable[[Row], str]) -> dict[str, list[Found]]:
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(key(one[3]), []).append(one)
    return dict(sorted(groups.items()))


def _said(component: Component | None) -> str:
    return "" if component is None else component.spec.summary


def _list(shell: Shell, title: str, entries: Sequence[tuple[str, str, str]]) -> str:
    items = "".join(
        f"<li><h2>{link(page, name)}</h2><p>{escape(said)}</p></li>" for page, name, said in entries
    )
    return shell.page(title, [f"<h1>{title}</h1>", f'<ul class="cards">{items}</ul>'])


def _about(component: Component | None, kind: str, name: str) -> str:
    """What its plugin says of it: summary, source, where it comes from."""
    if component is None:
        told = f"No plugin here declares {kind} {name}: its rows were computed elsewhere."
        return f"<p>{escape(told)}</p>"
    spec = component.spec
    items = [f"<li>Id: <code>{escape(spec.name)}</code></li>"]
    if spec.reference:
        items.append(f"<li>Source: {linked(spec.reference)}</li>")
    items.append(f"<li>Plugin: {escape(str(component.origin))}</li>")
    command = f"loki-bench plugins show {spec.name}"
    items.append(f"<li>Parameters: <code>{escape(command)}</code></li>")
    return f"<p>{escape(spec.summary)}.</p><ul>{''.join(items)}</ul>"


def _attack(shell: Shell, name: str, found: Sequence[Found], component: Component | None) -> str:
    title = attack_name(name)
    looks = {name: look_of(name)}
    metric = _only_metric(found)
    rows = [
        [
            escape(attack_name(row.attacker, row.simulator)),
            victim_link(row.victim),
            link(f"{board.page}#{place.anchor}", _budget(place)),
            unbroken(_value(table, row, named=metric is None)),
            unbroken(shown(row.gain, signed=True)),
            unbroken(_verdict(place, row)),
            unbroken(placebo_of(row, _placebo(place, row))),
            link(board.page, board.title),
        ]
        for board, table, place, row in found
    ]
    heads = ["attack", "victim", "budget", metric or "main metric", "gain", "rank"]
    with_poison = list(dict.fromkeys(b.title for b, *_ in found if b.holds_poison))
    poison = (
        "<p>Published poison: "
        f"{escape(', '.join(with_poison)) or 'none; `loki-bench reproduce` crafts it again'}. A "
        "click on a row of a leaderboard shows the ids of its cells, and "
        "<code>loki-bench poison export CELL --results leaderboards</code> writes the fake users "
        "of one into a file.</p>"
    )
    best = sum(_is_best(place, row) for _, _, place, row in found)
    alone = sum(_is_best(place, row) and len(place.best) == 1 for _, _, place, row in found)
    answer = (
        f"{title} is best or tied with the best in {best} of {len(found)} rows, clearly above all "
        f"others in {alone}."
    )
    return shell.page(
        f"Attack: {title}",
        [
            marks_in_page(looks),
            f"<h1>{escape(title)}</h1>",
            _about(component, "attack", name),
            shell.explained("loki" if name == "loki" else f"attacks/{name}", "How it works"),
            f'<p class="answer">{escape(answer)}</p>',
            *(figure_html(figure, with_numbers=False) for figure in _figures(title, found)),
            "<h2>Its rows on all leaderboards</h2>",
            _rows([*heads, "placebo", "leaderboard"], rows),
            "<h2>Its poison</h2>",
            poison,
        ],
        style=_labels([*heads, "placebo", "leaderboard"]) + WHOLE_NAMES,
    )


def _figures(title: str, found: Sequence[Found]) -> list[Figure]:
    """The attack's main metric everywhere: a panel for each victim, largest budgets first."""
    mains = dict.fromkeys(table.main for _, table, _, _ in found if table.main is not None)
    figures: list[Figure] = []
    for main in mains:
        own: dict[str, dict[tuple[str, Interval], Dot]] = {}
        for board, table, place, row in sorted(found, key=lambda one: _largest(one[2])):
            value = row.metrics[main.label] if table.main == main else None
            if value is None or row.defense != NO_DEFENSE:  # a defense's page has what it leaves
                continue
            variant = attack_name(row.attacker, row.simulator)
            who = "" if variant == title else f"{variant}, "
            victim, _, regime = row.victim.partition(" (")  # trained in a way that has a name
            who += regime and f"victim {regime.removesuffix(')')}, "
            name = f"{who}{budget_name(row.fake_users, row.actions)}, {board.title}"
            dot = Dot(name=name, values=((look_of(attack_of(row)), value, ""),))
            own.setdefault(victim, {}).setdefault((f"{who}{_budget(place)}", value), dot)
        every = [v for dots in own.values() for d in dots.values() for _, v, _ in d.values]
        ends = metric_ends(main, every)
        label = metric_name(main.label)
        panels = tuple(
            dots_panel(person_name(victim), list(dots.values()), ends, label, ceiling=main.ceiling)
            for victim, dots in sorted(own.items())
        )
        most = "" if main.ceiling is None or len(mains) == 1 else f" where at most {main.ceiling:g}"
        text = (
            f"{label} of {title} on every victim and budget{most and f'{most} can be reached'}, "
            "with its 95 % interval. A row: fake users in % of genuine ones x actions of each, and "
            "the leaderboard"
        )
        numbers = Numbers(heads=(), rows=())
        name = f"rows {len(figures)}"
        figures.append(Figure(name=name, title=text, panels=panels, key=(), numbers=numbers))
    return figures


def _labels(heads: Sequence[str]) -> str:
    """On a narrow screen every cell says what it is."""
    lines = "".join(
        f'table.rows td:nth-child({n})::before{{content:"{_label(head)}";color:var(--dim)}}'
        for n, head in enumerate(heads, start=1)
        if n > 1
    )
    return f"@media (max-width:700px){{table.rows td{{text-align:left!important}}{lines}}}\n"


def _label(head: str) -> str:
    return css_text(f"{head} " if head.endswith("?") else f"{head}: ")


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose heads are texts: a metric's name comes from a record. Its cells are HTML."""
    return grid_html([escape(head) for head in heads], rows, "", "rows plain")


def _victim(shell: Shell, name: str, found: Sequence[Found], component: Component | None) -> str:
    title = person_name(name)
    answers: dict[tuple[str, str, str], list[tuple[AttackBoard, Place]]] = {}
    for board, table, place, _ in found:
        data = table.about["dataset"].partition(":")[0]
        own = answers.setdefault((_budget(place), place.sentence, data), [])
        if all((board.page, place.anchor) != (b.page, p.anchor) for b, p in own):
            own.append((board, place))
    ordered = sorted(answers.items(), key=lambda one: _largest(one[1][0][1]))
    rows = [
        [
            link(f"{own[0][0].page}#{own[0][1].anchor}", budget),
            _answered(own[0][1]),
            escape(data),
            ", ".join(link(f"{board.page}#{place.anchor}", board.title) for board, place in own),
        ]
        for (budget, _, data), own in ordered
    ]
    heads = ["budget", "which attack is best, and is it clearly better?", "data", "leaderboards"]
    return shell.page(
        f"Victim: {title}",
        [
            f"<h1>{escape(title)}</h1>",
            _about(component, "recommender", name),
            "<h2>Which attack is best on it?</h2>",
            _rows(heads, rows),
        ],
        style=_labels(heads),
    )


def _largest(place: Place) -> tuple[float, float]:
    """The largest budget first."""
    row = place.block.rows[0][0]
    return -row.fake_users, -actions_order(row.actions)


def _answered(place: Place) -> str:
    if not place.best:
        return "not ranked"
    attacks = {row.attacker.partition("(")[0].strip() for row, _ in place.block.rows}
    if len(place.best) > 1:
        verdict = "Tied. "
    else:
        verdict = "Clearly. " if len(attacks - {NO_ATTACK}) > 1 else "The only attack there. "
    return f"<strong>{verdict}</strong>{escape(place.sentence)}"


def _defense(shell: Shell, name: str, found: Sequence[Found], component: Component | None) -> str:
    metric = _only_metric(found)
    rows = [
        [
            attack_link(row.attacker, row.simulator),
            victim_link(row.victim),
            link(f"{board.page}#{place.anchor}", _budget(place)),
            unbroken(_value(table, row, named=metric is None)),
            unbroken(_undefended(table, row)),
            unbroken(_verdict(place, row)),
            link(board.page, board.title),
        ]
        for board, table, place, row in found
    ]
    heads = [
        "attack",
        "victim",
        "budget",
        f"{metric or 'main metric'} behind it",
        "without it",
        "rank",
        "leaderboard",
    ]
    looks = {row.attacker: look_of(row.attacker) for *_, row in found}
    table = _rows(heads, rows) if rows else "<p>No leaderboard here measures it.</p>"
    return shell.page(
        f"Defense: {person_name(name)}",
        [
            marks_in_page(looks),
            f"<h1>{escape(person_name(name))}</h1>",
            _about(component, "defense", name),
            shell.explained("defenses", "All defenses, and how they are measured"),
            "<h2>What it leaves of attacks</h2>",
            table,
        ],
        style=_labels(heads) + WHOLE_NAMES,
    )


def _budget(place: Place) -> str:
    return place.name.partition(", ")[2] if ", " in place.name else place.name


def _only_metric(found: Sequence[Found]) -> str | None:
    """The main metric of all tables; None where they have several."""
    labels = {table.main.label for _, table, _, _ in found if table.main is not None}
    return metric_name(labels.pop()) if len(labels) == 1 else None


def _value(table: Table, row: Row, *, named: bool) -> str:
    """The main metric of a row, with the metric's name where the head has it not."""
    if table.main is None:
        return "-"
    value = shown(row.metrics[table.main.label])
    return f"{metric_name(table.main.label)} {value}" if named else value


def _undefended(table: Table, row: Row) -> str:
    """The main metric of the same attack without any defense."""
    same = ("attacker", "simulator", "victim", "fake_users", "actions", "placebo")
    for other in table.rows:
        if other.defense == NO_DEFENSE and all(
            getattr(other, name) == getattr(row, name) for name in same
        ):
            return "-" if table.main is None else shown(other.metrics[table.main.label])
    return "-"


def _verdict(place: Place, row: Row) -> str:
    rank = shown_rank(row.rank, marked=True)
    return f"{rank}, best" if _is_best(place, row) and len(place.best) == 1 else rank


def _is_best(place: Place, row: Row) -> bool:
    return any(one is row for one in place.best)


def _placebo(place: Place, row: Row) -> Row | None:
    return next((placebo for one, placebo in place.block.rows if one is row), None)
