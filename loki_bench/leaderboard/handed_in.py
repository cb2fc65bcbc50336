"""Which rows that somebody else handed in count: their author may have known what decides them.

Seeds without a run key are public: an attack that was written for them can hold the victim's. An
attack that nothing confined can read what decides its row. Such rows are shown and not ranked.
"""

from collections.abc import Collection, Mapping, Sequence

from loki_bench.leaderboard.rows import Entry, RowKey
from loki_bench.records.schema import Record
from loki_bench.sandbox.confinement import summary_of

__all__ = ["lacking_confinement", "others_lacking_confinement", "why_not_counted"]


def why_not_counted(
    groups: Mapping[RowKey, Sequence[Entry]], handed_in: Collection[str]
) -> dict[RowKey, str]:
    """The reason of each row that was handed in and has no rank.

    Parameters
    ----------
    groups : mapping of row to its entries
    handed_in : collection of cell ids
    """
    found = {}
    for key, entries in groups.items():
        if any(entry.cell.id in handed_in for entry in entries) and (why := _why(entries)):
            found[key] = why
    return found


def _why(entries: Sequence[Entry]) -> str:
    cell = entries[0].cell
    if not cell.key:
        return "handed in, and measured with public seeds, which its author knew"
    lacking = lacking_confinement([e.record for e in entries if e.record is not None])
    if cell.isolation == "in-process":
        lacking = "in-process"
    return f"handed in, and its attack was not fully confined ({lacking})" if lacking else ""


def lacking_confinement(records: Sequence[Record]) -> str:
    """What did not confine the attack of some records; empty where nothing was lacking."""
    told = [record.confinement for record in records if record.confinement is not None]
    return summary_of(set.intersection(*map(set, told))) if told else ""


def others_lacking_confinement(key: RowKey, records: Sequence[Record]) -> dict[str, str]:
    """The same of a row's victim, defense and metrics, by who it is; empty where all were kept."""
    told: dict[str, list[set[str]]] = {}
    for record in records:
        for part, names in (record.others_confinement or {}).items():
            told.setdefault(part, []).append(set(names))
    names_of = {"victim": f"victim {key.victim}", "defense": f"defense {key.defense}"}
    return {
        names_of.get(part, part): summary_of(set.intersection(*names))
        for part, names in sorted(told.items())
    }
