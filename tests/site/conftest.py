"""Tests of pages open them in a browser."""

from browser_tabs import browser, opened, turned_to  # noqa: F401
