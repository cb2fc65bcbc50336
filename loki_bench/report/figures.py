"""Figures for papers, as SVG and PDF: the same records and the same matplotlib give the same bytes.

The figures of the LOKI paper's section 4 (bars, two series, lengths), single surrogates by victims,
the sequences of groups that an attack learned, and how its return grew while it did. A figure that
the records say nothing about is left out.
"""

import io
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from loki_bench.errors import UsageError
from loki_bench.leaderboard.folder import FORMATS
from loki_bench.leaderboard.rows import by_protocol
from loki_bench.leaderboard.table import Table, tables_of
from loki_bench.records.schema import Record
from loki_bench.report.figure_data import (
    Learned,
    LengthShares,
    Line,
    Transfer,
    attack_of,
    learned,
    length_shares,
    lines,
    transfers,
)
from loki_bench.suite.cell import Cell

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "MARKERS", "Drawing", "drawn_in_style", "figure_files"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a900")
"""Okabe and Ito's, which the colour-blind can tell apart too; as on the page."""

MARKERS = ("o", "s", "D", "^", "P", "X", "*", "h")

STYLE = {
    "svg.hashsalt": "loki-bench",  # ids of clip paths are drawn at random otherwise
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs everywhere
    "font.size": 9.0,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

WIDTH, HEIGHT = 3.4, 2.6
"""Of one panel, in inches: a column of a paper."""

COLUMNS = 3
"""Panels beside each other at the most."""

TITLE = 42
"""Letters in a line above a panel."""


def figure_files(
    records: Iterable[Record], missing: Iterable[Cell] = (), *, metrics: Sequence[str] = ()
) -> dict[str, bytes]:
    """The content of each file by its name, ``budget.svg``, ``budget.pdf`` ...

    The records of a second dataset or protocol have figures of their own: ``budget-2.svg``.

    Raises
    ------
    UsageError
        matplotlib is not installed.
    """
    records, missing = list(records), list(missing)
    files: dict[str, bytes] = {}
    groups = zip(
        tables_of(records, missing, metrics=metrics), by_protocol(records, missing), strict=True
    )
    for number, (table, entries) in enumerate(groups, start=1):
        for name, draw in _drawings(table, [e.record for e in entries if e.record is not None]):
            files |= drawn_in_style(name if number == 1 else f"{name}-{number}", draw)
    return files


Drawing = Callable[["Figure"], None]


def drawn_in_style(name: str, draw: Drawing) -> dict[str, bytes]:
    """One figure as the content of its files by name; raises as :func:`figure_files`."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "figures need matplotlib; type `pip install 'loki-bench[report]'`"
        ) from error
    with mpl.rc_context(STYLE):
        figure = Figure()
        draw(figure)
        return {f"{name}.{kind}": _saved(figure, kind) for kind in FORMATS}


def _drawings(table: Table, records: Sequence[Record]) -> list[tuple[str, Drawing]]:
    """What there is to draw, by name."""
    found: list[tuple[str, Drawing]] = []
    if not table.columns:
        return found
    bars = lines(table, "victim")
    order = sorted({attack_of(row) for row in table.rows})
    if len({line.attack for line in bars}) > 1:
        found.append(("overall", lambda figure: _bars(figure, bars, order, table)))
    for name, over, label in (
        ("budget", "fake_users", "fake users, % of genuine users"),
        ("actions", "actions", "actions of a fake user"),
    ):
        own = [line for line in lines(table, over) if len(line.x) > 1]
        if own:
            found.append((name, _series(own, order, table, label)))
    if matrices := transfers(table):
        found.append(("transfer", lambda figure: _transfer(figure, matrices, table)))
    if shares := length_shares(records):
        found.append(("lengths", lambda figure: _lengths(figure, shares)))
    told = learned(records)
    if told:
        found.append(("sequences", lambda figure: _sequences(figure, told)))
    if curves := [one for one in told if one.curves]:
        found.append(("learning", lambda figure: _curves(figure, curves)))
    return found


def _bars(figure: "Figure", found: Sequence[Line], order: Sequence[str], table: Table) -> None:
    victims = sorted({line.victim for line in found})
    baselines = {line.attack for line in found if line.baseline}
    there = {line.attack for line in found}
    shown = sorted(there, key=lambda attack: (attack not in baselines, attack))
    figure.set_size_inches(max(WIDTH, 0.28 * len(victims) * (len(shown) + 1) + 1.2), HEIGHT + 0.3)
    axes = figure.subplots()
    width = 0.85 / len(shown)
    for place, attack in enumerate(shown):
        own = {line.victim: line.y[0] for line in found if line.attack == attack}
        at = [v for v, victim in enumerate(victims) if victim in own]
        values = [own[victims[v]] for v in at]
        axes.bar(
            [v + (place - (len(shown) - 1) / 2) * width for v in at],
            [value.mean for value in values],
            width,
            yerr=[
                [value.mean - value.low for value in values],
                [value.high - value.mean for value in values],
            ],
            color=_colour(attack, order),
            error_kw={"elinewidth": 0.8, "capsize": 2},
            label=attack,
        )
    axes.set_xticks(range(len(victims)), victims)
    axes.grid(axis="x", visible=False)
    _metric_axis(axes, table)
    _ceiling(axes, table)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)


def _series(found: Sequence[Line], order: Sequence[str], table: Table, label: str) -> Drawing:
    def draw(figure: "Figure") -> None:
        victims = sorted({line.victim for line in found})
        panels = _panels(figure, len(victims), sharey=True)
        for axes, victim in zip(panels, victims, strict=True):
            for line in sorted(found, key=lambda line: order.index(line.attack)):
                if line.victim != victim:
                    continue
                colour = _colour(line.attack, order)
                axes.plot(
                    line.x,
                    [value.mean for value in line.y],
                    color=colour,
                    marker=MARKERS[order.index(line.attack) % len(MARKERS)],
                    markersize=4,
                    linewidth=1.2,
                    label=line.attack,
                )
                axes.fill_between(
                    line.x,
                    [value.low for value in line.y],
                    [value.high for value in line.y],
                    color=colour,
                    alpha=0.18,
                    linewidth=0,
                )
            axes.set_title(victim, fontsize=9)
            axes.set_xlabel(label)
            _ceiling(axes, table)
        _metric_axis(panels[0], table)
        _legend(figure, panels)

    return draw


def _transfer(figure: "Figure", found: Sequence[Transfer], table: Table) -> None:
    """Surrogate x victim: the mean, and below it its interval over seeds."""
    main = table.columns[0]
    highest = main.ceiling or max(v.mean for one in found for v in one.values.values())
    n_victims = max(len({victim for _, victim in one.values}) for one in found)
    width = max(WIDTH, 0.85 * n_victims + 1.4)
    panels = _panels(figure, len(found), sharey=False, width=width)
    for axes, one in zip(panels, found, strict=True):
        surrogates, victims = (sorted(set(names)) for names in zip(*one.values, strict=True))
        mean = [
            [one.values[s, v].mean if (s, v) in one.values else math.nan for v in victims]
            for s in surrogates
        ]
        image = axes.pcolormesh(mean, cmap="Blues", vmin=0, vmax=highest, edgecolors="w")
        for (surrogate, victim), value in one.values.items():
            axes.annotate(
                f"{value.mean:.3f}\n{value.low:.3f} to {value.high:.3f}",
                (victims.index(victim) + 0.5, surrogates.index(surrogate) + 0.5),
                ha="center",
                va="center",
                fontsize=6,
                color="w" if value.mean > highest / 2 else "k",
            )
        axes.grid(visible=False)
        axes.invert_yaxis()
        axes.set_xticks([n + 0.5 for n in range(len(victims))], map(_short, victims))
        axes.set_yticks([n + 0.5 for n in range(len(surrogates))], map(_short, surrogates))
        axes.set_xlabel("victim")
        axes.set_ylabel("single surrogate")
        axes.set_title(one.attacker, fontsize=9)
    figure.colorbar(image, ax=panels, label=main.label)


def _lengths(figure: "Figure", found: Sequence[LengthShares]) -> None:
    panels = _panels(figure, len(found), sharey=True)
    for axes, shares in zip(panels, found, strict=True):
        last = _length_below(shares.before, 0.99)
        places = range(1, last + 2)  # the last bar holds all that are longer
        for values, name, colour, fill in (
            (shares.before, "before", "#7f7f7f", True),
            (shares.after, "after", "#d55e00", False),
        ):
            height = [values.get(n, 0.0) for n in places[:-1]]
            height.append(sum(share for n, share in values.items() if n > last))
            axes.stairs(
                [100 * h for h in height],
                [n - 0.5 for n in range(1, last + 3)],
                fill=fill,
                alpha=0.6 if fill else 1.0,
                color=colour,
                linewidth=1.2,
                label=name,
            )
        axes.set_title(f"{_wrapped(', '.join(shares.attacks))}, {shares.budget}", fontsize=9)
        axes.set_xlabel(f"training events of a user (last: over {last})")
    panels[0].set_ylabel("% of all users")
    _legend(figure, panels)


def _sequences(figure: "Figure", found: Sequence[Learned]) -> None:
    """Share of seeds whose most common sequence has a group at a step; its seeds below."""
    panels = _panels(figure, len(found), sharey=True)
    names = {group for one in found for row in one.sequences.values() for group in row}
    groups = sorted(names, key=_group_place)
    for axes, one in zip(panels, found, strict=True):
        horizon = max(len(row) for row in one.sequences.values())
        rows = list(one.sequences.values())
        share = [
            [sum(row[step : step + 1] == (group,) for row in rows) / len(rows)
             for step in range(horizon)]
            for group in groups
        ]  # fmt: skip
        image = axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=1, edgecolors="w", linewidth=0.5)
        for row, group_shares in enumerate(share):
            for step, value in enumerate(group_shares):
                if value:
                    axes.annotate(
                        f"{value * len(rows):.0f}",
                        (step + 0.5, row + 0.5),
                        ha="center",
                        va="center",
                        fontsize=6,
                        color="w" if value > 0.5 else "k",
                    )
        axes.grid(visible=False)
        axes.set_xticks(
            [n + 0.5 for n in range(0, horizon, 2)], [str(n) for n in range(1, horizon + 1, 2)]
        )
        axes.set_yticks([n + 0.5 for n in range(len(groups))], groups)
        axes.set_title(_row_title(one), fontsize=9)
        axes.set_xlabel("action of a fake user")
    panels[0].invert_yaxis()  # the panels share it
    bar = figure.colorbar(image, ax=panels, shrink=0.8, aspect=20 * _n_rows(len(panels)))
    bar.set_label(f"share of {len(found[0].sequences)} seeds", fontsize=8)


def _curves(figure: "Figure", found: Sequence[Learned]) -> None:
    panels = _panels(figure, len(found), sharey=False)
    for axes, one in zip(panels, found, strict=True):
        for number, (seed, curve) in enumerate(one.curves.items()):
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=0.9, label=seed)
        axes.set_title(_row_title(one), fontsize=9)
        axes.set_xlabel("round of training")
    panels[0].set_ylabel("mean return of a fake user")
    _legend(figure, panels, title="seed")


def _n_rows(n_panels: int) -> int:
    return math.ceil(n_panels / COLUMNS)


def _panels(figure: "Figure", n: int, *, sharey: bool, width: float = WIDTH) -> "list[Axes]":
    columns, rows = min(n, COLUMNS), _n_rows(n)
    figure.set_size_inches(width * columns + 0.2, HEIGHT * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    panels: list[Axes] = list(grid.flat)
    for axes in panels[n:]:
        axes.set_visible(False)
    return panels[:n]


def _legend(figure: "Figure", panels: "Sequence[Axes]", title: str | None = None) -> None:
    """One legend for all panels: every label once."""
    handles: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper center",
        ncols=min(len(handles), 4 if len(panels) == 1 else 8),
        fontsize=8,
        title=title,
    )


def _metric_axis(axes: "Axes", table: Table) -> None:
    axes.set_ylabel(table.columns[0].label)
    axes.set_ylim(bottom=0)


def _ceiling(axes: "Axes", table: Table) -> None:
    """The highest value that the protocol allows, as a dotted line."""
    ceiling = table.columns[0].ceiling
    if ceiling is not None:
        axes.axhline(ceiling, color="#57606a", linestyle=":", linewidth=0.8)


def _colour(attack: str, order: Sequence[str]) -> str:
    return COLOURS[order.index(attack) % len(COLOURS)]


def _row_title(one: Learned) -> str:
    budget = f"{100 * one.row.fake_users:g} % x {one.row.actions}"
    title = f"{attack_of(one.row)} on {one.row.victim},"
    whole = f"{title} {budget}"
    return whole if len(whole) <= TITLE else f"{_wrapped(title)}\n{budget}"


def _wrapped(title: str) -> str:
    """A title in lines that a panel has room for."""
    return "\n".join(textwrap.wrap(title, TITLE))


def _short(name: str) -> str:
    """``gru4rec(loss=BPR)`` in two lines."""
    return name.replace("(", "\n(", 1)


def _group_place(group: str) -> tuple[int, str]:
    """Targets first, then the target users' items, then clusters by number."""
    if group == "targets":
        return 0, group
    name, _, number = group.rpartition(" ")
    return (2 + int(number), name) if number.isdecimal() else (1, group)


def _length_below(shares: Mapping[int, float], part: float) -> int:
    total = 0.0
    for length, share in shares.items():
        total += share
        if total >= part:
            return length
    return max(shares)


def _saved(figure: "Figure", kind: str) -> bytes:
    buffer = io.BytesIO()
    no_date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    figure.savefig(buffer, format=kind, metadata=no_date)
    return buffer.getvalue()
