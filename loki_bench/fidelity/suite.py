"""Fidelity suites: which estimators are compared on what, as typed and checked TOML.

Suites that come with the package live in ``loki_bench/fidelity/suites``.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import Self

from loki_bench.suite.suite import Limits, Named, Parameter
from loki_bench.suite.toml_tables import SuiteTable, read_suite, texts_in, without_repetition
from loki_bench.suite.usable_values import (
    LARGEST_NUMBER,
    MOST_VALUES,
    ComponentName,
    FolderName,
    Summary,
    refuse_other_parameters,
)

__all__ = [
    "DesignTable",
    "EstimatorChoice",
    "FidelitySuite",
    "SampleTable",
    "TruthName",
    "fidelity_suites",
    "load_fidelity_suite",
]

TruthName = Literal["warm", "cold", "reshuffled", "transfer"]
"""What training really does, see :mod:`loki_bench.fidelity.truths`."""

Count = Annotated[int, Field(ge=1, lt=2**31)]
Size = Annotated[int, Field(ge=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


_LATER = frozenset(
    {"n_target_items", "attack_shares", "n_per_attack", "n_mixed_attacks", "list_length"}
)
"""Keys of the design that enter an id only where they differ from their defaults."""


def _as_table(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class EstimatorChoice(SuiteTable):
    """An estimator, and whether it is a negative control.

    In a suite either ``"name"`` or ``{ name = "...", parameters = { ... }, control = true }``.
    """

    name: ComponentName = Field(description="the name under which a plugin declares it")
    parameters: dict[str, Parameter] = Field(
        default={}, description="parameters that differ from its defaults"
    )
    control: bool = Field(default=False, description="negative control: expected to fail")

    @field_validator("parameters", mode="before")
    @classmethod
    def _usable_parameters(cls, parameters: object) -> object:
        refuse_other_parameters(parameters)
        return parameters


class SampleTable(SuiteTable):
    """A part of the dataset small enough to train on hundreds of times."""

    users: Count | None = Field(
        default=None, description="number of users, sampled at random; default: all"
    )
    last_events: Count | None = Field(
        default=None, description="number of last events of each user; default: all"
    )
    k_core: Size = Field(default=5, description="users and items with so many events are kept")


class DesignTable(SuiteTable):
    """What fake users are compared; 0 leaves an experiment out."""

    n_target_users: Count = Field(default=20, description="users whose mean score is the objective")
    popularity: list[Size] = Field(
        default=[5, 20],
        min_length=2,
        max_length=2,
        description="least and greatest number of events of a target item",
    )
    length: Count = Field(default=15, description="events of each fake user")
    n_per_stratum: Size = Field(default=8, description="single fake users of each stratum")
    group_shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=[0.005, 0.01, 0.03], description="sizes of groups, as shares of the users"
    )
    n_groups: Size = Field(default=10, description="groups of each size")
    n_next_items: Size = Field(default=20, description="continuations of one prefix")
    n_target_items: Count = Field(default=1, description="target items of a goal")
    attack_shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=[],
        description="sizes of whole attacks, as shares of the users, judged by display rate",
    )
    n_per_attack: Size = Field(default=1, description="draws of each whole attack")
    n_mixed_attacks: Size = Field(default=0, description="mixtures of the whole attacks")
    list_length: Count = Field(default=10, description="K, of the lists that users are shown")

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        # records of what ran before a key existed are as they were
        content: dict[str, object] = dump(self)
        fields = type(self).model_fields
        return {k: v for k, v in content.items() if k not in _LATER or v != fields[k].default}


class FidelitySuite(SuiteTable):
    """One fidelity suite file."""

    name: FolderName = Field(description="also the name of its folder of results, under `fidelity`")
    summary: Summary = Field(default="", description="one line above the tables")
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=MOST_VALUES)] = Field(
        description="seeds of the surrogates; goals are drawn from each"
    )
    goals: Count = Field(default=5, description="for each seed, of one target item each")
    recommenders: Annotated[list[Named], Field(min_length=1)] = Field(
        description="differentiable recommenders that estimators are fitted on"
    )
    estimators: Annotated[
        list[Annotated[EstimatorChoice, BeforeValidator(_as_table)]], Field(min_length=1)
    ] = Field(description="influence estimators to compare with the truths")
    truths: Annotated[list[TruthName], Field(min_length=1)] = Field(
        description="how the true effect of a fake user is found by retraining"
    )
    victims: list[Named] = Field(default=[], description="of the truth 'transfer'")
    repeats: Count = Field(default=1, description="runs that a noisy truth is the mean of")
    dataset: Named = Field(description="the interactions that recommenders are trained on")
    sample: SampleTable = Field(default=SampleTable(), description="the part of them that is used")
    design: DesignTable = Field(default=DesignTable(), description="the fake users")
    limits: Limits = Field(default=Limits(), description="limits of a job")

    _each_once = field_validator("seeds", "recommenders", "estimators", "truths", "victims")(
        without_repetition
    )

    @model_validator(mode="after")
    def _transfer_has_victims(self) -> Self:
        if ("transfer" in self.truths) != bool(self.victims):
            raise ValueError("the truth 'transfer' and the key 'victims' need each other")
        return self

    def with_estimators(self, added: list[EstimatorChoice], *, alone: bool) -> "FidelitySuite":
        """The suite with more estimators, or with no others."""
        kept = [] if alone else [e for e in self.estimators if e not in added]
        return self.model_copy(update={"estimators": [*kept, *added]})


def load_fidelity_suite(name_or_path: str) -> FidelitySuite:
    """Read a fidelity suite by the name of one in the package, or from a ``.toml`` file.

    Raises
    ------
    SuiteError
        Names the file, the key, what was given and what was expected.
    """
    return read_suite(FidelitySuite, name_or_path, fidelity_suites)


def fidelity_suites() -> dict[str, str]:
    """The text of every fidelity suite in the package, by name."""
    return texts_in("loki_bench.fidelity", "suites")
