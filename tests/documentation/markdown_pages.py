"""What stands in the Markdown pages: blocks of code, files, commands."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")],
    key=lambda page: page.as_posix(),
)
TUTORIALS = [p for p in PAGES if p.parent.name == "tutorials" and p.name != "index.md"]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language ("" where none is named) and its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that a first line such as ``# my_attack.py`` says it is."""
        found = re.match(r"# ([\w-]+\.(?:py|toml))\n", self.text)
        return found[1] if found else None

    def __str__(self) -> str:
        return f"{named(self.page)}:{self.line}"


def named(page: Path) -> str:
    """The page's path from the root, as an id of tests."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """The blocks of these languages; "" is a block without one."""
    found: list[Block] = []
    for language in languages:
        if language:
            parser = Sybil(parsers=[CodeBlockParser(language, lambda example: None)])
            examples = parser.parse(page)
            found += [Block(page, e.line, language, str(e.parsed)) for e in examples]
        else:
            found += _without_language(page)
    return sorted(found, key=lambda block: block.line)


def _without_language(page: Path) -> Iterator[Block]:
    """Blocks that name no language: what is typed into a shell."""
    inside, start, lines = None, 0, []
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if inside is None and line.startswith("```"):
            inside, start, lines = line.strip("`").strip(), number, []
        elif inside is not None and line.strip() == "```":
            if not inside:
                yield Block(page, start, "", "\n".join(lines) + "\n")
            inside = None
        else:
            lines.append(line)


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows, by name."""
    blocks = blocks_of(page, "python", "toml")
    return {block.file: block.text for block in blocks if block.file is not None}


def installed_in(folder: Path, page: Path) -> None:
    """Write a page's files, and what pip would write of its ``pyproject.toml``."""
    files = files_of(page)
    for name, content in files.items():
        (folder / name).write_text(content)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entries = project["entry-points"]["loki_bench"]
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[loki_bench]", *lines, ""]))


def distribution_of(page: Path) -> str:
    """The name of the distribution that a page writes."""
    name = tomllib.loads(files_of(page)["pyproject.toml"])["project"]["name"]
    assert isinstance(name, str)
    return name


def suites_of(page: Path) -> list[Block]:
    """The whole suite files of a page: those with seeds."""
    return [b for b in blocks_of(page, "toml") if "seeds" in tomllib.loads(b.text)]


def commands_in(text: str) -> list[str]:
    """Every command of a shell block: lines, joined where they go on, split at ``&&``."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part.removeprefix("$ ") for part in parts if part and not part.startswith("#")]


def inline_commands_of(page: Path) -> list[str]:
    """`loki-bench ...` written inside sentences."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(c.split()) for c in re.findall(r"`(loki-bench [^`]+)`", prose)]
