"""Keys of a suite that are changed from outside its file: ``budget.fake_users=0.1``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from loki_bench.content_ids import content_id
from loki_bench.errors import SuiteError
from loki_bench.suite.suite import Choice, Suite
from loki_bench.suite.suite_keys import suite_digest
from loki_bench.suite.toml_tables import table_of
from loki_bench.suite.usable_values import DEEPEST, LONGEST_NAME

__all__ = ["name_of_part", "name_with", "narrowed", "with_settings"]


def with_settings(suite: Suite, settings: Iterable[tuple[str, object]]) -> Suite:
    """The suite with some keys set; a dotted key names one in a table.

    Raises
    ------
    SuiteError
        As :meth:`Suite.with_keys`; or a key leads into something that is no table.
    """
    for key, value in settings:
        first, *rest = key.split(".")
        if len(rest) > DEEPEST:
            raise SuiteError(f"--set {key[:80]}: expected at most {DEEPEST} tables in each other")
        whole = suite.model_dump(exclude_unset=True).get(first)
        suite = suite.with_keys({first: _placed(whole, rest, value, key) if rest else value})
    return suite


def narrowed(
    suite: Suite,
    *,
    attackers: Sequence[str] = (),
    victims: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Suite:
    """The suite with these attackers, victims and seeds only; an empty choice leaves all.

    A name stands for all of the suite's choices of that name with their parameters, and for the
    component itself where the suite has none. What is listed twice counts once.

    Raises ``SuiteError`` as :meth:`Suite.with_keys` does.
    """
    changes: dict[str, object] = {}
    if attackers:
        changes["attackers"] = _chosen(suite.attackers, attackers)
    if victims:
        changes["victims"] = _chosen(suite.victims, victims)
    if seeds:
        changes["seeds"] = list(dict.fromkeys(seeds))
    return suite.with_keys(changes)


def name_of_part(whole: Suite, changed: Suite, contents: Sequence[str] = ()) -> str:
    """The name of a suite that differs from its file: no other difference has the same.

    ``contents`` are as of :func:`~loki_bench.suite.suite_keys.suite_digest`.
    """
    return name_with(whole.name, f"part-{suite_digest(changed, contents)[:6]}")


def name_with(name: str, ending: str) -> str:
    """A suite's name with an ending; one that is too long for both is cut, and told by a digest."""
    found = f"{name}-{ending}"
    if len(found) <= LONGEST_NAME:
        return found
    digest = content_id(name)[:8]
    return f"{name[: LONGEST_NAME - len(digest) - len(ending) - 2]}-{digest}-{ending}"


def _chosen(choices: Sequence[Choice], names: Sequence[str]) -> list[Choice]:
    found: list[Choice] = []
    for name in dict.fromkeys(names):
        found += [c for c in choices if c.name == name] or [_choice(name)]
    return found


def _choice(name: str) -> Choice:
    return table_of(Choice, {"name": name}, "an attacker or victim that was asked for", Path())


def _placed(table: object, path: list[str], value: object, key: str) -> object:
    """A table with one value in it replaced."""
    if table is not None and not isinstance(table, Mapping):
        raise SuiteError(f"--set {key}: the suite has no table '{key.rpartition('.')[0]}'")
    first, *rest = path
    inside = dict(table or {})
    inside[first] = _placed(inside.get(first), rest, value, key) if rest else value
    return inside
