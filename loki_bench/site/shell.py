"""What all pages of a site share: navigation, links, and how a page is put together."""

import re
from dataclasses import dataclass
from html import escape

from loki_bench.report.document import document
from loki_bench.report.names import attack_name, file_name, person_name
from loki_bench.report.svg import mark_in_page

__all__ = [
    "REPOSITORY",
    "Shell",
    "attack_link",
    "attack_page",
    "defense_page",
    "link",
    "linked",
    "victim_link",
    "victim_page",
]

REPOSITORY = "https://github.com/loki-bench/loki-bench"

_ADDRESS = re.compile(r"https?://[^\s,;)]+")


@dataclass(frozen=True, kw_only=True)
class Shell:
    """The navigation of a site.

    Attributes
    ----------
    families : tuple of str
    claims : tuple of str
        Families that answer the paper's claims.
    documentation : str
        Where the documentation is.
    """

    families: tuple[str, ...]
    claims: tuple[str, ...]
    documentation: str

    @property
    def navigation(self) -> str:
        """Above every page."""
        links = [
            link("index.html", "loki-bench"),
            link("boards.html", "Leaderboards"),
            link("attacks.html", "Attacks"),
            link("victims.html", "Victims"),
            link("defenses.html", "Defenses"),
            *(link(f"claims-{file_name(name)}.html", "The paper's claims") for name in self.claims),
            link("fidelity.html", "Fidelity"),
            link(self.documentation, "Documentation"),
            link(REPOSITORY, "Source"),
        ]
        return f'<nav class="top" aria-label="Site">{"".join(links)}</nav>\n'

    def page(self, title: str, parts: list[str], *, style: str = "") -> str:
        """A page without a script."""
        body = "\n".join(part for part in parts if part)
        return document(title, body, navigation=self.navigation, style=style)


def link(address: str, text: str) -> str:
    """A link with its text, both escaped."""
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def linked(text: str) -> str:
    """A text with its addresses as links."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        parts += [escape(text[end : found.start()]), link(found[0], found[0])]
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def attack_page(attacker: str) -> str:
    """The page of an attack, whatever its parameters."""
    return f"attack-{file_name(attacker.partition('(')[0].strip())}.html"


def victim_page(victim: str) -> str:
    """The page of a victim with its parameters."""
    return f"victim-{file_name(victim)}.html"


def defense_page(defense: str) -> str:
    """The page of a defense, whatever its parameters."""
    return f"defense-{file_name(defense.partition('(')[0].strip())}.html"


def attack_link(attacker: str, simulator: str = "-") -> str:
    """An attack's mark and name, which lead to its page."""
    name = attack_name(attacker, simulator)
    return f"{mark_in_page(attacker)} {link(attack_page(attacker), name)}"


def victim_link(victim: str) -> str:
    """A victim's name, which leads to its page."""
    return link(victim_page(victim), person_name(victim))
