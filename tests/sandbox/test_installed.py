"""Third parties' plugins are asked what they declare in a process of their own, whatever they do.

Each case is a distribution that somebody might install; its module does at import what it says.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loki_bench.errors import PluginError, UnknownComponentError
from loki_bench.plugins.specs import AttackerSpec, DatasetSpec
from loki_bench.sandbox import installed
from loki_bench.sandbox.installed import installed_plugins
from loki_bench.suite.grid import chosen_metric
from loki_bench.suite.resolve import read_dataset
from loki_bench.suite.suite import Choice, Protocol

TOYS = Path(__file__).parents[1] / "toys"

DECLARES = """
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import AttackerSpec

@hookimpl
def loki_bench_attackers():
    return {specs}
"""
SPEC = 'AttackerSpec(name="theirs", summary="x", target="theirs.target:Attack")'
TARGET = "class Attack:\n    def __init__(self, *, share: float = 0.5): ...\n"
CHANGED = (
    "spec = AttackerSpec(name='theirs', summary='x', target='theirs.target:Attack')\n"
    "object.__setattr__(spec, {field!r}, {value})\n"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def toys():
    """None but where a test asks for them: each is read anew, in a process of its own."""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution whose module of hooks has this text."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def written(hooks, *, target=TARGET, distribution="theirs", version="1.0", name="theirs"):
        package = site / "theirs"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "hooks.py").write_text(hooks)
        (package / "target.py").write_text(target)
        told = site / "theirs-1.0.dist-info"
        told.mkdir(exist_ok=True)
        (told / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (told / "entry_points.txt").write_text(f"[loki_bench]\n{name} = theirs.hooks\n")
        return site

    return written


def reason():
    """Why the one broken plugin was left out; its sentence must fit a line."""
    registry = installed_plugins()
    [broken] = [plugin for plugin in registry.broken if plugin.name == "theirs"]
    assert str(broken).startswith("plugin 'theirs' of theirs 1.0: ")
    assert broken.reason.isprintable()
    assert len(broken.reason) <= 700
    assert registry.find(AttackerSpec, "covisit")  # nobody else is touched
    return broken.reason


def test_a_plugin_is_known_with_its_parameters_and_its_module_is_not_imported(install):
    install(DECLARES.format(specs=f"[{SPEC}]"))
    spec, origin = installed_plugins().find(AttackerSpec, "theirs")
    assert str(origin) == "theirs 1.0"
    assert [str(parameter) for parameter in spec.parameters().values()] == ["share: float = 0.5"]
    assert "theirs.hooks" not in sys.modules
    assert "theirs.target" not in sys.modules
    with pytest.raises(PluginError, match="not imported here"):
        spec.build({})


@pytest.mark.parametrize(
    ("hooks", "sentence"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import os; os._exit(0)", "it died: its process ended with exit status 0"),
        ("import os; os.kill(os.getpid(), 11)", "it died: its process was killed by SIGSEGV"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("class Odd(BaseException): ...\nraise Odd('no')", "Odd: no"),
        ("raise ValueError('x' * 30_000_000)", "ValueError: xxx"),
        ("raise ValueError('two\\nlines | \\ud800')", "ValueError: two lines |"),
        (
            "class Odd(Exception):\n    def __str__(self): raise SystemExit\nraise Odd",
            "its text raised SystemExit",
        ),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("open('/etc/loki-bench-was-here', 'w')", "it was refused what it tried"),
        (DECLARES.format(specs=f"[{SPEC}] * 1_000_000"), "returned 1000000 specs; at most 1000"),
        (DECLARES.format(specs="'covisit'"), "must return a list of AttackerSpec"),
        (
            DECLARES.format(specs=f"[{SPEC.replace('theirs', 'a' * 101, 1)}]"),
            "at most 100 characters",
        ),
        (DECLARES.format(specs=f"[{SPEC.replace('theirs', 'a b', 1)}]"), "attacker name 'a b'"),
        (DECLARES.format(specs="[AttackerSpec(name=7, summary='x', target='a:B')]"), "its name is"),
        (
            DECLARES.format(specs=f"[{SPEC[:-1]}, influence_parameters={{'a': object()}})]"),
            "its influence_parameters can't be told as data: there is a object in it",
        ),
        (
            DECLARES.format(specs=f"[{SPEC[:-1]}, needs=('history',))]"),
            "attacker 'theirs': its needs are ('history',); expected a frozenset of text",
        ),
        (
            DECLARES.format(specs=f"[{SPEC[:-1]}, influence_parameters={{'a': 10**49}})]"),
            "it sent a broken declaration",
        ),
        (
            DECLARES.format(specs=f"[{SPEC[:-1]}, reference='\\ud800')]"),
            "its reference must be one line",
        ),
    ],
)
def test_a_plugin_that_can_not_be_asked_is_left_out_with_a_sentence(install, hooks, sentence):
    install(hooks)
    assert sentence in reason()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "'two\\nlines'", "no line of at most"),
        ("name", "'half-\\ud800'", "no line of at most"),
        ("name", "'a' * 101", "use a-z, 0-9"),
        ("name", "7", "text is expected"),
        ("summary", "'a\\nb'", "printable"),
        ("target", "'os'", "is not 'a.b:C'"),
        ("kind", "'metric'", "has no attribute"),
    ],
)
def test_a_spec_that_was_changed_behind_its_checks_is_refused(install, field, value, sentence):
    changed = CHANGED.format(field=field, value=value)
    install(DECLARES.format(specs="[spec]") + changed)
    assert sentence in reason()


def test_a_plugin_that_never_says_what_it_declares_is_ended(install, monkeypatch):
    monkeypatch.setattr(installed, "SECONDS", 3.0)
    install("while True: pass")
    assert "did not say within 3 s what it declares" in reason()


def test_what_a_plugin_prints_is_no_answer_of_the_command(install, capfd):
    install("print('x' * 10_000_000)\n" + DECLARES.format(specs=f"[{SPEC}]"))
    assert installed_plugins().find(AttackerSpec, "theirs")
    printed = capfd.readouterr()
    assert not printed.out
    assert len(printed.err) < 100_000


def test_a_target_that_can_not_be_imported_leaves_the_others_alone(install):
    other = SPEC.replace("theirs", "other", 1).replace("theirs.target", "theirs.nothing")
    install(DECLARES.format(specs=f"[{SPEC}, {other}]"))
    registry = installed_plugins()
    assert registry.find(AttackerSpec, "theirs")[0].parameters()
    with pytest.raises(PluginError, match=r"No module named 'theirs\.nothing'"):
        registry.find(AttackerSpec, "other")[0].parameters()


def test_a_target_that_ends_its_process_when_it_is_imported_is_named_only_when_it_is_used(install):
    install(DECLARES.format(specs=f"[{SPEC}]"), target="raise SystemExit(3)")
    spec, _ = installed_plugins().find(AttackerSpec, "theirs")
    with pytest.raises(PluginError, match="could not be imported: SystemExit: 3"):
        spec.check({})


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"distribution": "two words"}, "name is none that a package index takes"),
        ({"distribution": "a" * 101}, "name is none that a package index takes"),
        ({"version": "1." + "0" * 100}, "its version must be one line"),
        ({"name": "a" * 101}, "its name must be one line"),
    ],
)
def test_a_distribution_whose_names_fit_no_table_is_left_out(install, names, sentence):
    install(DECLARES.format(specs=f"[{SPEC}]"), **names)
    [broken] = installed_plugins().broken
    assert sentence in broken.reason
    assert len(str(broken)) < 500
    with pytest.raises(UnknownComponentError):
        installed_plugins().find(AttackerSpec, "theirs")


def test_a_declaration_is_read_once_and_again_when_a_file_of_it_changes(install, monkeypatch):
    site = install(DECLARES.format(specs=f"[{SPEC}]"))
    installed_plugins()
    read, times = installed._read, []
    monkeypatch.setattr(installed, "_read", lambda entry: times.append(entry) or read(entry))
    installed_plugins()
    assert not times
    (site / "theirs" / "target.py").write_text(TARGET.replace("0.5", "0.125"))
    spec, _ = installed_plugins().find(AttackerSpec, "theirs")
    assert len(times) == 1
    assert spec.parameters()["share"].default == 0.125


@pytest.mark.parametrize("content", ["", "{", "[]", '{"document": 1, "stamps": {}}', "[" * 99_999])
def test_a_damaged_file_of_the_cache_is_read_anew(install, cache, content):
    install(DECLARES.format(specs=f"[{SPEC}]"))
    installed_plugins()
    # other files are of plugins that other tests installed
    [file] = [path for path in cache.rglob("*.json") if '"theirs"' in path.read_text()]
    file.write_text(content)
    assert installed_plugins().find(AttackerSpec, "theirs")
    assert json.loads(file.read_text())["document"]["components"]


def test_without_a_cache_a_plugin_is_read_each_time(install, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    install(DECLARES.format(specs=f"[{SPEC}]"))
    assert installed_plugins().find(AttackerSpec, "theirs")


def test_a_third_partys_dataset_is_read_outside_this_process(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(TOYS)
    before = set(sys.modules)
    registry = installed_plugins()
    log = read_dataset(Choice(name="toy"), registry, download=False, folder=tmp_path)
    assert not {name for name in set(sys.modules) - before if name.startswith("toy_plugin")}
    spec, _ = registry.find(DatasetSpec, "toy")
    assert log.interactions.n_users == 60
    assert spec.target == "toy_plugin.components:ToyData"


MEASURES = """
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.specs import MetricSpec

