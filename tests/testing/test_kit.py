"""The kit as its users call it: by kind, by subject, by name, with and without pytest."""

import enum
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import broken_attackers
import pytest

import loki_bench.testing as kit
from loki_bench.errors import BrokenPromiseError, UnknownComponentError, UsageError
from loki_bench.plugins.search_space import FloatRange
from loki_bench.plugins.specs import (
    AttackerSpec,
    ConditionalNeed,
    MetricSpec,
    RecommenderSpec,
)
from loki_bench.testing.attacker_views import view_for

SPEC = AttackerSpec(
    name="single", summary="Broken", target=f"{broken_attackers.__name__}:NeedsTwoTargets"
)
CHECK = "check_attacker_takes_a_single_target"


def results(**given):
    found = kit.run_checks(kit.subjects_of([SPEC]), **given)
    return {result.check: result for result in found}


def test_every_check_is_public_says_what_it_promises_and_is_named_after_its_kind():
    prefixes = {"differentiable recommender": "differentiable", "influence estimator": "estimator"}
    for kind, checks in kit.CHECKS.items():
        for check in checks:
            assert getattr(kit, check.__name__) is check
            assert check.__name__ in kit.__all__
            prefix = prefixes.get(kind, kind).replace(" ", "_").replace("-", "_")
            assert check.__name__.startswith(f"check_{prefix}_")
            assert check.__doc__


def test_checks_are_given_by_kind_and_an_unknown_kind_is_named():
    assert kit.check_attacker_seed_fixes_everything in kit.checks_for("attacker")
    with pytest.raises(UsageError, match="did you mean 'attacker'"):
        kit.checks_for("atacker")


def test_a_differentiable_recommender_must_pass_both_kinds():
    def spec(differentiable):
        return RecommenderSpec(
            name="x", summary="x", target="a:B", uses_order=True, differentiable=differentiable
        )

    both = kit.checks_for(kit.Subject(spec=spec(True)))
    assert both == kit.CHECKS["recommender"] + kit.CHECKS["differentiable recommender"]
    assert kit.checks_for(kit.Subject(spec=spec(False))) == kit.CHECKS["recommender"]


def test_a_metric_is_compared_with_a_reference_where_there_is_one():
    spec = MetricSpec(
        name="x",
        summary="x",
        target="a:b",
        higher_is="neither",
        range=(0, 1),
        unit="share",
        purpose="attack",
    )
    check = kit.check_metric_agrees_with_its_reference
    assert check not in kit.checks_for(kit.Subject(spec=spec))
    assert check in kit.checks_for(kit.Subject(spec=spec, reference=max))


def test_an_attack_must_prepare_arrays_only_where_it_says_that_it_prepares():
    check = kit.check_attacker_prepares_named_arrays
    assert check not in kit.checks_for(kit.Subject(spec=SPEC))
    assert check in kit.checks_for(kit.Subject(spec=replace(SPEC, prepares=True)))


def test_an_attack_must_keep_to_drawn_lengths_only_where_it_says_that_it_takes_them():
    check = kit.check_attacker_writes_as_many_events_as_the_host_drew
    assert check not in kit.checks_for(kit.Subject(spec=SPEC))
    assert check in kit.checks_for(kit.Subject(spec=replace(SPEC, takes_lengths=True)))


def test_each_attack_is_lent_a_surrogate_of_its_own_that_knows_the_same():
    spec = replace(SPEC, needs=frozenset({"history", "surrogates"}))
    (one,), (other,) = (view_of(spec).surrogates for _ in range(2))
    before = other.fit().weights.copy()
    assert one.fit() is one.fit()
    assert (one.fit().weights == before).all()
    one.fit().weights[:] = 0.0
    assert (other.fit().weights == before).all()
    assert (view_of(spec).surrogates[0].fit().weights == before).all()


def view_of(spec, **parameters):
    return view_for(kit.Subject(spec=spec, parameters=parameters))


def test_an_attack_under_test_is_granted_what_it_needs_and_nothing_else():
    when = ConditionalNeed(parameter="weights", value="fit", need="queries")
    spec = replace(SPEC, target="broken_attackers:Chooses", needs_when=(when,))
    assert view_of(spec).oracle is None
    assert view_of(spec, weights="fit").oracle.n_left == 20
    assert view_of(spec).history.n_events > 0
    blind = view_of(replace(spec, needs=frozenset({"surrogates"})))
    assert (blind.history.n_users, blind.history.n_items) == (50, 40)
    assert blind.history.n_events == 0
    assert [s.name for s in blind.surrogates] == ["ridge"]


class Mode(str, enum.Enum):
    FAST = "fast"


class TakesAMode:
    def __init__(self, *, mode=Mode.FAST, share=0.5):
        self.mode, self.share = mode.value, share


