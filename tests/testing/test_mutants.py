"""The kit is put to the test: every check rejects a component that is broken in its way alone."""

from importlib.metadata import EntryPoint

import broken_attackers
import broken_datasets
import broken_defenses
import broken_estimators
import broken_metrics
import broken_recommenders
import pytest
from mutants import Mutant, mutants_in

from loki_bench.plugins.specs import (
    AttackerSpec,
    DatasetSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
)
from loki_bench.testing import CHECKS, PluginSubject, Subject, run_checks

MUTANTS = [
    *mutants_in(broken_recommenders, RecommenderSpec, uses_order=True, differentiable=False),
    *mutants_in(broken_attackers, AttackerSpec),
    *mutants_in(broken_estimators, InfluenceEstimatorSpec),
    *mutants_in(
        broken_metrics,
        MetricSpec,
        higher_is="better for the platform",
        range=(0.0, 1.0),
        unit="share",
        purpose="utility",
        takes_k=True,
    ),
    *mutants_in(broken_defenses, DefenseSpec),
    *mutants_in(broken_datasets, DatasetSpec, licence="MIT", homepage="https://example.org/data"),
]

SOUND = [
    RecommenderSpec(
        name="ridge",
        summary="The kit's own",
        target="loki_bench.testing.ridge:RidgeRecommender",
        uses_order=True,
        differentiable=True,
        trains_rows=True,
    ),
    RecommenderSpec(
        name="with-user-rows",
        summary="Ridge with rows of users",
        target="broken_recommenders:WithUserRows",
        uses_order=True,
        differentiable=False,
        trains_rows=True,
    ),
    RecommenderSpec(
        name="order-free",
        summary="Counts",
        target="broken_recommenders:OrderFree",
        uses_order=False,
        differentiable=False,
    ),
    RecommenderSpec(
        name="speaks-numpy",
        summary="Ridge that counts in numpy",
        target="broken_recommenders:SpeaksNumpy",
        uses_order=True,
        differentiable=False,
    ),
    RecommenderSpec(
        name="weighted",
        summary="Weighted least squares",
        target="broken_recommenders:Weighted",
        uses_order=True,
        differentiable=False,
        takes_weights=True,
    ),
    RecommenderSpec(
        name="adversarial",
        summary="Shrinks under noise",
        target="broken_recommenders:Adversarial",
        uses_order=True,
        differentiable=False,
        takes_noise=True,
    ),
    RecommenderSpec(
        name="lists",
        summary="Lists ten items",
        target="broken_recommenders:Lists",
        uses_order=False,
        differentiable=False,
        answers="top-k",
        list_length="length",
    ),
    RecommenderSpec(
        name="fine-tunable",
        summary="Goes half of the way",
        target="broken_recommenders:FineTunable",
        uses_order=True,
        differentiable=False,
        fine_tunes=True,
    ),
    AttackerSpec(name="sound", summary="Sound", target="broken_attackers:Sound"),
    AttackerSpec(
        name="prepares", summary="Sound", target="broken_attackers:Prepares", prepares=True
    ),
    AttackerSpec(name="long", summary="Sound", target="broken_attackers:Long", takes_lengths=True),
    InfluenceEstimatorSpec(
        name="ridge", summary="Sound", target="loki_bench.testing.ridge:RidgeInfluence"
    ),
    DefenseSpec(name="sound", summary="Sound", target="broken_defenses:Sound"),
    DefenseSpec(name="weighs", summary="Sound", target="broken_defenses:Weighs", form="weights"),
    DefenseSpec(
        name="twice", summary="Sound", target="broken_defenses:TrainsTwice", form="training"
    ),
    DatasetSpec(
        name="sound",
        summary="Sound",
        target="broken_datasets:Sound",
        licence="MIT",
        homepage="https://example.org/data",
    ),
]

