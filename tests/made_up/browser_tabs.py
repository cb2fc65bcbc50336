"""A browser for tests of pages: Debian's Chromium, Playwright's own, or none and a reason."""

import os
import shutil

import pytest


@pytest.fixture(scope="module")
def browser():
    # closed with the file: as long as it is open an event loop runs, and nothing else may start one
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    where = os.environ.get("LOKI_BENCH_CHROMIUM") or shutil.which("chromium")
    with playwright.sync_playwright() as driver:
        try:
            opened = driver.chromium.launch(executable_path=where, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


class Watch:
    """What tabs did that none may do: a console error, or a request but for the page itself."""

    def __init__(self):
        self._wrong, self._allowed = [], set()

    def over(self, tab):
        tab.on("console", lambda m: self._wrong.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda e: self._wrong.append(str(e)))
        tab.on("framenavigated", lambda frame: self._allow(frame.url))
        tab.on("request", lambda r: None if self._is_allowed(r) else self._wrong.append(r.url))

    def check(self):
        assert [w for w in self._wrong if not w.startswith(("data:", "blob:"))] == []

    def _allow(self, address):
        self._allowed.add(address.partition("#")[0])

    def _is_allowed(self, request):
        return request.is_navigation_request() or request.url in self._allowed


@pytest.fixture
def opened(browser):
    """Opens a file; at the end no console error and no request but for it may have happened."""
    watch, tabs = Watch(), []

    def open_file(file, link="", *, ready=True, **options):
        tab = browser.new_page(**options)
        tabs.append(tab)
        watch.over(tab)
        tab.goto(file.as_uri() + link)
        if ready and options.get("java_script_enabled", True):
            tab.wait_for_selector("body[data-ready]")
        return tab

    yield open_file
    for tab in tabs:
        tab.close()
    watch.check()


@pytest.fixture
def turned_to(browser):
    """Opens one file after the other in the same tab, watched as those that are opened alone."""
    watch, tab = Watch(), browser.new_page()
    watch.over(tab)

    def turn_to(file):
        tab.set_viewport_size({"width": 1440, "height": 900})
        tab.emulate_media(color_scheme="light", media="screen")
        tab.goto(file.as_uri())
        if tab.evaluate("!!document.getElementById('data')"):  # it has a script
            tab.wait_for_selector("body[data-ready]")
        return tab

    yield turn_to
    tab.close()
    watch.check()


@pytest.fixture
def visit(opened, tmp_path):
    """Opens a page given as text."""

    def visited(content, link="", **options):
        file = tmp_path / "page.html"
        file.write_text(content, encoding="utf-8")
        return opened(file, link, **options)

    return visited
