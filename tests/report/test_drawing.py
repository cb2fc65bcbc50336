"""Shapes, scales, looks: every attack can be told apart, every value stands where it must."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest

from loki_bench.leaderboard.intervals import Interval, interval_of
from loki_bench.records.schema import MetricInfo
from loki_bench.report.looks import (
    COLOURS,
    DARK_PAGE,
    LIGHT_PAGE,
    LOOKS,
    MARKS,
    Look,
    contrast,
    look_of,
)
from loki_bench.report.names import metric_name, person_name
from loki_bench.report.panels import (
    ALL_AGREE,
    Curve,
    Dot,
    curves_panel,
    dots_panel,
    lengths_panel,
    matrix_panel,
)
from loki_bench.report.pdf import as_pdf
from loki_bench.report.scales import Scale, metric_ends, round_ticks
from loki_bench.report.shapes import Disc, Drawing, Group, Line, Text, room_for, text_width, wrapped
from loki_bench.report.svg import as_file, in_page

LOOK = Look(colour="#0072b2", mark="disc")
RATE = MetricInfo(label="rate", range=(0.0, 1.0), ceiling=None, purpose="attack", unit="share",
                  higher_is="better for the attacker")  # fmt: skip


def test_contrast_is_that_of_wcag():
    # https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio: black on white 21; #767676 on white 4.54
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_seen_on_the_light_and_on_the_dark_page(colour):
    assert contrast(colour, LIGHT_PAGE) >= 3
    assert contrast(colour, DARK_PAGE) >= 3


def test_the_attacks_of_the_package_differ_in_colour_and_in_mark():
    for one, other in combinations(LOOKS.values(), 2):
        assert one.colour != other.colour
        assert one.mark != other.mark


def test_a_look_depends_on_the_name_alone_and_variants_keep_the_colour():
    assert look_of("loki") == LOOKS["loki"]
    assert look_of("loki (white-box)").colour == LOOKS["loki"].colour
    assert look_of("my-attack") == look_of("my-attack")
    assert look_of("my-attack").mark in MARKS


def test_people_say_the_names_of_recommenders_and_attacks():
    assert person_name("loki (single: gru4rec(loss=BPR)) on bprmf, tied with loki.") == (
        "LOKI (single: GRU4Rec(loss=BPR)) on BPR-MF, tied with LOKI."
    )
    assert person_name("my-loki loki-2 loki.py") == "my-loki loki-2 loki.py"
    assert [metric_name(m) for m in ("display_rate@10", "hr@5", "target_rank")] == [
        "display rate@10",
        "HR@5",
        "target rank",
    ]


def test_a_scale_is_linear_or_gives_each_doubling_the_same_length():
    plain = Scale(low=0, high=1, start=100, end=200)
    assert [plain(0), plain(0.25), plain(1), plain(7)] == [100, 125, 200, 200]
    log = Scale(low=1, high=4, start=0, end=10, logarithmic=True)
    assert log(2) == pytest.approx(5)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 0.53, [0.0, 0.2, 0.4]),
        (-3.0, 27.0, [0.0, 10.0, 20.0]),
        (5.0, 5.0, [5.0]),
    ],
)
def test_ticks_are_round_numbers_within_the_ends(low, high, expected):
    assert round_ticks(low, high, 6) == expected


def test_text_is_as_wide_as_helvetica():
    # Adobe's metrics: H 722, e 556, l 222, l 222, o 556 thousandths
    assert text_width("Hello", 10) == pytest.approx(22.78)


def test_a_text_is_wrapped_and_loses_no_letter():
    name = "loki(clicks_per_target=0, interleave=False, items=uniform, reward=influence)"
    found = wrapped(name, 120, 11)
    assert len(found) > 2
    assert "".join(found).replace(" ", "") == name.replace(" ", "")
    assert wrapped("", 50, 11) == [""]


def test_a_dot_stands_at_its_mean_and_its_line_ends_at_its_interval():
    value = Interval(0.25, 0.1, 0.5, 5)
    drawing = dots_panel("here", [Dot(name="a", values=((LOOK, value, ""),))], (0.0, 1.0), "rate",
                         width=356.0)  # fmt: skip
    [group] = [shape for shape in drawing.shapes if isinstance(shape, Group)]
    line, disc = group.shapes
    # the axis is 300 long: from 8 to 356 - 48
    assert disc.x == pytest.approx(8 + 0.25 * 300)
    assert min(x for x, _ in line.points) == pytest.approx(8 + 0.1 * 300)
    assert max(x for x, _ in line.points) == pytest.approx(8 + 0.5 * 300)
    assert group.told == "a: 0.250, 95 % interval 0.100 to 0.500"


def test_the_ceiling_is_a_dashed_line_at_its_value():
    value = Interval(0.25, 0.25, 0.25, 1)
    drawing = dots_panel("here", [Dot(name="a", values=((LOOK, value, ""),))], (0.0, 1.0), "rate",
                         ceiling=0.5, width=356.0)  # fmt: skip
    [dashed] = [s for s in drawing.shapes if isinstance(s, Line) and s.dashed]
    assert {x for x, _ in dashed.points} == {158.0}
    assert "max 0.5" in [s.text for s in drawing.shapes if isinstance(s, Text)]


def test_curves_have_a_mark_and_an_interval_at_each_budget():
    values = tuple(Interval(v, v - 0.05, v + 0.05, 5) for v in (0.1, 0.2))
    curve = Curve(name="a", look=LOOK, x=(1.0, 3.0), y=values)
    drawing = curves_panel("victim", [curve], (0.0, 0.5), "budget", "rate", logarithmic=True)
    assert [g.told for g in drawing.shapes if isinstance(g, Group)] == [
        "a at 1: 0.100, 95 % interval 0.050 to 0.150",
        "a at 3: 0.200, 95 % interval 0.150 to 0.250",
    ]


def test_where_all_seeds_agree_a_mark_stands_alone_and_a_note_says_so():
    agreed, spread = interval_of([0.0] * 5, (0.0, 1.0)), Interval(0.25, 0.1, 0.5, 5)
    dots = [Dot(name=name, values=((LOOK, value, ""),)) for name, value in
            (("agreed", agreed), ("spread", spread))]  # fmt: skip
    curve = Curve(name="a", look=LOOK, x=(1.0, 3.0), y=(agreed, spread))
    for drawing in (
        dots_panel("here", dots, (0.0, 1.0), "rate"),
        curves_panel("here", [curve], (0.0, 1.0), "budget", "rate"),
    ):
        alone, with_line = [shape for shape in drawing.shapes if isinstance(shape, Group)]
        assert not any(isinstance(shape, Line) for shape in alone.shapes)
        assert any(isinstance(shape, Line) for shape in with_line.shapes)
        assert alone.told.endswith("0.000, 95 % interval 0.000 to 0.522")
        texts = {s.text: s for s in drawing.shapes if isinstance(s, Text)}
        assert texts[ALL_AGREE].y < drawing.height
    assert metric_ends(RATE, [agreed, spread]) == metric_ends(RATE, [spread])
    without = dots_panel("here", dots[1:], (0.0, 1.0), "rate")
    assert ALL_AGREE not in [s.text for s in without.shapes if isinstance(s, Text)]


@pytest.mark.parametrize("last", [3, 10, 15, 40, 41, 42, 60, 101, 300])
def test_no_two_lengths_are_written_over_each_other(last):
    shares = {1: 0.5, last: 0.3, last + 1: 0.2}
    drawing = lengths_panel("lengths", shares, shares, last)
    ticks = [
        s for s in drawing.shapes if isinstance(s, Text) and s.size == 10 and s.anchor == "middle"
    ]
    assert ticks[-1].text == f">{last}"
    ends = [(s.x - room_for(s.text, 10) / 2, s.x + room_for(s.text, 10) / 2) for s in ticks]
    assert all(end < start for (_, end), (start, _) in pairwise(ends))


def test_svg_and_pdf_hold_every_text_and_escape_it():
    drawing = Drawing(
        width=100,
        height=50,
        title='a "<b>"',
        shapes=(
            Text(x=1, y=2, text=r"<script>(\$)"),
            Text(x=9, y=9, text="up", turned=True, anchor="middle", bold=True),
            Disc(x=5, y=5, radius=2, colour="#0072b2", width=1),
        ),
    )
    root = ET.fromstring(as_file(drawing))  # noqa: S314
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [r"<script>(\$)", "up"]
    assert "<script>" not in in_page(drawing)
    raw = as_pdf(drawing)
    assert raw.startswith(b"%PDF-1.4")
    assert rb"(<script>\(\\$\)) Tj" in raw
    # each object stands where the table at the end says
    places = [int(found) for found in re.findall(rb"(\d{10}) 00000 n", raw)]
    assert all(raw[at:].startswith(b"%d 0 obj" % n) for n, at in enumerate(places, start=1))
    assert int(raw.split()[-2]) == raw.index(b"xref\n0")


def test_a_matrix_says_each_field_in_words():
    drawing = matrix_panel(
        "m", ["r"], ["c", "d"], {(0, 1): (1.0, ("0.5", "0.4 to 0.6"))},
        row_label="surrogate", column_label="victim",
    )  # fmt: skip
    assert [g.told for g in drawing.shapes if isinstance(g, Group)] == ["r, d: 0.5 0.4 to 0.6"]
