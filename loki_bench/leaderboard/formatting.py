"""Names in Markdown, in a spreadsheet and on a terminal: none of them is code there."""

import re
from collections.abc import Callable

__all__ = ["csv_cell", "escape_markdown", "names_in", "one_line"]

_NO_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
"""Line breaks, a terminal's control characters, changes of direction, lone surrogates."""

_SYNTAX = re.compile(
    r"[\\`*|\[\]$~]"  # anywhere
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # within a word it is an underscore
    r"|^(?:#|[-+](?=\s)|-(?=--)|=(?==))"  # where a paragraph begins
    r"|(?<=^\d)[.)](?=\s)"
    r"|:(?=//)|(?<=[wW]{3})\."  # GitHub makes a link of an address that stands by itself
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def one_line(text: str) -> str:
    """The text as a terminal may show it: runs of what is no letter are a blank."""
    return _NO_TEXT.sub(" ", text)


def escape_markdown(text: str) -> str:
    """A name, label or reason that says in Markdown what it says: no cell, tag, link or formula.

    What is no syntax (``gru4rec(loss=BPR)``, ``hr@10``) is unchanged. So is an e-mail address, of
    which GitHub makes a link whatever is escaped.
    """
    text = _SYNTAX.sub(r"\\\g<0>", one_line(text))
    return "".join(_ENTITIES.get(letter, letter) for letter in text)


def names_in(style: str) -> Callable[[str], str]:
    """How names are written in a grid of tabulate's style: Markdown for ``"github"``."""
    return escape_markdown if style == "github" else one_line


def csv_cell(text: str) -> str:
    """A name for a spreadsheet: what would be a formula begins with an apostrophe.

    As OWASP's "CSV Injection" has it. Numbers are not passed through here, and a lone dash, which
    stands for no value, is no formula.
    """
    formula = text != "-" and text.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{text}" if formula else text
