"""``tune``: hyper-parameters of a recommender, selected on validation events."""

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loki_bench.cli.options import (
    as_json_option,
    named_value,
    offline_option,
    plugin_options,
    results_option,
    scheduler_option,
    tell,
    timeout_option,
    workers_option,
)
from loki_bench.errors import UsageError
from loki_bench.plugins.registry import Registry
from loki_bench.progress import Shown, shown_work

if TYPE_CHECKING:
    from loki_bench.tuning import Sampler, Search, Trial

__all__ = ["tune"]


@click.command()
@click.argument("recommender")
@click.option("--dataset", metavar="NAME", help="The dataset.  [default: ml-100k]")
@click.option("--suite", metavar="SUITE", help="Take the dataset of this suite.")
@click.option(
    "--trials",
    type=click.IntRange(min=1, max=100_000),
    default=20,
    show_default=True,
    help="Parameter sets to try, those kept from earlier runs included.",
)
@click.option("--metric", default="ndcg@10", show_default=True, help="Maximise hr@K or ndcg@K.")
@click.option(
    "--sampler",
    type=click.Choice(["tpe", "random"]),
    default="tpe",
    show_default=True,
    help="How parameters are proposed: by what did well before, or at random.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the search and of every fit.",
)
@click.option(
    "--set",
    "fixed",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a parameter instead of searching it. May be repeated.",
)
@click.option("--retry-failed", is_flag=True, help="Also try again what did not end well before.")
@timeout_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the best parameters.  [default: tuned/RECOMMENDER.toml]",
)
@offline_option
@results_option
@workers_option
@scheduler_option
@plugin_options
@as_json_option
def tune(
    recommender: str,
    dataset: str | None,
    suite: str | None,
    trials: int,
    metric: str,
    sampler: "Sampler",
    seed: int,
    fixed: tuple[str, ...],
    retry_failed: bool,
    timeout: float,
    output: Path | None,
    offline: bool,
    results: Path,
    workers: int | None,
    scheduler: str | None,
    registry: Registry,
    as_json: bool,
) -> int:
    r"""Select a recommender's parameters on validation events, never on test events.

    RECOMMENDER is the name of one whose plugin declares a search space.

    What was tried is kept in the results folder: the same command goes on where a stopped one
    was, and more --trials add to it. The best parameters are written to a file that a suite
    takes as { name = "RECOMMENDER", parameters = "tuned/RECOMMENDER.toml" }.

    \b
    Example: loki-bench tune bprmf --trials 20
    """
    from loki_bench.engine.open_workers import open_workers
    from loki_bench.engine.versions import installed
    from loki_bench.pipeline.dataset import write_dataset
    from loki_bench.plugins.ownership import own_modules
    from loki_bench.plugins.specs import RecommenderSpec
    from loki_bench.records.store import Store
    from loki_bench.sandbox.scratch import swept
    from loki_bench.suite.parameter_files import as_parameter_file
    from loki_bench.suite.resolve import load_split
    from loki_bench.suite.suite import SplitChoice, dataset_choice, load_suite
    from loki_bench.tuning import Search, best_of, require_sampler
    from loki_bench.tuning import tune as run_search
    from loki_bench.whole_files import refuse_unwritable, write_whole

    if dataset is not None and suite is not None:
        raise UsageError("--dataset and --suite exclude each other: a suite names its dataset")
    require_sampler(sampler)
    spec, origin = registry.find(RecommenderSpec, recommender)
    of_suite = load_suite(suite) if suite else None
    choice = (
        of_suite.dataset
        if of_suite
        else dataset_choice("ml-100k" if dataset is None else dataset, {})
    )
    read = load_split(
        choice,
        registry,
        download=not offline,
        split=of_suite.split if of_suite else SplitChoice(),
        repeats=of_suite.repeats if of_suite else "mask",
    )
    used = read.ref
    search = Search(
        spec=spec,
        origin=origin,
        dataset=used,
        split=read.split_ref,
        repeats=of_suite.repeats if of_suite else "mask",
        fixed=dict(named_value(text) for text in fixed),
        metric=metric,
        sampler=sampler,
        n_trials=trials,
        seed=seed,
    )
    search.resolved({r.parameter: _any_value(r) for r in search.ranges})
    output = output or Path("tuned") / f"{recommender}.toml"
    refuse_unwritable(output, elsewhere="name another file with --output")
    store = Store(results / "tuning" / recommender, warn=tell)
    versions = {"loki-bench": installed("loki-bench") or "", origin.distribution: origin.version}
    tell(f"{trials} trials of {recommender} on {choice.name}; kept in {store.folder}")
    try:
        with (
            swept(),
            open_workers(
                workers,
                scheduler,
                seconds=timeout,
                modules=own_modules([spec.target]),
                versions=versions,
                warn=tell,
            ) as pool,
            shown_work() as progress,
        ):
            data = write_dataset(
                store,
                read.log.interactions,
                used.fingerprint,
                bounds=read.bounds,
                repeats=search.repeats,
            )
            tried = run_search(
                search,
                store=store,
                workers=pool,
                data=data,
                seconds=timeout,
                told=_Trials(search, progress).ended,
                retry_failed=retry_failed,
            )
    except KeyboardInterrupt:
        tell("stopped; what was tried is kept. The same command goes on from there.")
        return 130
    best = best_of(tried)
    comments = [
        f"{metric} {best.value:.4f} on the validation events of {used.n_users} users of "
        f"{choice.name}; {_reached(tried[0])} without tuning.",
        f"Trial {best.number} of {trials}: loki-bench tune {recommender}"
        + (f" --suite {shlex.quote(suite)}" if suite else f" --dataset {choice.name}")
        + f" --trials {trials} --metric {metric} --sampler {sampler} --seed {seed}"
        + "".join(f" --set {shlex.quote(text)}" for text in fixed),
    ]
    parameters = {**search.fixed, **best.parameters}
    write_whole(output, as_parameter_file(recommender, parameters, comments).encode())
    _show(search, tried, best, output, _from_suite(output, suite), as_json=as_json)
    return 0


