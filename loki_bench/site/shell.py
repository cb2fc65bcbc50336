"""What all pages of a site share: navigation, links, and how a page is put together."""

import re
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from loki_bench.report.document import document
from loki_bench.report.names import attack_name, file_name, person_name
from loki_bench.report.svg import mark_in_page

__all__ = [
    "BOARDS_PAGE",
    "DATA",
    "DOCUMENTATION",
    "REPOSITORY",
    "Shell",
    "attack_link",
    "attack_page",
    "defense_page",
    "family_page",
    "link",
    "linked",
    "victim_link",
    "victim_page",
]

REPOSITORY = "https://github.com/loki-bench/loki-bench"

DOCUMENTATION = "docs"
"""The folder of a site that the documentation is in, and its folder in the repository."""

BOARDS_PAGE = "boards.html"
"""The page of a site that lists its leaderboards."""

DATA = "data"
"""The folder of a site in which each leaderboard has a folder of tables and figures."""

_ADDRESS = re.compile(r"https?://[^\s,;)]+")


@dataclass(frozen=True, kw_only=True)
class Shell:
    """The navigation of a site.

    Attributes
    ----------
    families : tuple of str
    claims : tuple of str
        Families that answer the paper's claims.
    documentation : frozenset of str or None
        Pages of the documentation in this site, by name; None where it is in the repository.
    """

    families: tuple[str, ...]
    claims: tuple[str, ...]
    documentation: frozenset[str] | None = None

    @property
    def navigation(self) -> str:
        """Above every page."""
        return f'<nav class="top" aria-label="Site">{self.links()}</nav>\n'

    def links(self, up: str = "") -> str:
        """The links of the navigation; ``up`` leads from the page to the site's home."""
        return "".join(
            [
                link(f"{up}index.html", "loki-bench"),
                link(f"{up}{BOARDS_PAGE}", "Leaderboards"),
                link(f"{up}attacks.html", "Attacks"),
                link(f"{up}victims.html", "Victims"),
                link(f"{up}defenses.html", "Defenses"),
                *(
                    link(f"{up}claims-{file_name(name)}.html", "The paper's claims")
                    for name in self.claims
                ),
                link(f"{up}fidelity.html", "Fidelity"),
                link(self.documented("index", up) or REPOSITORY, "Documentation"),
                link(REPOSITORY, "Source"),
            ]
        )

    def documented(self, name: str, up: str = "") -> str | None:
        """The address of a page of the documentation; None where there is no such page.

        The repository is not looked into: of its pages only the first is said to be there.
        """
        if self.documentation is not None:
            is_there = f"{name}.html" in self.documentation
            return f"{up}{DOCUMENTATION}/{name}.html" if is_there else None
        return f"{REPOSITORY}/tree/main/{DOCUMENTATION}" if name == "index" else None

    def explained(self, name: str, text: str) -> str:
        """A sentence that leads to a page of the documentation; empty where there is none."""
        address = self.documented(name)
        return "" if address is None else f"<p>{link(address, text)}.</p>"

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


def family_page(family: str) -> str:
    """The page of a family of leaderboards."""
    return f"family-{file_name(family)}.html"


def attack_page(attacker: str) -> str:
    """The page of an attack, whatever its parameters."""
    return _page("attack", attacker.partition("(")[0].strip())


def victim_page(victim: str) -> str:
    """The page of a victim with its parameters."""
    return _page("victim", victim)


def defense_page(defense: str) -> str:
    """The page of a defense, whatever its parameters."""
    return _page("defense", defense.partition("(")[0].strip())


def _page(kind: str, name: str) -> str:
    """A page of its own for each name, also for two that differ in what no file name takes.

    Else a stranger's attack ``loki!`` would stand on the page of ``loki``.
    """
    kept = file_name(name)
    told = kept if kept == name else f"{kept}-{sha256(name.encode()).hexdigest()[:8]}"
    return f"{kind}-{told}.html"


def attack_link(attacker: str, simulator: str = "-") -> str:
    """An attack's mark and name, which lead to its page."""
    name = attack_name(attacker, simulator)
    return f"{mark_in_page(attacker)} {link(attack_page(attacker), name)}"


def victim_link(victim: str) -> str:
    """A victim's name, which leads to its page."""
    return link(victim_page(victim), person_name(victim))
