"""Fidelity suites: which estimators are judged on what, as typed and checked TOML.

Suites that come with the package live in ``loki_bench/fidelity/suites``.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator
from typing_extensions import Self

from loki_bench.fidelity.truths import TruthName
from loki_bench.harness.suite import Limits, Named, Parameter
from loki_bench.harness.suite_file import SuiteTable, read_suite, texts_in

__all__ = [
    "DesignTable",
    "FidelitySuite",
    "JudgedEstimator",
    "SampleTable",
    "fidelity_suites",
    "load_fidelity_suite",
]

Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]


def _as_table(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class JudgedEstimator(SuiteTable):
    """An estimator, and whether it must fail.

    In a suite either ``"name"`` or ``{ name = "...", parameters = { ... }, control = true }``.
    """

    name: str
    parameters: dict[str, Parameter] = {}
    control: bool = Field(
        default=False, description="it must fail: where it does not, ranks come too easily"
    )


class SampleTable(SuiteTable):
    """A part of the dataset small enough to train on hundreds of times."""

    users: Count | None = Field(default=None, description="so many users, drawn; all of them")
    last_events: Count | None = Field(default=None, description="of each user; all of them")
    k_core: Size = Field(default=5, description="of what is left")


class DesignTable(SuiteTable):
    """What fake users are compared; 0 leaves an experiment out."""

    n_target_users: Count = 20
    popularity: list[Size] = Field(default=[5, 20], min_length=2, max_length=2)
    length: Count = 15
    n_per_stratum: Size = 8
    group_shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(default=[0.005, 0.01, 0.03])
    n_groups: Size = 10
    n_next_items: Size = 20


class FidelitySuite(SuiteTable):
    """One fidelity suite file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    summary: str = ""
    seeds: Annotated[list[Size], Field(min_length=1)]
    goals: Count = Field(default=5, description="for each seed, of one target item each")
    recommenders: Annotated[list[Named], Field(min_length=1)]
    estimators: Annotated[
        list[Annotated[JudgedEstimator, BeforeValidator(_as_table)]], Field(min_length=1)
    ]
    truths: Annotated[list[TruthName], Field(min_length=1)]
    victims: list[Named] = Field(default=[], description="of the truth 'transfer'")
    repeats: Count = Field(default=1, description="runs that a noisy truth is the mean of")
    dataset: Named
    sample: SampleTable = SampleTable()
    design: DesignTable = DesignTable()
    limits: Limits = Limits()

    @field_validator("seeds", "recommenders", "estimators", "truths", "victims")
    @classmethod
    def _no_repetition(cls, values: list[Any]) -> list[Any]:
        for position, value in enumerate(values):
            if value in values[:position]:
                raise ValueError(f"{getattr(value, 'name', value)!r} stands there twice")
        return values

    @model_validator(mode="after")
    def _transfer_has_victims(self) -> Self:
        if ("transfer" in self.truths) != bool(self.victims):
            raise ValueError("the truth 'transfer' and the key 'victims' need each other")
        return self

    def with_estimators(self, added: list[JudgedEstimator], *, alone: bool) -> "FidelitySuite":
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
    return read_suite(FidelitySuite, name_or_path, fidelity_suites())


def fidelity_suites() -> dict[str, str]:
    """The text of every fidelity suite in the package, by name."""
    return texts_in("loki_bench.fidelity", "suites")