def _reached(trial: "Trial") -> str:
    """The value of a trial, and of one that has none how it ended: 0 is a value, too."""
    return trial.status if trial.value is None else f"{trial.value:.4f}"


class _Trials:
    """A search's progress, a line a trial, with the best value so far."""

    def __init__(self, search: "Search", shown: Shown) -> None:
        self._search, self._shown = search, shown
        self._best: float | None = None
        shown.started(search.n_trials + 1)

    def ended(self, trial: "Trial") -> None:
        if trial.value is not None and (self._best is None or trial.value > self._best):
            self._best = trial.value
        shown = trial.reason if trial.value is None else f"{self._search.metric} {trial.value:.4f}"
        best = "" if self._best is None else f", best {self._best:.4f}"
        kept = ", was kept" if trial.was_kept else ""
        self._shown.ended(
            f"trial {trial.number}: {shown} with {_listed(trial.parameters)}{best}{kept}",
            well=trial.value is not None,
        )


def _show(
    search: "Search",
    tried: "list[Trial]",
    best: "Trial",
    output: Path,
    from_suite: str,
    *,
    as_json: bool,
) -> None:
    if as_json:
        listed = [
            {
                "number": trial.number,
                "parameters": dict(trial.parameters),
                "value": trial.value,
                "status": trial.status,
                "reason": trial.reason,
            }
            for trial in tried
        ]
        content = {"metric": search.metric, "best": best.number, "trials": listed}
        click.echo(json.dumps(content, indent=1))
        return
    from tabulate import tabulate

    from loki_bench.datasets.summary import as_toml

    names = [r.parameter for r in search.ranges]
    ordered = sorted(tried, key=lambda t: (t.value is None, -(t.value or 0.0), t.number))
    rows = [
        [
            trial.number,
            _reached(trial),
            *[trial.parameters.get(name, "default") for name in names],
            f"{trial.seconds:.1f}",
        ]
        for trial in ordered
    ]
    headers = ["trial", search.metric, *names, "seconds"]
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    choice = as_toml({"name": search.spec.name, "parameters": from_suite})
    click.echo(f"\nBest: trial {best.number}, in {output}. In a suite:\n  {choice}")


def _from_suite(output: Path, suite: str | None) -> str:
    """The file's path as a suite takes it, from its own folder; a new one is to lie here."""
    if suite is None or not suite.endswith(".toml") or output.is_absolute():
        return output.as_posix()
    return Path(os.path.relpath(output, Path(suite).parent)).as_posix()


def _any_value(r: Any) -> Any:
    return r.values[0] if hasattr(r, "values") else r.low


def _listed(parameters: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in parameters.items()) or "no change"
