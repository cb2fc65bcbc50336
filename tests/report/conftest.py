"""Tests of pages open them in a browser."""

from browser_tabs import browser, opened, visit  # noqa: F401
