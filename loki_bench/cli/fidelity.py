"""``fidelity``: judge influence estimators by retraining."""

import json
from pathlib import Path
from typing import Any

import click

from loki_bench.cli.options import (
    as_json_option,
    offline_option,
    plugin_options,
    results_option,
    tell,
    workers_option,
)
from loki_bench.plugins.registry import Registry
from loki_bench.progress import Shown, shown_work

__all__ = ["fidelity"]


@click.command()
@click.argument("suite", default="quick")
@results_option
@click.option(
    "--estimator",
    "added",
    multiple=True,
    metavar="NAME[,KEY=VALUE...]",
    help="Judge this installed estimator too; `cg,damping=0.1` sets parameters. May be repeated.",
)
@click.option("--only", is_flag=True, help="Judge the estimators of --estimator alone.")
@workers_option
@click.option("--retry-failed", is_flag=True, help="Also ask again what did not end well before.")
@offline_option
@as_json_option
@plugin_options
def fidelity(
    suite: str,
    results: Path,
    added: tuple[str, ...],
    only: bool,
    workers: int | None,
    retry_failed: bool,
    offline: bool,
    as_json: bool,
    registry: Registry,
) -> int:
    r"""Judge influence estimators against retraining, and print their leaderboard.

    SUITE is a fidelity suite in the package (quick, converged, as-trained, display-rate), or a
    path that ends in .toml. What was measured before is kept: judging one more estimator
    retrains nothing.

    \b
    Example: loki-bench fidelity quick --estimator my-estimator
    """
    from loki_bench.engine.open_workers import open_workers
    from loki_bench.errors import ParameterError
    from loki_bench.fidelity.case import estimators_of, grid_of, sampled
    from loki_bench.fidelity.folder import write_fidelity
    from loki_bench.fidelity.rendering import as_json as tables_as_json
    from loki_bench.fidelity.rendering import as_text
    from loki_bench.fidelity.run import run_tasks, tasks_of
    from loki_bench.fidelity.suite import load_fidelity_suite
    from loki_bench.plugins.ownership import own_modules
    from loki_bench.records.store import Store
    from loki_bench.sandbox.scratch import swept
    from loki_bench.suite.resolve import load_dataset

    if only and not added:
        raise ParameterError("--only keeps the estimators of --estimator alone, and none is given")
    loaded = load_fidelity_suite(suite)
    loaded = loaded.with_estimators([_parsed(text) for text in added], alone=only)
    judged = estimators_of(loaded, registry)  # a wrong name is told before anything is downloaded
    dataset, interactions = load_dataset(loaded.dataset, registry, download=not offline)
    grid = grid_of(loaded, registry, dataset)
    train = sampled(interactions, loaded.sample)
    store = Store(results / "fidelity" / loaded.name, warn=tell)
    click.echo(
        f"fidelity of {len(judged)} estimators in {len(grid.cases)} cases on "
        f"{train.n_users} users, {train.n_items} items, {train.n_events} events; "
        f"results in {store.folder}",
        err=True,
    )
    seconds = loaded.limits.seconds
    used = [*grid.recommenders, *grid.victims, *(ref.estimator for ref in grid.judged)]
    modules = own_modules(component.target for component in used)
    try:
        with (
            swept(),
            open_workers(workers, seconds=seconds, modules=modules, warn=tell) as pool,
            shown_work() as shown,
        ):
            run_tasks(
                tasks_of(grid.cases, judged),
                train,
                store=store,
                workers=pool,
                seconds=seconds,
                progress=_Answers(shown),
                retry_failed=retry_failed,
            )
    except KeyboardInterrupt:
        tell("stopped; the same command goes on from there.")
        return 130
    tables = write_fidelity(store, grid)
    click.echo(tables_as_json(loaded.name, tables) if as_json else as_text(tables))
    whole = not any(t.reasons or any(r.reasons for r in t.rows) for t in tables)
    return 0 if whole else 1


def _parsed(text: str) -> Any:
    """``name,key=value`` as an estimator of a suite; values are JSON, or plain text."""
    from loki_bench.errors import ParameterError
    from loki_bench.fidelity.suite import EstimatorChoice
    from loki_bench.suite.toml_tables import table_of

    name, *pairs = text.split(",")
    parameters: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(f"--estimator {text}: '{pair}' should read like 'damping=0.1'")
        try:
            parameters[key] = json.loads(value)
        except ValueError:
            parameters[key] = value
        except RecursionError as error:
            raise ParameterError(f"--estimator {text[:80]}: lists in lists without end") from error
    content = {"name": name, "parameters": parameters}
    return table_of(EstimatorChoice, content, f"--estimator {text[:80]}", Path())


class _Answers:
    """A suite's progress, a line a record."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def started(self, n_tasks: int) -> None:
        self._shown.started(n_tasks)

    def finished(self, what: str, reason: str) -> None:
        self._shown.ended(f"{what}: {reason or 'ok'}", well=not reason)
