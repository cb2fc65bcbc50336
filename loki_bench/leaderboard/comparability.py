"""What makes cells comparable: names the fields in which cells differ that should not.

A table is ranked only if every row has every seed and was computed by the same components under
the same protocol. Otherwise the table says which field differs or which seed is missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from loki_bench.leaderboard.rows import Block, Entry, RowKey
from loki_bench.suite.cell import Cell

__all__ = ["differing_fields", "lacking_seeds", "said_differences", "why_not_ranked"]


def differing_fields(contents: Iterable[JsonValue]) -> dict[str, list[JsonValue]]:
    """The fields in which any two of several JSON values differ, values in order of appearance.

    A field that some do not have counts as None there.
    """
    contents = list(contents)
    if len({repr(content) for content in contents}) < 2:  # as nearly always
        return {}
    flat = [_fields_of(content) for content in contents]
    names = dict.fromkeys(name for fields in flat for name in fields)
    found = {}
    for name in names:
        # by text: 1, 1.0 and True are equal in Python and different in a record
        values = {repr(fields.get(name)): fields.get(name) for fields in flat}
        if len(values) > 1:
            found[name] = list(values.values())
    return found


def said_differences(differences: Mapping[str, list[JsonValue]], *, at_most: int = 4) -> str:
    """``protocol.n_targets (20, 5), victim.version (0.1, 0.2)``."""
    shown = [
        f"{name} ({', '.join(str(value) for value in values[:at_most])})"
        for name, values in list(differences.items())[:at_most]
    ]
    more = len(differences) - at_most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def lacking_seeds(wanted: Iterable[int], found: Iterable[int]) -> list[int]:
    """Seeds of the table that a row has no value for."""
    return sorted(set(wanted) - set(found))


def why_not_ranked(
    groups: Mapping[RowKey, Sequence[Entry]],
    main: str,
    values: Mapping[RowKey, Mapping[int, float]],
) -> tuple[str, ...]:
    """Mixed fields and missing seeds, each as one sentence; empty where rows can be ranked.

    A row all of whose cells ended without a result (rejected, failed, timed out) has nothing to
    rank and keeps nobody else from being ranked. Nor does a seed at which the main metric is
    undefined for all rows that are compared with each other, as it is where the seed's targets
    leave nothing to measure: they are compared on the other seeds.

    Parameters
    ----------
    main : str
        The label of the main metric.
    values : mapping of row to its main metric by seed
    """
    said = []
    entries = [entry for group in groups.values() for entry in group]
    seeds = {entry.cell.seed for entry in entries}
    undefined: Mapping[Block, set[int]] | None = None
    for key, group in groups.items():
        if differences := _differing_cells([entry.cell for entry in group]):
            said.append(f"the cells of {key} differ in {said_differences(differences)}")
        elif len({entry.cell.seed for entry in group}) < len(group):
            said.append(f"{key} has two cells of one seed")
        ended = not values[key] and all(entry.status != "missing" for entry in group)
        if ended or seeds <= set(values[key]):
            continue
        if undefined is None:
            undefined = _undefined_for_all(groups, values)
        if lacking := lacking_seeds(seeds - undefined[key.block], values[key]):
            word = "seed" if len(lacking) == 1 else "seeds"
            listed = ", ".join(map(str, lacking))
            said.append(f"{key} has no result for {word} {listed}")
    victims: dict[str, list[Cell]] = {}
    for key, group in groups.items():
        victims.setdefault(key.victim, []).append(group[0].cell)
    for victim, cells in victims.items():
        if differences := _differing_cells(cells, {"victim"}):
            said.append(f"rows of victim {victim} differ in {said_differences(differences)}")
    metrics = [e.record.metric(main) for e in entries if e.record is not None]
    infos = {metric.info: None for metric in metrics if metric is not None}
    if len(infos) > 1:
        differences = differing_fields([info.model_dump(mode="json") for info in infos])
        said.append(f"records of {main} differ in {said_differences(differences)}")
    return tuple(said)


def _undefined_for_all(
    groups: Mapping[RowKey, Sequence[Entry]], values: Mapping[RowKey, Mapping[int, float]]
) -> Mapping[Block, set[int]]:
    """Of each block the seeds that ended well, lack no cell, and have no value in any row."""
    ended: dict[Block, set[int]] = defaultdict(set)
    kept: dict[Block, set[int]] = defaultdict(set)
    for key, group in groups.items():
        ended[key.block] |= {entry.cell.seed for entry in group if entry.status == "ok"}
        kept[key.block] |= {entry.cell.seed for entry in group if entry.status == "missing"}
        kept[key.block] |= set(values[key])
    return {key.block: ended[key.block] - kept[key.block] for key in groups}


def _differing_cells(
    cells: Sequence[Cell], fields: set[str] | None = None
) -> dict[str, list[JsonValue]]:
    """The fields in which cells differ but for their seed; of ``fields`` alone if given."""
    if len(cells) == 1:
        return {}
    return differing_fields(
        [cell.model_dump(mode="json", include=fields, exclude={"seed"}) for cell in cells]
    )


def _fields_of(value: JsonValue, name: str = "") -> dict[str, JsonValue]:
    """A nested JSON value as ``{"protocol.n_targets": 20, ...}``; empty containers are kept."""
    parts: Iterable[tuple[str, JsonValue]]
    if isinstance(value, dict) and value:
        parts = value.items()
    elif isinstance(value, list) and value:
        parts = [(str(position), part) for position, part in enumerate(value)]
    else:
        return {name: value if not isinstance(value, (dict, list)) else repr(value)}
    return {
        key: leaf
        for part, inner in parts
        for key, leaf in _fields_of(inner, f"{name}.{part}" if name else part).items()
    }
