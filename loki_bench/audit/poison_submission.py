"""A poison that somebody hands in for a leaderboard: no code comes with it, and no number.

``submit --poison`` writes one JSON file with the fake users of each seed by the names of items;
``accept`` trains the leaderboard's victims on them and keeps what comes out here. The poison
belongs to the goal of the leaderboard: cells are made of the stored cells of ``none``, whose
targets and target users they keep. What trains a victim may be drawn afresh; what a poison was
written for may not.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loki_bench.attackers.fake_rows import FakeRows
from loki_bench.attackers.replay import Replay
from loki_bench.bounded_files import read_regular, refuse_irregular
from loki_bench.content_ids import bytes_digest, canonical_json
from loki_bench.datasets.named_rows import NamedRows
from loki_bench.errors import ParameterError, StoreError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.leaderboard.rows import NO_ATTACK
from loki_bench.pipeline.craft import Poison, PoisonCodec
from loki_bench.records.manifest import Manifest
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.cell import Cell, DatasetRef
from loki_bench.suite.components import handed_in

__all__ = [
    "PoisonSubmission",
    "cells_of_poison",
    "is_poison",
    "lay_poison",
    "poison_of_seeds",
    "read_submission",
    "submission_of",
]

_NO_PARAMETERS = (
    "; such parameters are for the attacker 'replay' in a suite, and `submit` takes none: write "
    'the poison as JSON, {"fake_users": [["item", "item"], ...]}, with items by their names in the '
    "data"
)
_NAMES_PARAMETER = re.compile(
    r"\b(rows|items|format|separator|encoding|columns|header|\w+_column) = "
    r"|\bwith (format|encoding|columns|\w+_column)\b"
)
"""Advice that helps where a suite is written, and nowhere else."""

LARGEST = 256 * 2**20
"""Bytes of a file that is handed in, at the most."""

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w .,+-]+$")]
Token = Annotated[str, Field(max_length=1000)]
DataOf = Callable[[Cell], tuple[DatasetRef, Interactions]]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SeedPoison(_Frozen):
    """The fake users of one seed, by the names of items, and what they are for if they say so."""

    target_items: tuple[Token, ...] = ()
    target_users: tuple[Token, ...] = ()
    fake_users: tuple[tuple[Token, ...], ...]


class PoisonSubmission(_Frozen):
    """A file that ``submit --poison`` writes.

    Attributes
    ----------
    kind : "poison"
    name : str
        What tables call it.
    suite : str
        Of the leaderboard that it is for.
    dataset : str
        The fingerprint of the leaderboard's data.
    seeds : mapping of str to SeedPoison
        Of each of the leaderboard's seeds.
    """

    kind: Literal["poison"] = "poison"
    name: Name
    suite: str
    dataset: str
    seeds: dict[Annotated[str, Field(pattern=r"^\d{1,20}$")], SeedPoison]

    def to_text(self) -> str:
        """Canonical JSON: the same poison is the same text."""
        return canonical_json(self.model_dump(mode="json")) + "\n"


def is_poison(file: Path) -> bool:
    """Whether a file is rather poison than packed rows: it begins as JSON does.

    Raises ``StoreError`` where it can't be read, or is a pipe or a device.
    """
    try:
        refuse_irregular(file)
        with file.open("rb") as stream:
            return stream.read(64).lstrip()[:1] == b"{"
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error


def read_submission(file: Path) -> tuple[PoisonSubmission, str]:
    """What was handed in, and the file's SHA-256; raises ``StoreError`` where it is none."""
    try:
        raw = read_regular(file, at_most=LARGEST)
        return PoisonSubmission.model_validate_json(raw), bytes_digest(raw)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"][:4]))[:200] or "the file"
        raise StoreError(
            f"{file}: {where}: {problem['msg'].lower()}; expected a file that `loki-bench submit "
            "--poison` wrote"
        ) from error


def submission_of(
    path: str, name: str | None, manifest: Manifest, records: Mapping[str, Record], data_of: DataOf
) -> PoisonSubmission:
    """The poison in a file, or in one for each seed, for a leaderboard.

    ``records`` are those of its own suite, see :func:`cells_of_poison`.

    Raises
    ------
    StoreError, ParameterError
        It can't be read, or does not fit the leaderboard: see :func:`cells_of_poison`.
    """
    try:
        replay = Replay(path=path, name=name)
    except ParameterError as error:
        said = str(error).replace("attacker 'replay': ", "--", 1)
        raise ParameterError(said.replace("--path", "--poison", 1)) from error
    clean = _clean_records(records)
    data = _data(clean, data_of)
    seeds: dict[str, SeedPoison] = {}
    for seed in sorted({record.cell.seed for record in clean}):
        try:
            found = replay.fake_rows(replay.read(seed), data, dropped_users={}, dropped_items={})
        except ParameterError as error:
            raise ParameterError(_said(error)) from error
        tokens = _tokens(data.item_tokens, data.n_items)
        seeds[str(seed)] = SeedPoison(
            target_items=found.targets,
            target_users=found.target_users,
            fake_users=tuple(tuple(tokens[item] for item in row) for row in found.poison),
        )
    try:
        made = PoisonSubmission(
            name=replay.label,
            suite=manifest.suite,
            dataset=clean[0].cell.dataset.fingerprint,
            seeds=seeds,
        )
    except ValidationError as error:
        raise ParameterError(
            f"'{replay.label}' can't stand in a table; say what the poison is "
            "called with --name, in letters, digits and blanks"
        ) from error
    cells_of_poison(made, records, data)
    return made


