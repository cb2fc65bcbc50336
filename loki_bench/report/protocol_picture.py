"""The protocol in one picture: who does what with the data, and who sees what."""

from loki_bench.report.shapes import INK, Area, Drawing, Line, Shape, Text

__all__ = ["STEPS", "protocol_picture"]

WIDTH, HEIGHT = 720.0, 230.0

STEPS = (
    ("Split", ("each user's last", "event is the test"), 0),
    ("Attack", ("sees training events,", "targets, budget"), 1),
    ("Retrain", ("the victim from zero:", "genuine + fake users"), 0),
    ("Rank", ("all items for", "every genuine user"), 0),
    ("Measure", ("display rate of targets,", "what users lose"), 0),
)
"""A box each: its title, its lines, and whether a plugin fills it."""

PLUGIN = (
    "Your plugin",
    "an attack, a recommender, a metric, a defense,",
    "a data set; an attack sees no test event",
    "and no seed, and of the victim what the suite grants",
)
REFEREE = (
    "The referee",
    "checks the budget, repeats over seeds,",
    "compares in pairs, says what is tied,",
    "publishes every record",
)

BLUE, ORANGE = "#0072b2", "#c2500a"


def protocol_picture() -> Drawing:
    """Five steps from data to leaderboard; below, what each side sees."""
    shapes: list[Shape] = []
    n, gap = len(STEPS), 16.0
    wide = (WIDTH - gap * (n - 1)) / n
    for place, (title, lines, own) in enumerate(STEPS):
        x = place * (wide + gap)
        colour = ORANGE if own else BLUE
        corners = ((x, 8.0), (x + wide, 8.0), (x + wide, 96.0), (x, 96.0))
        shapes.append(Area(points=corners, colour=colour, opacity=0.12))
        shapes.append(Line(points=(*corners, corners[0]), colour=colour, width=1.5))
        shapes.append(Text(x=x + wide / 2, y=34, text=title, size=15, anchor="middle", bold=True))
        for number, line in enumerate(lines):
            y = 58 + 16 * number
            shapes.append(Text(x=x + wide / 2, y=y, text=line, size=10, anchor="middle"))
        if place < n - 1:
            shapes += _arrow((x + wide + 1, 52), (x + wide + gap - 2, 52))
    middle = wide + gap + wide / 2
    shapes += _arrow((middle, 150), (middle, 100))
    for x, (name, *told) in ((0.0, PLUGIN), (400.0, REFEREE)):
        shapes.append(Text(x=x, y=168, text=name, size=13, bold=True))
        shapes += [Text(x=x, y=186 + 17 * n, text=line, size=12) for n, line in enumerate(told)]
    title = (
        "The protocol: split the data, let the attack write fake users within its budget, retrain "
        "the victim from zero, rank, measure"
    )
    return Drawing(width=WIDTH, height=HEIGHT, title=title, shapes=tuple(shapes))


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> list[Shape]:
    (x1, y1), (x2, y2) = start, end
    tip: tuple[tuple[float, float], ...]
    if y1 == y2:
        tip = ((x2, y2), (x2 - 6, y2 - 4), (x2 - 6, y2 + 4))
    else:
        tip = ((x2, y2), (x2 - 4, y2 + 6), (x2 + 4, y2 + 6))
    return [
        Line(points=((x1, y1), (x2, y2)), width=1.5),
        Area(points=tip, colour=INK),
    ]
