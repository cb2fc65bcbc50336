"""The built documentation inside of a site: copied, with the site's navigation above every page."""

import re
from pathlib import Path

from loki_bench.errors import UsageError
from loki_bench.records.store import Store
from loki_bench.site.shell import DOCUMENTATION, Shell

__all__ = ["copy_documentation", "pages_of"]

STYLE = (
    ".site-around{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:.4rem 1rem;font-size:.9rem;"
    "background:var(--pst-color-background,#fff);border-bottom:1px solid var(--pst-color-border,"
    "#ccc)}.site-around a{color:var(--pst-color-link,#0b5cad)}"
    "@media print{.site-around{display:none}}"
)

_FIRST = re.compile(r'<body[^>]*>(\s*<div id="pst-skip-link".*?</div>)?', re.DOTALL)
"""The navigation stands first, but for the link that skips it."""


def pages_of(documentation: Path) -> frozenset[str]:
    """The pages of a built documentation, by their names in it.

    Raises
    ------
    UsageError
        It is not a built one.
    """
    if not (documentation / "index.html").is_file():
        raise UsageError(
            f"{documentation} holds no index.html; expected a built documentation (`tox -e docs`)"
        )
    found = documentation.rglob("*.html")
    return frozenset(path.relative_to(documentation).as_posix() for path in found)


def copy_documentation(documentation: Path, site: Store, shell: Shell) -> None:
    """Copy a built documentation into a site; each of its pages leads to the site's.

    Raises
    ------
    UsageError
        A file of it can't be read, or is a page that is not in UTF-8.
    """
    for path in sorted(path for path in documentation.rglob("*") if path.is_file()):
        name = path.relative_to(documentation).as_posix()
        try:
            content = path.read_bytes()
            if path.suffix == ".html":
                content = _with_links(content.decode(), name, shell).encode()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path} can't be copied into the site: {error}; build the documentation again "
                "(`tox -e docs`)"
            ) from error
        site.write_bytes(f"{DOCUMENTATION}/{name}", content)


def _with_links(text: str, name: str, shell: Shell) -> str:
    found = _FIRST.search(text)
    if found is None:
        return text
    # relative, so that the site opens from a disk and from any folder of a server
    links = shell.links("../" * (name.count("/") + 1))
    around = f'\n<style>{STYLE}</style>\n<nav class="site-around" aria-label="Site">{links}</nav>'
    return f"{text[: found.end()]}{around}{text[found.end() :]}"
