"""What a docstring says of its parameters: the section of this name, in numpydoc's form."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from loki_bench.plugins.target_facts import ParameterInfo

__all__ = ["documented_parameters", "with_documentation"]

MOST_CHARACTERS = 1000
MOST_LINES = 2000
"""Of a docstring; who writes a longer one has it cut."""

_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", re.DOTALL | re.MULTILINE)
_HEAD = re.compile(r"^([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*)(?: : (.*))?$")
_ROLE = re.compile(r":\w+:`(?:~[\w.]*?(\w+)|([^`]*))`")


def documented_parameters(target: Callable[..., object]) -> dict[str, str]:
    """A line for each parameter: which values it takes, then what it is for.

    A type of one word is left out, for the signature has it.

    Of a class its own docstring, that of its ``__init__``, and those of the classes that it
    inherits from are read, the nearest first.
    """
    found: dict[str, str] = {}
    for text in _docstrings(target):
        section = _SECTION.search("\n".join(inspect.cleandoc(text).splitlines()[:MOST_LINES]))
        if section is not None:
            for name, line in _entries(section[1]):
                found.setdefault(name, line)
    return found


def with_documentation(
    parameters: Iterable[ParameterInfo], target: Callable[..., object]
) -> tuple[ParameterInfo, ...]:
    """The parameters of a target with what its docstring says of them."""
    about = documented_parameters(target)
    return tuple(replace(one, about=about.get(one.name, "")) for one in parameters)


def _docstrings(target: Callable[..., object]) -> Iterator[str]:
    owners = target.__mro__ if isinstance(target, type) else (target,)
    for owner in owners:
        own = vars(owner) if isinstance(owner, type) else {"__doc__": owner.__doc__}
        for text in (own.get("__doc__"), getattr(own.get("__init__"), "__doc__", None)):
            if isinstance(text, str):
                yield text


def _entries(section: str) -> Iterator[tuple[str, str]]:
    """Each name with its line; names that share a description have the same one."""
    names: list[str] = []
    said: list[str] = []
    for line in [*section.splitlines(), "end"]:
        head = _HEAD.match(line)
        if head is None:
            said.append(line)
            continue
        text = _as_line(said)
        yield from ((name, text) for name in names if text)
        is_more_than_a_type = head[2] is not None and " " in head[2]
        names, said = head[1].split(", "), [f"{head[2]}." if is_more_than_a_type else ""]


def _as_line(lines: list[str]) -> str:
    """Without line breaks, reStructuredText's roles and what can't be printed."""
    text = _ROLE.sub(lambda role: role[1] or role[2], " ".join(" ".join(lines).split()))
    text = text.replace("``", "`")
    return "".join(letter for letter in text if letter.isprintable())[:MOST_CHARACTERS]
