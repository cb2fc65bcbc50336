"""The documentation site, as `tox -e docs` built it, asks nothing of any network."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

SITE = os.environ.get("LOKI_BENCH_SITE")
pytestmark = pytest.mark.skipif(SITE is None, reason="the site is built by `tox -e docs`")


class _Loaded(HTMLParser):
    """What a browser fetches to show a page: all but what a reader must click on."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "search"):
            self.addresses.append(given.get("href"))
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.addresses.append(given.get("src") or given.get("data"))


def _elsewhere(address):
    return bool(address) and bool(re.match(r"(?:[a-z]+:)?//", address.strip()))


def _pages():
    return sorted(Path(SITE).rglob("*.html"))


def test_every_part_of_the_site_is_there():
    built = {page.relative_to(SITE).parts[0] for page in _pages()}
    assert {"index.html", "tutorials", "how-to", "reference", "explanation"} <= built


def test_no_page_loads_anything_from_elsewhere():
    found = {}
    for page in _pages():
        parser = _Loaded()
        parser.feed(page.read_text())
        assert parser.addresses, page
        found[page.name] = [address for address in parser.addresses if _elsewhere(address)]
    assert {page: addresses for page, addresses in found.items() if addresses} == {}


def test_no_style_sheet_loads_anything_from_elsewhere():
    sheets = sorted(Path(SITE).rglob("*.css"))
    assert sheets
    for sheet in sheets:
        loaded = re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")\s;]+)", sheet.read_text())
        assert [address for address in loaded if _elsewhere(address)] == [], sheet


def test_every_button_of_the_navigation_has_a_name():
    for page in _pages():
        named = re.findall(r"<summary([^>]*)>(.*?)</summary>", page.read_text(), re.DOTALL)
        for attributes, inside in named:
            assert "aria-label" in attributes or re.sub(r"<[^>]+>", "", inside).strip(), page.name


def test_an_address_elsewhere_would_be_found():
    parser = _Loaded()
    parser.feed('<script src="//cdn.example/x.js"></script><img src="a.png">')
    assert [_elsewhere(address) for address in parser.addresses] == [True, False]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("reference/hooks.html", ("loki_bench_attackers", "loki_bench_defenses")),
        ("reference/specs.html", ("needs_when", "fingerprint", "takes_k")),
        ("reference/contracts.html", ("score_next", "marginal_influence", "Raises")),
        ("reference/errors.html", ("RejectedError", "BrokenPromiseError")),
        ("reference/command-line.html", ("--retry-failed", "--strict-plugins", "datasets fetch")),
        ("reference/suite.html", ("integrity_rows", "n_target_users", "list_length")),
        ("reference/fidelity-suite.html", ("group_shares", "last_events", "control")),
        ("reference/testing.html", ("check_attacker_seed_fixes_everything",)),
    ],
)
def test_the_reference_holds_what_it_is_written_from(page, words):
    text = re.sub(r"<[^>]+>", "", (Path(SITE) / page).read_text())
    assert [word for word in words if word not in text] == []
