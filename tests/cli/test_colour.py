"""Colour is for a terminal."""

import pytest

from loki_bench.cli.colour import coloured


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_shows_a_failure_in_red_and_other_words_as_they_are():
    assert coloured("failed") == "\x1b[31mfailed\x1b[0m"
    assert coloured("covisit") == "covisit"


def test_no_colour_where_it_is_not_wanted(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        assert coloured("failed") == "failed"
    with monkeypatch.context() as patch:
        patch.setenv("TERM", "dumb")
        assert coloured("failed") == "failed"
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert coloured("failed") == "failed"
