"""The drawings of the documentation can be read: in the dark, by a screen reader, at any width."""

import re
from xml.etree import ElementTree

import pytest
from markdown_pages import DOCS, PAGES

DRAWINGS = sorted((DOCS / "_static").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.name)
def test_a_drawing_is_small_named_and_has_colours_for_the_dark(drawing):
    text = drawing.read_text()
    root = ElementTree.fromstring(text)  # noqa: S314  # our own drawing
    assert len(text) < 10_000
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text
    assert root.get("viewBox")
    assert root.get("width") is None  # as wide as its place
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched


def test_every_drawing_is_shown_with_words_for_those_who_do_not_see_it():
    image = re.compile(r"!\[([^\]]*)\]\(\S*_static/([\w-]+\.svg)\)")
    shown = {target: words for page in PAGES for words, target in image.findall(page.read_text())}
    assert set(shown) == {path.name for path in DRAWINGS}
    assert all(len(words) > 40 for words in shown.values())
