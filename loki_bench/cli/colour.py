"""Colour for a person at a terminal, and for nobody else."""

import os
import sys
from collections.abc import Mapping

import click

__all__ = ["coloured"]

COLOURS: Mapping[str, str] = {
    "passed": "green",
    "not judged": "yellow",
    "failed": "red",
    "rejected": "red",
    "timeout": "red",
}
"""By the word that says how something ended."""


def coloured(word: str) -> str:
    """A word that says how something ended, in its colour where standard output is a terminal.

    ``NO_COLOR`` (https://no-color.org), if set to anything, and ``TERM=dumb`` forbid it.
    """
    forbidden = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if forbidden or word not in COLOURS or not sys.stdout.isatty():
        return word
    return click.style(word, fg=COLOURS[word])
