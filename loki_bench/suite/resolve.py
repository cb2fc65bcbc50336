"""From a suite and the installed plugins to cells that can be run, with every check made first."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loki_bench.datasets.data_folder import data_folder
from loki_bench.errors import DatasetError, LokiBenchError, SuiteError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions
from loki_bench.plugins.registry import Registry
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.split import Repeats, Split, SplitBounds, split_at
from loki_bench.suite.cell import DatasetRef
from loki_bench.suite.components import HANDED_IN, resolve
from loki_bench.suite.grid import Grid, expand
from loki_bench.suite.handed_in import HandedIn, fitted_to_poison, read_poison
from loki_bench.suite.own_paths import FILE_PARAMETERS
from loki_bench.suite.split_bounds import MadeSplit, made_split
from loki_bench.suite.suite import Choice, SplitChoice, SplitRef, Suite
from loki_bench.suite.suite_keys import file_name

__all__ = [
    "ResolvedSuite",
    "SplitData",
    "load_dataset",
    "load_log",
    "load_split",
    "prepare",
    "read_dataset",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitData:
    """A dataset that was read and split.

    Attributes
    ----------
    ref : DatasetRef
    log : EventLog
    split : Split
    made_split : MadeSplit or None
        None where one event is left out.
    """

    ref: DatasetRef
    log: EventLog
    split: Split
    made_split: MadeSplit | None

    @property
    def bounds(self) -> SplitBounds | None:
        """Where sequences are cut; None leaves one event out."""
        return None if self.made_split is None else self.made_split.bounds

    @property
    def split_ref(self) -> SplitRef | None:
        """The split as a cell names it; None is leave-one-out."""
        return None if self.made_split is None else self.made_split.ref


@dataclass(frozen=True, kw_only=True)
class ResolvedSuite:
    """A suite that passed every check that needs no computation.

    Attributes
    ----------
    suite : Suite
        With what it takes from the poison that was handed in.
    grid : Grid
    data : SplitData
    handed_in : tuple of HandedIn
        The poison of each seed for each attacker that is one.
    notes : tuple of str
        What whoever publishes a number should know of data and poison.
    """

    suite: Suite
    grid: Grid
    data: SplitData
    handed_in: tuple[HandedIn, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def interactions(self) -> Interactions:
        """The whole dataset, test events included."""
        return self.data.log.interactions

    @property
    def dataset(self) -> DatasetRef:
        """The dataset as cells name it."""
        return self.data.ref

    @property
    def split(self) -> Split:
        """What trains, validates and tests."""
        return self.data.split

    @property
    def bounds(self) -> SplitBounds | None:
        """Where sequences are cut; None leaves one event out."""
        return self.data.bounds

    @property
    def file_contents(self) -> tuple[str, ...]:
        """Digests of what the files hold that the suite names; none where it names none."""
        in_files = any(key in FILE_PARAMETERS for key in self.suite.dataset.parameters)
        poison = [one.poison.digest() for one in self.handed_in]
        return (*([self.dataset.fingerprint] if in_files else []), *poison)

    def changed(self, suite: Suite, registry: Registry) -> "ResolvedSuite":
        """The same data for a suite that differs in other keys than dataset, split and repeats.

        Raises ``UsageError`` as :func:`prepare` does.
        """
        return _expanded(suite, registry, self.data)


def prepare(suite: Suite, registry: Registry, *, download: bool) -> ResolvedSuite:
    """Resolve every component, read the dataset, and expand the grid.

    Raises ``UsageError`` with the suite's name where anything in it can't be used.
    """
    try:
        data = load_split(
            suite.dataset, registry, download=download, split=suite.split, repeats=suite.repeats
        )
    except DatasetError:
        raise
    except LokiBenchError as error:
        raise SuiteError(f"suite '{suite.name}': {error}") from error
    _refuse_dropped(suite, data.log)
    return _expanded(suite, registry, data)


def _expanded(suite: Suite, registry: Registry, data: SplitData) -> ResolvedSuite:
    """The suite with its cells, fitted to the poison where it names some as files."""
    if any(choice.name == HANDED_IN for choice in suite.attackers):
        return _with_poison(suite, registry, data)
    grid = expand(suite, registry, data.ref, data.split, split_ref=data.split_ref)
    return ResolvedSuite(suite=suite, grid=grid, data=data, notes=data.ref.notes)


def _with_poison(suite: Suite, registry: Registry, data: SplitData) -> ResolvedSuite:
    """The suite fitted to the poison that it names as files, and its cells."""
    poison = read_poison(suite, registry, data.log)
    suite, notes = fitted_to_poison(suite, poison, data.log, data.split, data.ref)
    grid = expand(suite, registry, data.ref, data.split, split_ref=data.split_ref, handed_in=poison)
    return ResolvedSuite(
        suite=suite, grid=grid, data=data, handed_in=poison, notes=(*data.ref.notes, *notes)
    )


def load_split(
    choice: Choice,
    registry: Registry,
    *,
    download: bool,
    split: SplitChoice,
    repeats: Repeats,
) -> SplitData:
    """Read a dataset and split it.

    Raises
    ------
    DatasetError, PluginError, ParameterError
        As :func:`load_dataset` does.
    SuiteError
        The dataset can't be split so, or none of its held-out events can be ranked.
    """
    ref, log = load_log(choice, registry, download=download, repeats=repeats)
    made = made_split(split, log)
    parts = split_at(log.interactions, made.bounds if made else None, repeats=repeats)
    notes = (*ref.notes, *(made.notes if made else ()), *_ranked_events(parts))
    return SplitData(
        ref=ref.model_copy(update={"notes": notes}), log=log, split=parts, made_split=made
    )


def _ranked_events(split: Split) -> tuple[str, ...]:
    """How many test events have a rank, where not all have; refuses where none has.

    A victim without a validation event that it can rank would be stopped at its first look.
    """
    n_test, n_ranked = len(split.test), int(np.count_nonzero(split.test.is_ranked))
    for what, n, n_left in (
        ("test", n_test, n_ranked),
        ("validation", _n_validation(split), len(split.validation)),
    ):
        if not n:
            raise SuiteError(
                f"the data has no {what} event: no user has both an event to train with and a "
                "later one; choose another split, or a smaller k_core"
            )
        if not n_left:
            raise SuiteError(
                f"none of the {n} {what} events can be ranked: each repeats an item of its user's "
                'history, which is never shown; set repeats = "allow" to show such items, or '
                'repeats = "drop-later" to read only the first event of a user with an item'
            )
    if n_ranked == n_test:
        return ()
    return (
        f"{n_ranked} of {n_test} test events ranked: the others repeat an item of their user's "
        "history",
    )


def _n_validation(split: Split) -> int:
    """How many validation events there are, those without a rank included."""
    trained, known = split.train.lengths, split.history.lengths
    return int(np.count_nonzero((trained > 0) & (trained < known)))


def _refuse_dropped(suite: Suite, log: EventLog) -> None:
    """Refuse a target that the data had before its k-core."""
    for key, tokens, dropped in (
        ("targets", suite.protocol.targets, log.dropped_items),
        ("target_users", suite.protocol.target_users, log.dropped_users),
    ):
        for token in tokens:
            if token in dropped:
                raise SuiteError(
                    f"key 'protocol.{key}': the dataset's k_core dropped '{token}', which has "
                    f"{dropped[token]} events; choose another, or a k_core of at most so many"
                )


def load_dataset(
    choice: Choice, registry: Registry, *, download: bool, folder: Path | None = None
) -> tuple[DatasetRef, Interactions]:
    """Read a dataset by name.

    Raises
    ------
    DatasetError
        The data is missing or can't be read.
    PluginError, ParameterError
        No such dataset, or it refuses its parameters.
    """
    dataset, log = load_log(choice, registry, download=download, folder=folder)
    return dataset, log.interactions


def load_log(
    choice: Choice,
    registry: Registry,
    *,
    download: bool,
    folder: Path | None = None,
    repeats: Repeats = "mask",
) -> tuple[DatasetRef, EventLog]:
    """Read a dataset with what else is known of its events; raises as :func:`load_dataset`.

    To drop later repeats is left to a dataset that has a parameter for it: it does so before its
    k-core. Those of any other are dropped from what it gives.
    """
    spec, origin = registry.find(DatasetSpec, choice.name)
    drops = repeats == "drop-later"
    if drops and "repeats" in spec.parameters():
        parameters = {**choice.parameters, "repeats": "drop-later"}
        choice = choice.model_copy(update={"parameters": parameters})
    component = resolve(spec, origin, {k: file_name(k, v) for k, v in choice.parameters.items()})
    log = read_dataset(choice, registry, download=download, folder=folder)
    log = log.without_later_repeats() if drops else log
    return (
        DatasetRef(
            component=component,
            fingerprint=log.interactions.fingerprint(),
            n_users=log.interactions.n_users,
            n_items=log.interactions.n_items,
            n_events=log.interactions.n_events,
            notes=log.notes,
        ),
        log,
    )


def read_dataset(
    choice: Choice, registry: Registry, *, download: bool, folder: Path | None = None
) -> EventLog:
    """Read a dataset by name, with all that is known of its events; raises as above."""
    spec, origin = registry.find(DatasetSpec, choice.name)
    folder = folder or data_folder()
    if spec.target_facts is not None and registry.foreign is not None:
        given = spec.in_present_words(choice.parameters)
        spec.check(given)
        log = registry.foreign.read_dataset(spec, given, folder=folder, download=download)
    else:
        log = spec.build(choice.parameters).read(folder, download=download)
    if not isinstance(log.interactions, Interactions) or not log.interactions.n_events:
        raise DatasetError(f"dataset '{choice.name}' of {origin} holds no events")
    return log