PLUGIN_HEAD = """
from loki_bench.contracts import Attacker
from loki_bench.interactions import Sequences
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import AttackerSpec

class Mine(Attacker):
    def poison(self, view):
        return Sequences.empty()

class Loose(Mine):
    def __init__(self, **options):
        self.options = options

class NoAttacker:
    pass

def declare(name="mine", target="Mine"):
    return [AttackerSpec(name=name, summary="Mine", target=f"{__name__}:{target}")]

"""

BROKEN_PLUGINS = {
    "hookless": ("check_plugin_is_discovered", "def loki_bench_attackers():\n    return declare()"),
    "misspelt": (
        "check_plugin_is_discovered",
        "@hookimpl\ndef loki_bench_atackers():\n    return declare()",
    ),
    "heavy": (
        "check_plugin_discovery_imports_no_framework",
        "import pandas\n@hookimpl\ndef loki_bench_attackers():\n    return declare()",
    ),
    "untold": (
        "check_plugin_declarations_reach_the_host",
        "@hookimpl\ndef loki_bench_attackers():\n"
        "    return [AttackerSpec(name='mine', summary='x', target=f'{__name__}:Mine',"
        " influence_parameters={'a': {'b': 1}})]",
    ),
    "absent": (
        "check_plugin_targets_resolve",
        "@hookimpl\ndef loki_bench_attackers():\n    return declare(target='NotHere')",
    ),
    "unfit": (
        "check_plugin_targets_resolve",
        "@hookimpl\ndef loki_bench_attackers():\n    return declare(target='NoAttacker')",
    ),
    "copycat": (
        "check_plugin_names_are_free",
        "@hookimpl\ndef loki_bench_attackers():\n    return declare(name='covisit')",
    ),
    "loose": (
        "check_plugin_parameters_have_names",
        "@hookimpl\ndef loki_bench_attackers():\n    return declare(target='Loose')",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("data")
    (found / "data.txt").write_text("0 1 2 3\n")
    return found


def failed(subject):
    return {result.check: result.detail for result in run_checks([subject]) if not result.ok}


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_component_is_rejected_by_its_check_and_by_no_other(mutant, folder):
    subject = Subject(spec=mutant.subject.spec, reference=mutant.subject.reference, folder=folder)
    assert set(failed(subject)) == {mutant.check} | mutant.also


@pytest.mark.parametrize("spec", SOUND, ids=lambda spec: f"{spec.kind}-{spec.name}")
def test_a_sound_component_passes_every_check(spec):
    assert failed(Subject(spec=spec)) == {}


def test_a_sound_metric_passes_every_check():
    spec = MetricSpec(
        name="sound",
        summary="Sound",
        target="broken_metrics:sound",
        higher_is="better for the platform",
        range=(0.0, 1.0),
        unit="share",
        purpose="utility",
        takes_k=True,
    )
    assert failed(Subject(spec=spec, reference=broken_metrics.sound)) == {}


def plugin(tmp_path, monkeypatch, name, code):
    (tmp_path / f"plugin_{name}.py").write_text(PLUGIN_HEAD + code + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    return PluginSubject(entry=EntryPoint(name=name, value=f"plugin_{name}", group="loki_bench"))


@pytest.mark.parametrize("name", BROKEN_PLUGINS)
def test_a_broken_plugin_is_rejected_by_its_check_and_by_no_other(name, tmp_path, monkeypatch):
    check, code = BROKEN_PLUGINS[name]
    assert set(failed(plugin(tmp_path, monkeypatch, name, code))) == {check}


def test_a_sound_plugin_passes_every_check(tmp_path, monkeypatch):
    code = "@hookimpl\ndef loki_bench_attackers():\n    return declare()"
    assert failed(plugin(tmp_path, monkeypatch, "fine", code)) == {}


def test_no_check_is_without_its_mutant():
    rejecting = {mutant.check for mutant in MUTANTS} | {c for c, _ in BROKEN_PLUGINS.values()}
    assert rejecting == {check.__name__ for checks in CHECKS.values() for check in checks}


def test_a_mutant_can_be_told_from_another():
    names = [str(mutant) for mutant in MUTANTS]
    assert isinstance(MUTANTS[0], Mutant)
    assert len(set(names)) == len(names)
