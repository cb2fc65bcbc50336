"""Hyper-parameters selected on validation events: what is tried, what is kept, what is best.

A trial trains a recommender on genuine users' training events and ranks their validation events;
no test event is read. Which parameters a trial gets follows from the seed and from the values of
earlier rounds alone, and the value of each is kept by content in a store: a search that was
killed, or is asked for more trials, finds what it had and goes on as if never stopped, with any
number of workers.
"""

import importlib.util
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import checked_report, ranks_given_by
from loki_bench.content_ids import content_id
from loki_bench.contracts import Recommender
from loki_bench.engine.workers import Workers, outcome_of
from loki_bench.errors import (
    ClusterError,
    LokiBenchError,
    ParameterError,
    TemporaryFolderError,
    UsageError,
    WorkerError,
)
from loki_bench.metrics.utility import discounted_gain, hit_rate
from loki_bench.pipeline.dataset import DataFolder, load_split
from loki_bench.plugins.registry import Origin
from loki_bench.plugins.search_space import FloatRange, IntRange, SearchRange
from loki_bench.plugins.specs import RecommenderSpec
from loki_bench.records.store import Store
from loki_bench.sandbox.carry_out import with_recommender
from loki_bench.seeds import generator_for, seed_for
from loki_bench.split import Repeats
from loki_bench.suite.cell import PROTOCOL_VERSION, DatasetRef
from loki_bench.suite.components import ComponentRef, resolve
from loki_bench.suite.suite import CellProtocol, Limits, SplitRef
from loki_bench.timing import Timed

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution

__all__ = [
    "Sampler",
    "Search",
    "Trial",
    "Validated",
    "best_of",
    "require_sampler",
    "tune",
    "validate",
]

Sampler: TypeAlias = Literal["tpe", "random"]
Value: TypeAlias = bool | int | float | str

MEASURES = {"hr": hit_rate, "ndcg": discounted_gain}
ROUND = 4
"""Trials that TPE proposes at a time: as many workers it keeps busy. Part of the result."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched, how, and for how long.

    Attributes
    ----------
    spec, origin
        The recommender.
    dataset : DatasetRef
    fixed : mapping of str to parameter
        Parameters that are not searched, where they differ from the defaults.
    metric : str
        ``"ndcg@10"``, ``"hr@5"`` and the like, of the validation events; higher is better.
    sampler : "tpe" or "random"
        Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), or independent draws.
    n_trials : int
        Besides trial 0, which is the recommender as it stands without tuning.
    seed : int
    split : SplitRef or None
        Of the dataset; None is leave-one-out.
    repeats : "mask", "allow" or "drop-later"
    """

    spec: RecommenderSpec
    origin: Origin
    dataset: DatasetRef
    fixed: Mapping[str, Value]
    metric: str
    sampler: Sampler
    n_trials: int
    seed: int
    split: SplitRef | None = None
    repeats: Repeats = "mask"

    def __post_init__(self) -> None:
        name, at, cutoff = self.metric.partition("@")
        if (
            name not in MEASURES
            or not at
            or not (cutoff.isascii() and cutoff.isdecimal())
            or len(cutoff) > 9
            or int(cutoff) < 1
        ):
            raise UsageError(
                f"--metric '{self.metric}': expected hr@K or ndcg@K with a whole K from 1, such "
                "as ndcg@10"
            )
        if not self.spec.search:
            raise ParameterError(
                f"recommender '{self.spec.name}' of {self.origin} declares no search space; its "
                "plugin can give one as RecommenderSpec(search=...)"
            )
        if not self.ranges:
            raise ParameterError(
                f"recommender '{self.spec.name}': all parameters of its search space are given"
            )

    @property
    def cutoff(self) -> int:
        """K of the metric."""
        return int(self.metric.partition("@")[2])

    @property
    def ranges(self) -> tuple[SearchRange, ...]:
        """What is searched: the spec's ranges without the fixed parameters."""
        return tuple(r for r in self.spec.search if r.parameter not in self.fixed)

    def resolved(self, parameters: Mapping[str, Value]) -> ComponentRef:
        """The recommender with the parameters of one trial; ``ParameterError`` if refused."""
        return resolve(self.spec, self.origin, {**self.fixed, **parameters})


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One set of parameters, and how it did.

    Attributes
    ----------
    number : int
        0 is the recommender without tuning.
    parameters : mapping
        What the search chose.
    value : float or None
        The metric on validation events; None where the trial failed.
    status : "ok", "failed" or "timeout"
    reason : str
        Why it failed.
    seconds : float
        Of the fit and the ranking.
    was_kept : bool
        Whether the store had it.
    """

    number: int
    parameters: Mapping[str, Value]
    value: float | None
    status: str
    reason: str
    seconds: float
    was_kept: bool


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The ranks of validation events, given what came before them.

    Attributes
    ----------
    ranks : float64 array of shape (n_validation_users,)
    report : mapping
        The recommender's numbers about its fit.
    """

    ranks: NDArray[np.float64]
    report: Mapping[str, object]