def test_a_component_is_built_as_the_host_builds_it():
    spec = AttackerSpec(name="modes", summary="x", target=f"{__name__}:TakesAMode")
    built = kit.Subject(spec=spec, parameters={"share": 1.0}).build()
    assert (built.mode, built.share) == ("fast", 1.0)  # an Enum's member does not arrive there


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"influence_parameters": {"a": {"b": 1}}},
            r"attacker 'modes': its influence_parameters can't be taken: .* left out as a whole",
        ),
        (
            {"needs_when": (ConditionalNeed(parameter="mod", value="a", need="queries"),)},
            r"needs_when names the parameter 'mod', .* \(did you mean 'mode'\?\); it takes: mode",
        ),
    ],
)
def test_a_spec_that_does_not_reach_the_host_fails_every_check(changes, sentence):
    spec = AttackerSpec(name="modes", summary="x", target=f"{__name__}:TakesAMode", **changes)
    found = list(kit.run_checks([kit.Subject(spec=spec)]))
    assert {result.outcome for result in found} == {"failed"}
    assert all(re.search(sentence, result.detail) for result in found)


def test_a_search_over_a_parameter_that_there_is_not_is_found():
    spec = RecommenderSpec(
        name="ridge",
        summary="x",
        target="loki_bench.testing.ridge:RidgeRecommender",
        uses_order=True,
        differentiable=False,
        search=(FloatRange("l3", 0.1, 1.0),),
    )
    with pytest.raises(BrokenPromiseError, match="its search names the parameter 'l3'"):
        kit.Subject(spec=spec).build()


def test_a_check_is_a_plain_function_that_raises():
    kit.check_attacker_seed_fixes_everything(kit.Subject(spec=SPEC))
    with pytest.raises(ValueError, match="unpack"):
        kit.check_attacker_takes_a_single_target(kit.Subject(spec=SPEC))
    over = AttackerSpec(name="over", summary="Broken", target="broken_attackers:AddsAUser")
    with pytest.raises(BrokenPromiseError, match="attacker 'over' wrote 1 fake users"):
        kit.check_attacker_keeps_budgets_of_none_one_and_many(kit.Subject(spec=over))


def test_a_failure_names_the_component_and_the_exception():
    result = results()[CHECK]
    assert (result.kind, result.component, result.outcome) == ("attacker", "single", "failed")
    assert "attacker 'single' raised ValueError" in result.detail
    assert not result.ok


def test_an_expected_failure_is_fine_and_keeps_its_reason():
    result = results(expected_failures={"single": {CHECK: "needs two"}})[CHECK]
    assert (result.outcome, result.detail, result.ok) == ("expected failure", "needs two", True)


def test_an_expected_failure_that_passes_is_an_error():
    other = "check_attacker_seed_fixes_everything"
    result = results(expected_failures={"single": {other: "of old"}})[other]
    assert (result.outcome, result.ok) == ("unexpected pass", False)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"other": {CHECK: "x"}}, "given for 'other'"),
        ({"single": {"check_attacker_seed": "x"}}, "given for 'check_attacker_seed'"),
        ({"single": {CHECK: " "}}, "has no reason"),
    ],
)
def test_an_expectation_of_nothing_is_refused(expected, message):
    with pytest.raises(UsageError, match=message):
        results(expected_failures=expected)


def test_parameters_and_references_of_nothing_are_refused():
    with pytest.raises(UsageError, match="parameters are given for 'othr'"):
        kit.subjects_of([SPEC], parameters={"othr": {}})
    with pytest.raises(UsageError, match="a reference is given for 'x'"):
        kit.subjects_of([SPEC], references={"x": max})


def test_an_installed_component_is_checked_by_name():
    found = list(kit.check_plugin("covisit"))
    assert {result.component for result in found} == {"covisit"}
    n = len(kit.CHECKS["attacker"]) - 1  # it does not prepare
    assert [result.outcome for result in found] == ["passed"] * n


def test_a_name_that_nothing_has_is_refused_with_the_nearest():
    with pytest.raises(UnknownComponentError, match="did you mean 'covisit'"):
        kit.check_plugin("covist")


EXAMPLE = """
from loki_bench.plugins.specs import AttackerSpec
from loki_bench.testing import parametrize_with_checks

SPECS = [AttackerSpec(name="single", summary="x", target="broken_attackers:NeedsTwoTargets")]

def expecting(check):
    return parametrize_with_checks(SPECS, expected_failures={"single": {check: "its reason"}})

@expecting("check_attacker_takes_a_single_target")
def test_right(check, subject):
    check(subject)

@expecting("check_attacker_seed_fixes_everything")
def test_wrong(check, subject):
    check(subject)
"""


def test_with_pytest_each_check_is_a_test_and_expected_failures_are_strict(tmp_path):
    (tmp_path / "test_it.py").write_text(EXAMPLE)
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rxf", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(broken_attackers.__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    n = len(kit.CHECKS["attacker"]) - 2  # it does not prepare, and takes no lengths
    assert f"2 failed, {2 * n - 3} passed, 1 xfailed" in answer.stdout
    assert f"XFAIL test_it.py::test_right[single-{CHECK}] - its reason" in answer.stdout
    assert f"FAILED test_it.py::test_wrong[single-{CHECK}]" in answer.stdout
    strict = "FAILED test_it.py::test_wrong[single-check_attacker_seed_fixes_everything]"
    assert strict in answer.stdout
    assert "[XPASS(strict)]" in answer.stdout


def test_the_kit_itself_imports_neither_pytest_nor_a_framework():
    code = (
        "import sys, loki_bench.testing\n"
        "print(sorted({'pytest', 'torch', 'numba', 'pandas', 'recbole'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
