"""`loki-bench check`: a line a check, what can't be run, and the exit status."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

import loki_bench.testing as kit
from loki_bench.cli.main import cli
from loki_bench.errors import ParameterError, UnknownComponentError, UsageError

CODE = """
import sys
from loki_bench.contracts import Attacker, DatasetLoader
from loki_bench.errors import DatasetError
from loki_bench.interactions import Sequences
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import AttackerSpec, DatasetSpec, MetricSpec

class Targets(Attacker):
    def __init__(self, n_extra: int = 0, needed: str = ""):
        self.n_extra, self.needed = n_extra, needed

    def poison(self, view):
        if self.needed == "patience":
            while True:
                pass
        if self.needed == "a file":
            open("litter.txt", "w").close()
            raise RuntimeError("always the same")
        print("I am in standard output")
        n = view.budget.n_actions + self.n_extra
        return Sequences.of([[int(view.goal.items[0])] * n] * view.budget.n_fake_users)

class Needs(Targets):
    def __init__(self, needed):
        super().__init__()

class Exits(Attacker):
    def poison(self, view):
        sys.exit(0)

class Crashes(Attacker):
    def poison(self, view):
        return view.goal.items[
            99]

class Absent(DatasetLoader):
    def load(self, folder, *, download):
        raise DatasetError(f"dataset 'absent': {folder}/it.csv is missing")

def share(outcome):
    return 0.5

def other(outcome):
    return 0.25

def attack(name, target):
    return AttackerSpec(name=name, summary="For a test", target="sample_plugin:" + target)

@hookimpl
def loki_bench_attackers():
    return [
        attack("targets", "Targets"),
        attack("needs.it", "Needs"),
        attack("exits", "Exits"),
        attack("crashes", "Crashes"),
    ]

@hookimpl
def loki_bench_datasets():
    return [DatasetSpec(name="absent", summary="For a test", target="sample_plugin:Absent",
                        licence="MIT", homepage="https://example.org")]

@hookimpl
def loki_bench_metrics():
    return [MetricSpec(name="half", summary="For a test", target="sample_plugin:share",
                       higher_is="neither", range=(0.0, 1.0), unit="share", purpose="utility")]
"""

BUDGETS = "check_attacker_keeps_budgets_of_none_one_and_many"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A distribution `sample-plugin` with the entry point `sample`, and one that is broken."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sample_plugin.py").write_text(CODE)
    for name, entry in (("sample_plugin", "sample = sample_plugin"), ("broken", "broken = gone")):
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir()
        title = name.replace("_", "-")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[loki_bench]\n{entry}\n")
    return folder


@pytest.fixture
def check(site, monkeypatch, capsys, tmp_path):
    """Run the command here; returns its exit status and what it printed."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("LOKI_BENCH_DATA", str(tmp_path))

    def run(*arguments):
        status = cli(["check", *arguments], standalone_mode=False)
        return status, capsys.readouterr()

    return run


def outcomes(printed):
    """(label, component, check) of every line."""
    lines = printed.out.splitlines()[:-1]
    return [re.split(r" {2,}| ", line.split(":")[0])[-3:] for line in lines]


def test_every_check_has_a_line_and_kept_promises_exit_with_0(check):
    status, printed = check("targets")
    assert status == 0
    expected = [check.__name__ for check in kit.CHECKS["attacker"]]
    # its spec does not say that it does
    expected.remove("check_attacker_prepares_named_arrays")
    expected.remove("check_attacker_writes_as_many_events_as_the_host_drew")
    assert outcomes(printed) == [["ok", "targets", name] for name in expected]
    assert printed.out.splitlines()[-1] == "12 checks of targets: 12 ok"


def test_a_broken_promise_is_told_in_its_line_and_exits_with_1(check):
    status, printed = check("targets", "--set", "n_extra=1")
    assert status == 1
    reason = "attacker 'targets' gave fake user 0 2 events; the budget is 1"
    assert re.search(rf"^FAILED +targets {BUDGETS}: {reason}", printed.out, re.MULTILINE)
    assert printed.out.splitlines()[-1] == "12 checks of targets: 1 ok, 11 FAILED"