def tune(
    search: Search,
    *,
    store: Store,
    workers: Workers,
    data: DataFolder,
    seconds: float,
    told: Callable[[Trial], None],
    retry_failed: bool = False,
) -> list[Trial]:
    """Try parameters, keep every trial, and return them by number.

    Parameters
    ----------
    seconds : float
        The time limit of a trial, for the message of one that ran over it.
    told : callable
        Called with each trial as it ends.
    retry_failed : bool
        Whether trials that failed or ran over their time in an earlier search are tried again.

    Raises
    ------
    UsageError
        optuna is not installed.
    """
    require_sampler(search.sampler)
    trials: list[Trial] = []
    for chosen in _rounds(search, trials):
        first = len(trials)
        trials += _tried(
            search, chosen, first, store, workers, data, seconds, told, retry_failed=retry_failed
        )
    return trials


def validate(
    data: DataFolder, recommender: ComponentRef, seed: int, list_length: int | None = None
) -> Timed[Validated]:
    """Train a recommender on genuine users' training events and rank their validation events.

    No test event is touched: parameters may be selected by this. ``list_length`` is how many items
    it lists, where it answers no more than that.
    """
    _, split = load_split(data)

    def ranks(model: Recommender) -> Validated:
        held_out = split.validation
        role = f"tune/{recommender.name}"
        model.fit(split.train, validation=held_out, seed=seed_for(seed, role))
        found = ranks_given_by(
            model,
            name=recommender.name,
            users=held_out.users,
            histories=held_out.histories,
            items=held_out.items[:, None],
            n_items=split.train.n_items,
            repeats_are_shown=split.repeats_are_shown,
            list_length=list_length,
        )
        report = checked_report(model.fit_report, who=f"recommender '{recommender.name}'")
        return Validated(ranks=found[:, 0], report=report)

    return with_recommender(
        recommender, ranks, isolation="process", limits=data.limits, closed=data.folder
    )


def best_of(trials: list[Trial]) -> Trial:
    """The trial with the highest value, the earliest of equals.

    Raises ``UsageError`` where none ended well.
    """
    done = [trial for trial in trials if trial.value is not None]
    if not done:
        raise UsageError(f"no trial ended well; the first one said: {trials[0].reason}")
    return max(done, key=lambda trial: (trial.value, -trial.number))


def _rounds(search: Search, trials: list[Trial]) -> Iterator[list[dict[str, Value]]]:
    """The parameters of each round; ``trials`` holds those of all rounds before it."""
    yield [{}]
    if search.sampler == "random":  # no draw depends on a value: all at once
        yield _drawn(search)
        return
    for number, start in enumerate(range(0, search.n_trials, ROUND)):
        n = min(ROUND, search.n_trials - start)
        # asked for ROUND, so that a search for more trials later begins with the same ones
        yield _proposed(search, trials[1:], ROUND, round_number=number)[:n]


def require_sampler(sampler: Sampler) -> None:
    """Refuse a sampler whose library is not installed, before anything is trained.

    Raises ``UsageError``. Drawing at random needs none.
    """
    if sampler == "tpe" and importlib.util.find_spec("optuna") is None:
        raise UsageError(
            "the sampler 'tpe' needs optuna, which is not installed here; type: pip install "
            "'loki-bench[tune]', or choose --sampler random, which needs nothing more"
        )


def _drawn(search: Search) -> list[dict[str, Value]]:
    """Parameters drawn independently of each other; the same for the same seed."""
    random = generator_for(search.seed, f"tune/{search.spec.name}/random/0")
    return [
        {r.parameter: _short(r, _draw(r, random)) for r in search.ranges}
        for _ in range(search.n_trials)
    ]


def _draw(r: SearchRange, random: np.random.Generator) -> Value:
    """One value of a range: uniform, or uniform in its logarithm."""
    if not isinstance(r, FloatRange | IntRange):
        return r.values[int(random.integers(len(r.values)))]
    # a whole number owns the half on each side of it, so the ends are as likely as the others
    half = 0.5 if isinstance(r, IntRange) else 0.0
    low, high = r.low - half, r.high + half
    value = (
        math.exp(random.uniform(math.log(low), math.log(high)))
        if r.log
        else (random.uniform(low, high))
    )
    if isinstance(r, IntRange):
        return min(max(math.floor(value + 0.5), r.low), r.high)
    return value


