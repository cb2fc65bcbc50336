"""The built-in components: declared lightly, and all of them really there."""

import subprocess
import sys

import pluggy
import pytest

from loki_bench import builtin
from loki_bench.contracts import Attacker, DatasetLoader, InfluenceEstimator
from loki_bench.plugins import hookspecs
from loki_bench.plugins.registry import Origin
from loki_bench.suite.components import resolve

SPECS = [
    *builtin.loki_bench_datasets(),
    *builtin.loki_bench_attackers(),
    *builtin.loki_bench_metrics(),
    *builtin.loki_bench_influence_estimators(),
]


def ids(spec):
    return f"{spec.kind}-{spec.name}"


@pytest.mark.parametrize("spec", SPECS, ids=ids)
def test_every_target_can_be_imported(spec):
    target = spec.resolve()
    contract = {
        "dataset": DatasetLoader,
        "attacker": Attacker,
        "influence estimator": InfluenceEstimator,
    }.get(spec.kind)
    assert issubclass(target, contract) if contract else callable(target)


FORMER_WORDS = [
    *[
        (name, {parameter: old}, {parameter: new})
        for name in ("cg", "lissa", "gradient-dot", "target-block", "leverage")
        for parameter, old, new in (
            ("negatives", "shared", "common"),
            ("negatives", "by-prefix", "per-prefix"),
            ("marginal", "refold", "difference"),
            ("marginal", "augmented", "derivative"),
        )
        if (name, parameter) != ("leverage", "marginal")  # it has no such parameter
    ],
    *[
        ("loki", {"skip_opaque_surrogates": value}, {"skip_nondifferentiable": value})
        for value in (True, False)
    ],
]


@pytest.mark.parametrize(("name", "old", "present"), FORMER_WORDS)
def test_a_former_word_is_taken_with_a_warning_and_leads_to_the_same_component(name, old, present):
    (spec,) = (s for s in SPECS if s.name == name)
    origin = Origin(distribution="loki-bench", version="1.0")
    with pytest.warns(FutureWarning, match=f"'{name}': .* is now called"):
        by_old = resolve(spec, origin, old)
    assert by_old == resolve(spec, origin, present)
    assert by_old.parameters | present == by_old.parameters
    spec.build(by_old.parameters)


@pytest.mark.parametrize("spec", [s for s in SPECS if s.kind == "dataset"], ids=ids)
def test_every_dataset_takes_a_k_core_and_can_be_built(spec):
    given = {"path": "x.csv"} if spec.name == "file" else {}
    assert spec.build(given).k_core == 5
    assert spec.build({**given, "k_core": 0}).k_core == 0


@pytest.mark.parametrize("spec", [s for s in SPECS if s.kind == "metric"], ids=ids)
def test_a_metric_takes_a_cut_off_exactly_when_it_says_so(spec):
    assert list(spec.parameters()) == (["outcome", "k"] if spec.takes_k else ["outcome"])


def test_every_hook_is_one_that_the_host_calls():
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(builtin)
    manager.check_pending()
    assert {caller.name for caller in manager.get_hookcallers(builtin)} >= {
        "loki_bench_datasets",
        "loki_bench_attackers",
        "loki_bench_metrics",
    }
    assert manager.hook.loki_bench_metrics() == [builtin.loki_bench_metrics()]


def test_names_are_unique_within_a_kind():
    names = [ids(spec) for spec in SPECS]
    assert len(set(names)) == len(names)


def test_declaring_imports_nothing_heavy():
    heavy = ("numpy", "scipy", "pandas", "torch", "numba", "sklearn", "recbole", "pooch")
    program = (
        "import sys; from loki_bench import builtin\n"
        "builtin.loki_bench_datasets(); builtin.loki_bench_attackers()\n"
        "builtin.loki_bench_metrics()\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
