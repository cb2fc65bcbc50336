"""Suite files: which cells to compute, as typed and checked TOML.

A suite names a dataset, a protocol, budgets, victims, a surrogate pool, attackers, metrics and
seeds; the grid is their product. Suites that come with the package live in ``loki_bench/suites``.
"""

import datetime
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from loki_bench.contracts import GoalKind
from loki_bench.split import Repeats
from loki_bench.suite.own_paths import READ_FROM_FILES, from_folder
from loki_bench.suite.parameter_files import read_parameters
from loki_bench.suite.toml_tables import (
    SuiteTable,
    read_suite,
    table_of,
    texts_in,
    without_repetition,
)
from loki_bench.suite.usable_values import (
    LARGEST_NUMBER,
    MOST_VALUES,
    ComponentName,
    FolderName,
    RunKey,
    Summary,
    Token,
    refuse_other_parameters,
)

__all__ = [
    "BudgetGrid",
    "CellProtocol",
    "Choice",
    "FakeUsers",
    "IntegrityRows",
    "Isolation",
    "Knowledge",
    "Limits",
    "NumberOfUsers",
    "Parameter",
    "Popularity",
    "Protocol",
    "Regime",
    "SeenShare",
    "Simulator",
    "SplitChoice",
    "SplitName",
    "SplitRef",
    "Suite",
    "Until",
    "dataset_choice",
    "load_suite",
    "packaged_suites",
    "suite_file",
]

Parameter: TypeAlias = (
    bool
    | int
    | float
    | str
    | list[str]
    | list[int]
    | list[float]
    | dict[str, bool | int | float | str | list[str] | list[int] | list[float]]
)
Simulator: TypeAlias = Literal["leave-one-out", "all", "white-box", "single"]
"""Which surrogates an attacker is provided with: the pool without the victim's recommender, all of
the pool, the victim's recommender alone, or each of the pool alone (a row for each)."""

Isolation: TypeAlias = Literal["process", "in-process"]

IntegrityRows: TypeAlias = bool | Literal["largest-budget"]
"""At every budget, at none, or with placebos at the largest share and number of actions only."""


