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


@pytest.fixture
def opened(browser):
    """Opens a file; at the end no console error and no request but for it may have happened."""
    wrong, tabs = [], []

    def open_file(file, link="", *, ready=True, **options):
        tab = browser.new_page(**options)
        tabs.append(tab)
        allowed = {file.as_uri()}
        tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda e: wrong.append(str(e)))
        tab.on("framenavigated", lambda frame: allowed.add(frame.url.partition("#")[0]))
        tab.on("request", lambda r: None if _is_asked_for(r, allowed) else wrong.append(r.url))
        tab.goto(file.as_uri() + link)
        if ready and options.get("java_script_enabled", True):
            tab.wait_for_selector("body[data-ready]")
        return tab

    yield open_file
    for tab in tabs:
        tab.close()
    assert [w for w in wrong if not w.startswith(("data:", "blob:"))] == []


def _is_asked_for(request, allowed):
    return request.is_navigation_request() or request.url in allowed


@pytest.fixture
def visit(opened, tmp_path):
    """Opens a page given as text."""

    def visited(content, link="", **options):
        file = tmp_path / "page.html"
        file.write_text(content, encoding="utf-8")
        return opened(file, link, **options)

    return visited