def cells_of_poison(
    submission: PoisonSubmission, records: Mapping[str, Record], data: Interactions
) -> list[tuple[Cell, Sequences]]:
    """The cells of a leaderboard in which a poison stands in the place of an attack.

    There is one for each stored cell of ``none`` at the smallest budget that holds the poison: the
    same victims, defenses and seeds, and the same goal.

    ``records`` are those of the leaderboard's own suite
    (:func:`~loki_bench.leaderboard.folder.own_records`): the clean cells of an acceptance, under
    a fresh key, have other targets.

    Raises
    ------
    StoreError
        A seed is lacking or not the leaderboard's, no budget holds the poison, it is for other
        targets, or an item is not in the data.
    """
    clean = _clean_records(records)
    known = {str(record.cell.seed) for record in clean}
    if known != set(submission.seeds):
        raise StoreError(
            f"the poison '{submission.name}' is for the seeds {', '.join(sorted(submission.seeds))}"
            f"; this leaderboard has {', '.join(sorted(known))}"
        )
    if {record.cell.dataset.fingerprint for record in clean} != {submission.dataset}:
        raise StoreError(
            f"the poison '{submission.name}' is for other data than this leaderboard's"
        )
    rows = poison_of_seeds(submission, data)
    n_most = max(len(found.poison) for found in rows.values())
    longest = max(int(found.poison.lengths.max()) for found in rows.values())
    budgets = sorted(
        {
            (r.cell.budget.n_fake_users, r.cell.budget.actions)
            for r in clean
            if r.cell.budget.n_fake_users >= n_most
            and r.cell.budget.actions != GENUINE
            and r.cell.budget.actions >= longest
        }
    )
    if not budgets:
        raise StoreError(
            f"the poison '{submission.name}' has {n_most} fake users of up to {longest} events; no "
            "budget of this leaderboard allows as much"
        )
    found_cells = []
    for record in clean:
        cell = record.cell
        if (cell.budget.n_fake_users, cell.budget.actions) != budgets[0]:
            continue
        found = rows[str(cell.seed)]
        _refuse_other_goal(submission, found, record, data)
        attacker = handed_in(
            found.poison.digest(),
            version=cell.attacker.version,
            label=submission.name,
            name=submission.name,
        )
        fields = cell.model_dump() | {"attacker": attacker.model_dump(), "is_baseline": False}
        found_cells.append((Cell.model_validate(fields), found.poison))
    return found_cells


def poison_of_seeds(submission: PoisonSubmission, data: Interactions) -> dict[str, FakeRows]:
    """The fake users of each seed as the data numbers items; raises ``StoreError``."""
    found: dict[str, FakeRows] = {}
    replay = Replay(path=submission.name, rows="all")
    for seed, told in submission.seeds.items():
        named = NamedRows(
            path=Path(f"seed {seed} of '{submission.name}'"),
            rows=told.fake_users,
            targets=told.target_items,
            target_users=told.target_users,
        )
        try:
            found[seed] = replay.fake_rows(named, data, dropped_users={}, dropped_items={})
        except ParameterError as error:
            raise StoreError(_said(error)) from error
    return found


def _said(error: ParameterError) -> str:
    """What is said of a poison where nobody writes a suite."""
    text = str(error).replace("attacker 'replay': ", "the poison ", 1)
    return text + _NO_PARAMETERS if _NAMES_PARAMETER.search(text) else text


def lay_poison(store: Store, cells: Sequence[tuple[Cell, Sequences]]) -> None:
    """Put each poison where its cell looks for what an attack wrote."""
    for cell, poison in cells:
        store.write(PoisonCodec(), cell.craft_id, Poison(poison=poison, report={}))


def _clean_records(records: Mapping[str, Record]) -> list[Record]:
    """Those of ``none``, by which victims, budgets and seeds are found."""
    clean = [
        record
        for _, record in sorted(records.items())
        if record.cell.attacker.name == NO_ATTACK and record.status == "ok"
    ]
    if not clean:
        raise StoreError(
            "this leaderboard has no row of 'none', beside which a poison could be measured"
        )
    return clean


def _data(clean: Sequence[Record], data_of: DataOf) -> Interactions:
    dataset, data = data_of(clean[0].cell)
    if dataset.fingerprint != clean[0].cell.dataset.fingerprint:
        raise StoreError(
            f"dataset '{dataset.component.name}' is another one here than in the leaderboard"
        )
    return data


def _refuse_other_goal(
    submission: PoisonSubmission, found: FakeRows, record: Record, data: Interactions
) -> None:
    if record.goal is None:
        return
    for what, told, numbers, names in (
        ("targets", found.targets, record.goal.items, _tokens(data.item_tokens, data.n_items)),
        (
            "target users",
            found.target_users,
            record.goal.users,
            _tokens(data.user_tokens, len(data)),
        ),
    ):
        if what == "target users" and record.cell.protocol.n_target_users == "all":
            continue  # the record has a sample of them
        measured = [names[number] for number in numbers]
        if told and set(told) != set(measured):
            raise StoreError(
                f"the poison '{submission.name}' was written for other {what} than seed "
                f"{record.cell.seed} of this leaderboard measures: {', '.join(measured[:20])}"
            )


def _tokens(tokens: Sequence[str], n: int) -> Sequence[str]:
    return tokens or tuple(map(str, range(n)))