def _as_choice(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Choice(SuiteTable):
    """A component chosen by name, with parameters that differ from its defaults.

    In a suite either ``"name"`` or ``{ name = "...", parameters = { ... } }``; or the path of a
    file that ``loki-bench tune`` wrote, ``{ name = "...", parameters = "tuned/x.toml" }``.
    """

    name: ComponentName = Field(description="the name under which a plugin declares it")
    parameters: dict[str, Parameter] = Field(
        default={}, description="parameters that differ from its defaults, or a file of them"
    )
    weight: float = Field(
        default=1.0, gt=0, le=1e6, description="a surrogate's vote (the paper, Eq. 1)"
    )
    influence: "Annotated[Choice, BeforeValidator(_as_choice)] | None" = Field(
        default=None,
        description="the influence estimator that an attacker is given if it needs one",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _usable_parameters(cls, parameters: object) -> object:
        refuse_other_parameters(parameters)
        return parameters

    @model_validator(mode="before")
    @classmethod
    def _parameters_of_a_file(cls, table: object, info: ValidationInfo) -> object:
        if not isinstance(table, dict):
            return table
        suite = info.context or {"folder": Path(), "where": "suite"}
        parameters = table.get("parameters")
        if isinstance(parameters, dict) and table.get("name") in READ_FROM_FILES:
            return {**table, "parameters": from_folder(parameters, suite["folder"])}
        if not isinstance(parameters, str):
            return table
        path = suite["folder"] / table["parameters"]
        return {**table, "parameters": read_parameters(path, table.get("name"), suite["where"])}


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Named: TypeAlias = Annotated[Choice, BeforeValidator(_as_choice)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Field(ge=1, lt=2**31)]


class FakeUsers(SuiteTable):
    """A number of fake users that is not a share of genuine ones; one of the two keys."""

    users: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        default=None, description="so many fake users, whatever the dataset"
    )
    events: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="as many fake users as have this share of the dataset's events between them",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "FakeUsers":
        if (self.users is None) == (self.events is None):
            raise ValueError("give either 'users' or 'events'")
        return self


# what a value may be in a pair of brackets: left out of the keys that messages name
NumberOfFakeUsers: TypeAlias = Annotated[
    Annotated[Share, Tag("(share)")] | Annotated[FakeUsers, Tag("(table)")],
    Discriminator(lambda v: "(table)" if isinstance(v, (dict, FakeUsers)) else "(share)"),
]
AskedActions: TypeAlias = Annotated[
    Annotated[int, Field(ge=1, le=10**6), Tag("(number)")]
    | Annotated[Literal["genuine"], Tag("(word)")],
    Discriminator(lambda v: "(word)" if isinstance(v, str) else "(number)"),
]
Until: TypeAlias = Annotated[str, Field(pattern=r"^T-[1-9][0-9]{0,3}$", max_length=6)]
"""Up to which event before a target user's test event, which is event T, an attacker knows it."""
SeenShare: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Seed: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


NumberOfUsers: TypeAlias = Annotated[
    Annotated[Count, Tag("(number)")] | Annotated[Literal["all"], Tag("(word)")],
    Discriminator(lambda v: "(word)" if isinstance(v, str) else "(number)"),
]

Popularity: TypeAlias = Literal["uniform", "head", "mid", "tail"]
"""Of target items, see :func:`loki_bench.suite.goal.draw_goal`."""

SplitName: TypeAlias = Literal["leave-one-out", "own", "temporal"]


def _as_text(value: object) -> object:
    """A date or time as TOML has them, in text."""
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


Cut: TypeAlias = Annotated[int | float | str, BeforeValidator(_as_text)]
"""A date or time, a number as the data's times are, or a share of all events between 0 and 1."""


class SplitChoice(SuiteTable):
    """How users' sequences are split.

    In a suite either ``"name"`` or ``{ name = "temporal", cut = "2014-01-01" }``. A cut is a date
    or a time, a number as the data's times are, or, between 0 and 1, a share of all events.
    """

    name: SplitName = Field(
        default="leave-one-out",
        description="`leave-one-out`: each user's last event tests; `own`: the parts that the "
        "dataset was given in; `temporal`: what comes after one time tests",
    )
    cut: Cut | None = Field(
        default=None,
        description="of `temporal`: events from this time on test; 0.8 of all events unless given",
    )
    validation_cut: Cut | None = Field(
        default=None,
        description="of `temporal`: events from this time on validate; unless given, the time "
        "before which 0.9 of the events before the cut lie",
    )

    @property
    def _cuts(self) -> tuple[Cut | None, Cut | None]:
        return self.cut, self.validation_cut

    @model_validator(mode="after")
    def _cuts_of_time(self) -> "SplitChoice":
        if self.name != "temporal" and self._cuts != (None, None):
            raise ValueError(f"the split '{self.name}' takes no cut; 'temporal' does")
        if any(isinstance(c, float) and not math.isfinite(c) for c in self._cuts):
            raise ValueError("a cut must be finite")
        return self


class SplitRef(SplitChoice):
    """A split as it was made. Its name and the digest of its bounds alone enter ids."""

    sha256: str

    @property
    def choice(self) -> SplitChoice:
        """As a suite asks for it."""
        return SplitChoice(**self.model_dump(exclude={"sha256"}))


class Protocol(SuiteTable):
    """What the attack is after, and how success is read."""

    n_targets: Count = Field(default=20, description="target items, drawn from the seed")
    n_target_users: NumberOfUsers = Field(
        default=20,
        description="target users, drawn from the seed, or `all` that are tested: the ranks of "
        "1,000 of them, drawn from the seed, are kept and measured",
    )
    goal: GoalKind = Field(
        default="promote", description="whether targets are to be shown, or shown no longer"
    )
    targets: list[Token] = Field(
        default=[], max_length=MOST_VALUES, description="item tokens, instead of drawing them"
    )
    target_users: list[Token] = Field(
        default=[], max_length=MOST_VALUES, description="user tokens, instead of drawing them"
    )
    target_popularity: Popularity = Field(
        default="uniform",
        description="which items targets are drawn from: all alike, or by events in the training "
        "data the most popular tenth of the catalogue (`head`), the next 40 % (`mid`) or the "
        "least popular half (`tail`)",
    )
    evaluate_users: NumberOfUsers | None = Field(
        default=None,
        description="users whose validation and test events are ranked, a sample drawn from the "
        "seed in proportion to lengths of history, or `all`; unless given all of up to 50,000 "
        "users, 50,000 of more. Target users are always ranked",
    )
    key: RunKey = Field(
        default="",
        description="what all random draws are keyed with, 32 hexadecimal digits; empty: they are "
        "public. `loki-bench run --fresh` draws one",
    )

    _each_once = field_validator("targets", "target_users")(without_repetition)

    @model_validator(mode="after")
    def _drawn_or_given(self) -> "Protocol":
        if self.targets and self.target_popularity != "uniform":
            raise ValueError(
                "'targets' are given, so 'target_popularity' has none to draw: leave one of them "
                "out"
            )
        if self.target_users and self.n_target_users == "all":
            raise ValueError(
                "'target_users' are given, so 'n_target_users' can't be 'all': leave one of them "
                "out"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        # ids and records of what ran before a key existed are as they were
        content: dict[str, object] = dump(self)
        defaults: dict[str, object] = {
            "target_popularity": "uniform",
            "evaluate_users": None,
            "repeats": "mask",
            "split": None,
            "key": "",
        }
        return {k: v for k, v in content.items() if k not in defaults or v != defaults[k]}


class CellProtocol(Protocol):
    """The protocol of a cell: that of its suite, with how the data was split and read.

    Attributes
    ----------
    evaluate_users : int or None
        None is all.
    repeats : "mask", "allow" or "drop-later"
    split : SplitRef or None
        None is leave-one-out.
    """

    evaluate_users: int | None = Field(default=None, ge=1)
    repeats: Repeats = "mask"
    split: SplitRef | None = None

    @property
    def of_data(self) -> dict[str, object]:
        """What of it determines what a recommender is trained on and what it shows, for ids."""
        found: dict[str, object] = {}
        if self.repeats != "mask":
            found["repeats"] = self.repeats
        if self.key:
            found["key"] = self.key
        if self.split is not None:
            found["split"] = {"name": self.split.name, "sha256": self.split.sha256}
        if self.evaluate_users is not None:  # early stopping looks at these
            found["evaluate_users"] = self.evaluate_users
        return found

    @property
    def identity(self) -> dict[str, object]:
        """What of it determines a result, for ids."""
        return {**self.model_dump(mode="json", exclude={"split"}), **self.of_data}


class BudgetGrid(SuiteTable):
    """Budgets of the grid: every number of fake users with every number of actions."""

    fake_users: Annotated[list[NumberOfFakeUsers], BeforeValidator(_as_list)] = Field(
        default=[0.03],
        min_length=1,
        max_length=MOST_VALUES,
        description="fake users: a share of genuine ones, `{ users = 33 }`, or `{ events = 0.03 }` "
        "for as many as have that share of the events; one or a list",
    )
    actions: Annotated[list[AskedActions], BeforeValidator(_as_list)] = Field(
        default=[15],
        min_length=1,
        max_length=MOST_VALUES,
        description="events of each fake user, or `genuine`: each has a length that is drawn from "
        "genuine users'; one or a list",
    )


class Knowledge(SuiteTable):
    """What an attacker knows of genuine users, and what it may ask the victim.

    Lists are crossed: each `until` with each share of users. A target user's events are numbered
    as they come, and T is the event that tests; the victim always ranks with all events before it.
    An attack that looks at nobody's events is refused beside either key; `none` has one row.
    """

    until: Annotated[list[Until], BeforeValidator(_as_list), Field(min_length=1)] = Field(
        default=["T-1"],
        max_length=MOST_VALUES,
        description="the last event of each target user that an attack has: `T-1` is all that the "
        "victim ranks with, `T-2` hides the latest of these, `T-3` the latest two; one or a list",
    )
    users: Annotated[list[SeenShare], BeforeValidator(_as_list), Field(min_length=1)] = Field(
        default=[1.0],
        max_length=MOST_VALUES,
        description="the share of genuine users that an attack sees beside the target users, drawn "
        "from the seed; a number or a list",
    )
    queries: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0,
        description="top-K lists of the black-box victim that an attack may ask for; 0 grants none",
    )
    list_length: Count = Field(default=10, description="items in each answer")

    _each_once = field_validator("until", "users")(without_repetition)


class Regime(SuiteTable):
    """A way to train the victims, under a name that tables show; ``[[regimes]]`` in a suite.

    Victims are crossed with regimes. One without parameters that retrains is the victim as it is.
    """

    name: ComponentName = Field(description="what tables call it: `bprmf (20 epochs)`")
    parameters: dict[str, Parameter] = Field(
        default={}, description="parameters of the victims, in the place of their own"
    )
    regime: Literal["retrain", "fine-tune"] = Field(
        default="retrain",
        description="from scratch on all data; or, as platforms do daily, from the weights that "
        "the clean data gives, on old and new data",
    )
    epochs: Count | None = Field(
        default=None, description="of `fine-tune`: how many; of a retrain they are a parameter"
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _usable_parameters(cls, parameters: object) -> object:
        refuse_other_parameters(parameters)
        return parameters

    @model_validator(mode="after")
    def _epochs_of_fine_tuning(self) -> "Regime":
        if self.regime == "fine-tune" and self.epochs is None:
            raise ValueError("'fine-tune' needs 'epochs': for how many it goes on")
        if self.regime == "retrain" and self.epochs is not None:
            raise ValueError(
                "'epochs' is of 'fine-tune'; to retrain with other epochs write parameters = "
                f"{{ epochs = {self.epochs} }}"
            )
        return self


class Limits(SuiteTable):
    """What a job may take before it is ended. Not part of a cell's identity."""

    seconds: Annotated[float, Field(gt=0, le=1e8)] = Field(
        default=3600.0, description="wall time of a job"
    )
    memory_gib: Annotated[float, Field(gt=0, le=1e6)] = Field(
        default=8.0, description="resident memory of an isolated process"
    )


class Suite(SuiteTable):
    """One suite file."""

    name: FolderName = Field(description="also the name of its folder of results")
    summary: Summary = Field(default="", description="one line for `loki-bench suites list`")
    family: FolderName | None = Field(
        default=None,
        description="suites of one family keep their results in one folder and share "
        "surrogates, poison and ranks: what two of them need is computed once",
    )
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=MOST_VALUES)] = Field(
        description="root seeds; every cell is computed once for each"
    )
    victims: Annotated[list[Named], Field(min_length=1)] = Field(
        description="recommenders that are attacked"
    )
    regimes: list[Regime] = Field(
        default=[],
        max_length=MOST_VALUES,
        description="ways to train the victims, each crossed with every victim; without it they "
        "are retrained with their own parameters",
    )
    attackers: Annotated[list[Named], Field(min_length=1)] = Field(
        description="attacks that are compared; `none` attacks nothing"
    )
    defenses: Annotated[list[Named], Field(min_length=1)] = Field(
        default=[Choice(name="none")],
        description="defenses, each crossed with every attack; `none` keeps everybody",
    )
    surrogates: list[Named] = Field(
        default=[], description="surrogate pool: recommenders for attacks that need them"
    )
    metrics: Annotated[list[ComponentName], Field(min_length=1)] = Field(
        description="what is measured, the main metric first; `name@k` where a metric takes a k"
    )
    simulator: Annotated[list[Simulator], BeforeValidator(_as_list)] = Field(
        default=["leave-one-out"],
        min_length=1,
        description="which surrogates an attack is provided with: the pool without the victim's "
        "recommender (`leave-one-out`), `all` of it, the victim's recommender alone "
        "(`white-box`), or each of the pool alone, a row for each (`single`); one or a list",
    )
    dataset: Named = Field(description="the interactions that are split and attacked")
    split: Annotated[SplitChoice, BeforeValidator(_as_choice)] = Field(
        default=SplitChoice(),
        description="what trains, validates and tests: `leave-one-out`, `own`, `temporal`, or a "
        "table with a cut",
    )
    repeats: Repeats = Field(
        default="mask",
        description="items that a user had before: never shown again (`mask`), shown like all "
        "others (`allow`), or dropped when the data is read (`drop-later`)",
    )
    protocol: Protocol = Field(default=Protocol(), description="targets and goal")
    budget: BudgetGrid = Field(default=BudgetGrid(), description="what an attack may inject")
    knowledge: Knowledge = Field(
        default=Knowledge(), description="what an attack knows, and what it may ask"
    )
    isolation: Isolation = Field(
        default="process",
        description="whether plugins run in processes of their own or, to debug, in workers",
    )
    limits: Limits = Field(default=Limits(), description="when a job is ended")
    integrity_rows: IntegrityRows = Field(
        default=True,
        description="add `none`, and a placebo of every other attack: the same attack, given "
        "other targets than those that are measured; with 'largest-budget' placebos at the "
        "largest share and number of actions only",
    )

    @property
    def folder(self) -> str:
        """Where the suite's results are, relative to the folder of results."""
        return self.name if self.family is None else f"{self.family}/{self.name}"

    def with_keys(self, changes: Mapping[str, object]) -> "Suite":
        """The suite with other values of some keys.

        Of the tables protocol, budget, knowledge and limits a mapping changes the keys that it
        names; any other value takes the place of the old one. A tuple or a range is a list.

        Raises
        ------
        SuiteError
            As :func:`load_suite` does.
        """
        content = self.model_dump(exclude_unset=True)
        for key, value in changes.items():
            old = getattr(self, key, None)
            if isinstance(value, Mapping) and isinstance(
                old, (Protocol, BudgetGrid, Knowledge, Limits)
            ):
                value = {**content.get(key, {}), **value}
            content[key] = list(value) if isinstance(value, (tuple, range)) else value
        return table_of(Suite, content, f"suite '{self.name}'", Path())

    _each_once = field_validator(
        "seeds", "metrics", "simulator", "victims", "attackers", "defenses", "surrogates"
    )(without_repetition)

    @field_validator("regimes")
    @classmethod
    def _regimes_of_different_names(cls, regimes: list[Regime]) -> list[Regime]:
        without_repetition([regime.name for regime in regimes])
        return regimes


def dataset_choice(name: str, parameters: Mapping[str, object]) -> Choice:
    """A dataset and its parameters as a suite's key would name them.

    Raises ``SuiteError`` as :func:`load_suite` does.
    """
    return table_of(Choice, {"name": name, "parameters": parameters}, "the dataset", Path())


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by the name of one in the package, or from a ``.toml`` file.

    Raises
    ------
    SuiteError
        Names the file, the key, what was given and what was expected.
    """
    return read_suite(Suite, name_or_path, packaged_suites)


def suite_file(name_or_path: str) -> Path:
    """The file that :func:`load_suite` reads."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return path
    return Path(str(resources.files("loki_bench") / "suites" / f"{name_or_path}.toml"))


def packaged_suites() -> dict[str, str]:
    """The text of every suite in the package, by name."""
    return texts_in("loki_bench", "suites")