def _proposed(
    search: Search, before: list[Trial], n: int, *, round_number: int
) -> list[dict[str, Value]]:
    """What TPE proposes after seeing earlier trials; the same for the same arguments."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = seed_for(search.seed, f"tune/{search.spec.name}/{search.sampler}/{round_number}")
    with warnings.catch_warnings():
        # optuna marks what is new in it, such as constant_liar, by a warning
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {r.parameter: _distribution(r) for r in search.ranges}
        for trial in before:
            _tell(study, trial, distributions)
        return [
            {r.parameter: _short(r, asked.params[r.parameter]) for r in search.ranges}
            for asked in (study.ask(distributions) for _ in range(n))
        ]


def _tell(
    study: "OptunaStudy", trial: Trial, distributions: "Mapping[str, BaseDistribution]"
) -> None:
    from optuna.trial import TrialState, create_trial

    failed = trial.value is None
    study.add_trial(
        create_trial(
            state=TrialState.FAIL if failed else TrialState.COMPLETE,
            value=trial.value,
            params=dict(trial.parameters),
            distributions=dict(distributions),
        )
    )


def _distribution(r: SearchRange) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(r, FloatRange):
        return FloatDistribution(r.low, r.high, log=r.log)
    if isinstance(r, IntRange):
        return IntDistribution(r.low, r.high, log=r.log)
    return CategoricalDistribution(r.values)


def _short(r: SearchRange, value: Value) -> Value:
    """Three significant digits: parameters are read, typed and printed by people."""
    if not isinstance(r, FloatRange):
        return value
    return min(max(float(f"{value:.3g}"), r.low), r.high)


def _tried(
    search: Search,
    chosen: list[dict[str, Value]],
    first: int,
    store: Store,
    workers: Workers,
    data: DataFolder,
    seconds: float,
    told: Callable[[Trial], None],
    *,
    retry_failed: bool,
) -> list[Trial]:
    """The trials of one round, from the store or from workers."""
    ended: dict[int, Trial] = {}
    running: dict[Future[Any], list[int]] = {}
    by_id: dict[str, Future[Any]] = {}

    def end(number: int, record: dict[str, Any], *, was_kept: bool) -> None:
        ended[number] = _trial(search, number, chosen[number - first], record, was_kept=was_kept)
        told(ended[number])

    ids = [_trial_id(search, parameters) for parameters in chosen]
    for number, (trial_id, parameters) in enumerate(zip(ids, chosen, strict=True), start=first):
        record = store.read_json("trials", trial_id)
        if record is not None and not (retry_failed and record["status"] != "ok"):
            end(number, record, was_kept=True)
            continue
        if trial_id not in by_id:
            recommender = search.resolved(parameters)
            length = search.spec.list_length_with(recommender.parameters)
            if length is not None and length < search.cutoff:
                end(number, _too_short(search, length), was_kept=False)
                continue
            by_id[trial_id] = workers.submit(
                validate,
                replace(data, limits=Limits(seconds=seconds)),
                recommender,
                search.seed,
                length,
            )
        running.setdefault(by_id[trial_id], []).append(number)
    for future in as_completed(running):
        record = _record(search, future, seconds)
        for number in running[future]:
            store.write_json("trials", ids[number - first], record)
            end(number, record, was_kept=False)
    return [ended[number] for number in sorted(ended)]


def _too_short(search: Search, length: int) -> dict[str, Any]:
    """What is told of a trial whose lists end before the metric's cut-off: nothing is trained."""
    return {
        "status": "failed",
        "reason": f"recommender '{search.spec.name}' lists {length} items, and {search.metric} "
        f"needs ranks up to {search.cutoff}; use a cut-off of at most {length}",
    }


def _trial_id(search: Search, parameters: Mapping[str, Value]) -> str:
    return content_id(
        {
            "job": "validation",
            "protocol_version": PROTOCOL_VERSION,
            "dataset": search.dataset.fingerprint,
            "recommender": search.resolved(parameters).identity,
            "seed": search.seed,
            "metric": search.metric,
            **CellProtocol(repeats=search.repeats, split=search.split).of_data,
        }
    )


def _record(search: Search, future: "Future[Any]", seconds: float) -> dict[str, Any]:
    """What is kept of a trial."""
    who = f"recommender '{search.spec.name}'"
    try:
        timed = outcome_of(future, seconds)
    except (ClusterError, TemporaryFolderError, WorkerError):
        raise
    except TimeoutError as error:
        return {"status": "timeout", "reason": f"{who} {error}"}
    except LokiBenchError as error:
        return {"status": "failed", "reason": str(error)}
    except Exception as error:  # whatever a component may raise: it costs its own trial only
        return {"status": "failed", "reason": f"{who} raised {type(error).__name__}: {error}"}
    name, _, _ = search.metric.partition("@")
    value = MEASURES[name](timed.value.ranks, search.cutoff)
    if math.isnan(value):
        return {"status": "failed", "reason": "the dataset has no validation event to rank"}
    return {
        "status": "ok",
        "reason": "",
        "metric": search.metric,
        "value": value,
        "report": timed.value.report,
        "seconds": round(timed.wall_seconds, 3),
    }


def _trial(
    search: Search,
    number: int,
    parameters: Mapping[str, Value],
    record: dict[str, Any],
    *,
    was_kept: bool,
) -> Trial:
    return Trial(
        number=number,
        parameters=parameters,
        value=record.get("value"),
        status=record["status"],
        reason=record["reason"],
        seconds=record.get("seconds", 0.0),
        was_kept=was_kept,
    )
