"""What an audit found, level by level, for people and programs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line knows the levels before anything is imported for them
    from pydantic import JsonValue

__all__ = ["LEVELS", "Finding", "LevelReport", "Verification"]

LEVELS: Mapping[int, str] = {
    1: "hashes",
    2: "metrics",
    3: "victims",
    4: "poison",
    5: "tables",
    6: "plan",
}
"""What is checked: each file's bytes; metrics computed again from stored ranks; victims trained
again on the stored poison; the poison crafted again; tables written again; the cells with those
that the suite plans."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that could not be judged: which file or cell, and why."""

    what: str
    why: str


@dataclass
class LevelReport:
    """The outcome of one level.

    Attributes
    ----------
    number : int
    n_checked : int
        Files (levels 1 and 5) or cells (2 to 4) that were compared.
    problems : list of Finding
        What does not hold.
    not_judged : list of Finding
        What could not be compared here: a plugin that is not installed, one seed elsewhere ...
    """

    number: int
    n_checked: int = 0
    problems: list[Finding] = field(default_factory=list)
    not_judged: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The level's name."""
        return LEVELS[self.number]

    @property
    def objections(self) -> list[Finding]:
        """Whatever keeps it from holding whole: problems, then what could not be judged."""
        return [*self.problems, *self.not_judged]

    @property
    def verdict(self) -> str:
        """``passed``, ``failed``, or ``not judged`` where nothing could be compared."""
        if self.problems:
            return "failed"
        return "passed" if self.n_checked or not self.not_judged else "not judged"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """All levels that were asked for."""

    leaderboard: str
    levels: tuple[LevelReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0; or 10 plus the first level that failed; or 1 where a level could not be judged."""
        failed = [level.number for level in self.levels if level.problems]
        if failed:
            return 10 + failed[0]
        return int(any(level.verdict == "not judged" for level in self.levels))

    def as_json(self) -> "dict[str, JsonValue]":
        """Everything, for programs."""
        return {
            "schema": 1,
            "leaderboard": self.leaderboard,
            "exit_code": self.exit_code,
            "levels": [
                {"name": level.name, "verdict": level.verdict, **asdict(level)}
                for level in self.levels
            ],
            "notes": list(self.notes),
        }

    def as_text(self, *, verdict: Callable[[str], str] = str) -> str:
        """A line a level, and a line for each thing that was found.

        ``verdict`` says how a verdict is written, such as in a colour.
        """
        lines = []
        for level in self.levels:
            left = f", {len(level.not_judged)} not judged" if level.not_judged else ""
            lines.append(
                f"level {level.number} {level.name:<8} {verdict(level.verdict)} "
                f"({level.n_checked} compared{left})"
            )
            lines += [f"  {finding.what}: {finding.why}" for finding in level.problems]
            lines += [
                f"  not judged: {finding.what}: {finding.why}" for finding in level.not_judged
            ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