@hookimpl
def loki_bench_metrics():
    return [MetricSpec(name="theirs", summary="x", target="theirs.target:measure", unit="x",
        higher_is="neither", range=(0.0, 9.0), purpose="attack", ceiling="theirs.target:highest")]
"""
CEILING = "def measure(outcome): ...\ndef highest(*, n_targets): return n_targets / 10\n"


def test_the_ceiling_of_a_third_partys_metric_is_computed_outside_this_process(install):
    install(MEASURES, target=CEILING)
    protocol = Protocol(n_targets=5)
    chosen = chosen_metric(installed_plugins(), "theirs", 30, protocol)
    assert chosen.ceiling == 0.5
    assert "theirs.target" not in sys.modules


PATCHES = """
print("here")
try:
    from loki_bench.records.store import Store
    Store.write = Store.write_json = Store.read_json = None
except BaseException:
    pass
import json, builtins
json.dumps = lambda *a, **k: "{}"
builtins.open = None
import sys
sys.exit("ended")
"""

SUITE = """
name = "toy"
seeds = [0]
victims = ["counts"]
attackers = ["none", "covisit"]
metrics = ["display_rate@5", "out-of-range"]
dataset = "toy"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""

RUNS = """
import sys
sys.argv = ["loki-bench", "run", "toy.toml", "--workers", "1"]
from loki_bench.cli.main import main
try:
    main()
except SystemExit as ended:
    theirs = [name for name in sys.modules if name.split(".")[0] in ("toy_plugin", "theirs")]
    sys.exit(f"imported: {theirs}" if theirs else ended.code)
"""


def table(folder, *paths):
    folder.mkdir()
    (folder / "toy.toml").write_text(SUITE.replace(', "out-of-range"', ""))
    subprocess.run(
        [sys.executable, "-c", RUNS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        check=True,
        capture_output=True,
        text=True,
    )
    records = sorted((folder / "results" / "toy" / "records").iterdir())
    assert len(records) == 2
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (*records, folder / "results" / "toy" / "leaderboard.md")
    }


def test_a_plugin_that_changes_the_host_when_it_is_imported_changes_no_table(install, tmp_path):
    honest = table(tmp_path / "without", TOYS)
    site = install(PATCHES)
    assert table(tmp_path / "with", TOYS, site) == honest