def test_an_unforeseen_error_names_the_plugins_own_line(check):
    status, printed = check("crashes")
    assert status == 1
    line = 1 + CODE.splitlines().index("        return view.goal.items[")
    assert "attacker 'crashes' raised IndexError: index 99 is out of bounds" in printed.out
    assert f"(sample_plugin.py, line {line}" in printed.out


def test_a_component_that_exits_the_process_is_a_failure(check):
    status, printed = check("exits")
    assert status == 1
    assert "attacker 'exits' raised SystemExit: 0" in printed.out
    assert "12 checks of exits: 12 FAILED" in printed.out


@pytest.mark.parametrize("name", ["sample-plugin", "sample", "Sample_Plugin"])
def test_a_plugin_is_checked_as_a_whole_by_any_of_its_names(check, name):
    status, printed = check(name, "--json")
    assert status == 1
    answer = json.loads(printed.out)  # what a component prints is not in it
    assert "I am in standard output" in printed.err
    found = {(c["component"], c["check"]): c for c in answer["checks"]}
    whole = {check for component, check in found if component == "sample"}
    assert whole == {check.__name__ for check in kit.CHECKS["plugin"]}
    components = {component for component, _ in found} - {"sample"}
    assert components == {"targets", "needs.it", "exits", "crashes", "absent", "half"}
    assert found["targets", BUDGETS]["outcome"] == "passed"
    assert found["exits", BUDGETS]["outcome"] == "failed"
    assert sum(answer["summary"].values()) == len(answer["checks"])


def test_what_can_not_be_run_is_skipped_with_the_reason(check, tmp_path):
    _, printed = check("sample", "--json")
    found = {(c["component"], c["check"]): c for c in json.loads(printed.out)["checks"]}
    skipped = {key: c["detail"] for key, c in found.items() if c["outcome"] == "skipped"}
    assert skipped["needs.it", BUDGETS] == (
        "attacker 'needs.it' needs the parameter 'needed', and none was given"
    )
    assert skipped["absent", "check_dataset_loads_interactions"] == (
        f"dataset 'absent': {tmp_path}/it.csv is missing"
    )
    assert skipped["half", "check_metric_agrees_with_its_reference"] == (
        "no independent function was given to agree with"
    )
    assert found["absent", "check_dataset_says_what_is_missing"]["outcome"] == "passed"
    assert {component for component, _ in skipped} == {"needs.it", "absent", "half"}


@pytest.mark.parametrize("given", [[], ["--set", "path=poison.json"]])
def test_a_poison_from_a_file_is_no_attack_that_could_be_checked(check, given):
    status, printed = check("replay", *given)
    assert status == 0
    assert printed.out.count("\n") == printed.out.count("it reads a poison; the suite that") + 1
    assert "skipped" in printed.out.splitlines()[-1]


def test_a_component_can_be_picked_out_of_a_plugin(check):
    status, printed = check("sample-plugin", "--component", "targets", "--component", "half")
    assert status == 0
    assert {component for _, component, _ in outcomes(printed)} == {"targets", "half"}


def test_a_parameter_is_given_by_component_whatever_dots_its_name_has(check):
    status, printed = check("needs.it", "--set", "needed=1")
    assert (status, "12 ok" in printed.out) == (0, True)
    both = ("sample", "--component", "needs.it", "--component", "targets")
    status, printed = check(*both, "--set", "needs.it.needed=1", "--set", "targets.n_extra=0")
    assert (status, "24 ok" in printed.out) == (0, True)


def test_a_reference_is_a_function_that_the_metric_must_agree_with(check):
    agrees = "check_metric_agrees_with_its_reference"
    status, printed = check("half", "--reference", "sample_plugin:share")
    assert (status, f"half {agrees}" in printed.out) == (0, True)
    status, printed = check(
        "sample", "--component", "half", "--reference", "half=sample_plugin:other"
    )
    assert status == 1
    assert f"{agrees}: metric 'half' answered 0.5 where its reference says 0.25" in printed.out


