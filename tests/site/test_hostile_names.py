"""Records come from strangers: no name of theirs becomes HTML, a script or a style."""

from html.parser import HTMLParser

import pytest
from made_up_records import component, made_up_cell, made_up_result
from written_board import write_board

from loki_bench.plugins.registry import discover
from loki_bench.site.build import build_site

HOSTILE = (
    'covi"}</style><script>hacked=1</script>',
    "</script><img src=x onerror=hacked=1>",
    'a" onmouseover="hacked=1',
    "x\\22}body{display:none}/*",
    'line\n"}body{display:none}',
    "<!--",
)


class _Elements(HTMLParser):
    """What a page is made of: its elements and attributes, and the texts of its style sheets."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.sheets, self._in_style = [], [], "", False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self._in_style = tag == "style"

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        self.sheets += data if self._in_style else ""


def site_of(folder, out, *names):
    """A site of one board whose attacks, victims, defenses and metrics have such names."""
    found = []
    defenses = (None, *map(component, names[1:]))
    for victim, defense in zip(names, defenses, strict=True):
        for attacker in ("none", *names):
            for seed in (0, 1):
                cell = made_up_cell(attacker, victim, seed=seed, defense=defense)
                values = {f"{names[0]}@10": 0.1 * seed, "hr@10": 0.1}
                known = {names[0]: ("better for the attacker", "attack", None)}
                found.append(made_up_result(cell, values, **known))
    write_board(folder, names[0], found, metrics=[f"{names[0]}@10", "hr@10"])
    build_site([folder], out, discover(), say=print)
    return out


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return site_of(folder / "board", folder / "site", *HOSTILE)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harmless")
    names = [f"name-{number}" for number in range(len(HOSTILE))]
    return site_of(folder / "board", folder / "site", *names)


def test_pages_of_hostile_names_hold_no_element_and_no_attribute_of_theirs(hostile, harmless):
    usual = [_Elements(path.read_text("utf-8")) for path in harmless.glob("*.html")]
    tags = {tag for page in usual for tag in page.tags}
    attributes = {name for page in usual for name in page.attributes}
    pages = sorted(hostile.glob("*.html"))
    assert len(pages) > 10
    for path in pages:
        page = _Elements(path.read_text("utf-8"))
        assert set(page.tags) <= tags, path.name
        assert set(page.attributes) <= attributes, path.name
        assert page.tags.count("script") in (0, 2), path.name
        assert "body{display:none}" not in page.sheets, path.name


def test_no_name_runs_as_a_script_or_hides_a_page(hostile, opened):
    for path in sorted(hostile.glob("*.html")):
        tab = opened(path, ready=False)
        assert tab.evaluate("typeof hacked") == "undefined", path.name
        assert tab.locator("h1").first.is_visible(), path.name
        tab.close()