def test_an_expected_failure_must_fail(check):
    status, printed = check(
        "targets", "--set", "n_extra=1", "--expect", f"{BUDGETS}=it is too long"
    )
    assert re.search(rf"expected failure +targets {BUDGETS}: it is too long", printed.out)
    status, printed = check("targets", "--expect", f"targets.{BUDGETS}=it was too long")
    assert status == 1
    assert re.search(rf"UNEXPECTED PASS +targets {BUDGETS}: it was too long", printed.out)
    assert printed.out.endswith("12 checks of targets: 11 ok, 1 UNEXPECTED PASS\n")


def test_a_plugin_that_can_not_be_imported_fails_its_check(check):
    status, printed = check("broken")
    assert status == 1
    assert re.search(r"FAILED +broken check_plugin_is_discovered: .*No module named", printed.out)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (["sampel"], UnknownComponentError, "did you mean 'sample'"),
        (["sampel"], UnknownComponentError, "skipped plugin 'broken' of broken 1.0"),
        (["sample", "--component", "target"], UnknownComponentError, "did you mean 'targets'"),
        (["targets", "--component", "half"], UsageError, "is a component, not a plugin"),
        (["targets", "--set", "n_extra"], UsageError, "expected NAME=VALUE"),
        (["targets", "--set", "n_extr=1"], ParameterError, "did you mean 'n_extra'"),
        (["sample", "--set", "n_extra=1"], UsageError, "say of which component, as COMPONENT.KEY"),
        (["sample", "--set", "target.n_extra=1"], UsageError, "did you mean 'targets'"),
        (["half", "--set", "k=1"], UsageError, "takes no parameters: a metric is a function"),
        (["needs.it"], ParameterError, "needs the parameter 'needed'"),
        (["half", "--reference", "sample_plugin"], UsageError, "expected METRIC=MODULE:FUNCTION"),
        (["half", "--reference", "sample_plugin:gone"], UsageError, "could not be imported"),
        (["targets", "--expect", BUDGETS], UsageError, "with a reason why it must fail"),
        (["targets", "--expect", "check_x=no"], UsageError, "'check_x', which is not tested here"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_run(check, arguments, error, sentence):
    with pytest.raises(error) as raised:
        check(*arguments)
    assert sentence in str(raised.value)


def test_a_check_that_takes_long_is_named_in_a_log(check, monkeypatch):
    monkeypatch.setattr("loki_bench.cli.check.PATIENCE", 0.02)
    monkeypatch.setattr("sample_plugin.Exits.poison", lambda self, view: time.sleep(0.06))
    _, printed = check("exits")
    slow = "check_attacker_leaves_the_process_alone"
    assert re.search(rf"\[4/12\] at work on exits {slow} \(elapsed 0:00", printed.err)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["targets"], 0, "12 checks of targets: 12 ok"),
        (["crashes"], 1, "12 FAILED"),
        (["crashs"], 2, "loki-bench: no distribution, plugin or component is called 'crashs'"),
    ],
)
def test_the_process_exits_as_the_help_says(site, arguments, code, told, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "loki_bench", "check", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_check_that_never_ends_is_interrupted(check):
    status, printed = check("targets", "--set", "needed=patience", "--timeout", "0.2")
    assert status == 1
    assert "attacker 'targets' took longer than 0.2 s" in printed.out


def test_what_a_plugin_leaves_behind_is_deleted(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check("targets", "--set", "needed=a file")[0] == 1
    assert [path.name for path in tmp_path.iterdir()] == []


def test_one_error_is_told_once_with_its_count(check):
    _, printed = check("targets", "--set", "needed=a file")
    same = [line for line in printed.out.splitlines() if "always the same" in line]
    n_failed = printed.out.count("FAILED  ")
    assert n_failed > 5
    assert len(same) == 2  # where it happened first, and the count
    assert re.match(rf"{n_failed} checks failed with: ", same[-1])
    assert printed.out.count(": as above") == n_failed - 1
