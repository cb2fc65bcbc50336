"""`loki-bench new`: one distribution of every kind is written, installed, tested and checked."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import loki_bench.testing as kit
from loki_bench.cli.main import cli
from loki_bench.errors import UsageError
from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.registry import HOOKS, Registry, discover
from loki_bench.scaffolding.distribution import KINDS, write_distribution

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
NAMES = {kind: f"made-{kind.replace('-', '_')}.x" for kind in KINDS}  # every character of a name
DISTRIBUTIONS = {kind: f"loki-bench-made-{kind}-x" for kind in KINDS}
NOTHING = Registry([])
# of an attack that does not say that it prepares, or that it takes lengths
NOT_ASKED = {
    "check_attacker_prepares_named_arrays",
    "check_attacker_writes_as_many_events_as_the_host_drew",
}
CHECKED_AS = {kind: kind.replace("-", " ") for kind in KINDS} | {"list-recommender": "recommender"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folders of one distribution of every kind, as the command writes them."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in NAMES.items():
        asked = ["new", kind, name, "--folder", str(folder / kind)]
        assert cli(asked, standalone_mode=False) == 0
    return folder


@pytest.fixture(scope="module")
def site(written, tmp_path_factory):
    """All of them, installed by pip into a folder of their own."""
    where = tmp_path_factory.mktemp("site")
    options = ["-q", "--no-deps", "--no-index", "--no-build-isolation", "--target", where]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *(written / kind for kind in KINDS)],
        check=True,
    )
    return where


@pytest.fixture
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(site)


def run(*command, site, cwd):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def written_files(folder):
    """What the command wrote, without the compiled files that running it leaves beside it."""
    return [path for path in folder.rglob("*.*") if "__pycache__" not in path.parts]


def test_there_is_a_kind_for_every_hook_and_for_every_kind_of_the_kit():
    titles = {spec_type.kind for spec_type in HOOKS.values()}
    assert {kind.title for kind in KINDS.values()} == titles
    # what a recommender may promise besides has no template of its own
    further = {
        "plugin",
        "weighted recommender",
        "adversarial recommender",
        "fine-tunable recommender",
        "rowwise recommender",
    }
    assert set(CHECKED_AS.values()) == set(kit.CHECKS) - further


def test_every_one_is_listed_as_a_distribution_of_its_own(site, tmp_path):
    listed = run("loki_bench", "plugins", "list", "--json", site=site, cwd=tmp_path)
    assert listed.stderr == ""
    found = {
        (c["kind"], c["name"], c["distribution"], c["version"])
        for c in json.loads(listed.stdout)["components"]
    }
    for kind, name in NAMES.items():
        assert (KINDS[kind].title, name, DISTRIBUTIONS[kind], "0.1.0") in found


def test_every_one_passes_its_own_tests_as_it_is(written, site, tmp_path):
    done = run(
        "pytest",
        *("-q", "-W", "error", "-p", "no:cacheprovider", "-c", os.devnull),
        *("--import-mode=importlib", "--rootdir", written, "--junitxml", tmp_path / "tests.xml"),
        *(written / kind / "tests" for kind in KINDS),
        site=site,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # the kit is in it, all of it: nothing is skipped and no failure is expected
    assert " skipped" not in done.stdout
    assert " xfailed" not in done.stdout
    ran = (tmp_path / "tests.xml").read_text()
    for kind, name in NAMES.items():
        for check in kit.checks_for(CHECKED_AS[kind]):
            if check.__name__ not in NOT_ASKED:
                assert f"[{name}-{check.__name__}]" in ran


@pytest.mark.parametrize("kind", KINDS)
def test_every_one_passes_check_as_it_is(kind, installed, written, capsys, monkeypatch):
    asked = ["check", DISTRIBUTIONS[kind], "--json"]
    if kind == "metric":
        monkeypatch.chdir(written / kind / "tests")
        asked += ["--reference", "test_metric:by_pairs"]
    assert cli(asked, standalone_mode=False) == 0
    found = json.loads(capsys.readouterr().out)["checks"]
    assert {check["outcome"] for check in found} == {"passed"}
    ran = {check["check"] for check in found}
    promised = {c.__name__ for c in kit.CHECKS["plugin"] + kit.CHECKS[CHECKED_AS[kind]]}
    assert promised - ran <= NOT_ASKED


def test_every_one_is_complete(written):
    for kind in KINDS:
        own = written / kind
        files = {path.relative_to(own).as_posix() for path in written_files(own)}
        package = DISTRIBUTIONS[kind].replace("-", "_")
        assert files - {f"{package}/events.csv"} == {
            ".github",
            ".github/workflows/tests.yml",
            ".gitignore",
            "README.md",
            "pyproject.toml",
            f"{package}/__init__.py",
            f"{package}/hooks.py",
            f"{package}/{KINDS[kind].module}.py",
            f"tests/test_{KINDS[kind].module}.py",
        }
        text = (written / kind / "README.md").read_text()
        assert f"loki-bench check {DISTRIBUTIONS[kind]}" in text
        assert f"`{NAMES[kind]}`" in text


def test_continuous_integration_installs_loki_bench_from_the_projects_page(written):
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    line = f'pip install "loki-bench @ git+{metadata["urls"]["Homepage"]}"'
    for kind in KINDS:
        steps = (written / kind / ".github/workflows/tests.yml").read_text()
        assert steps.index(line) < steps.index('pip install ".[test]"')
        assert line in (written / kind / "README.md").read_text()


def test_nothing_is_left_to_fill_in(written):
    for file in written_files(written):
        if file.is_file():
            text = file.read_text().replace("${{ matrix.python }}", "")
            assert "$" not in text, file
            assert text.endswith("\n"), file


def test_the_command_says_what_to_type_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli(["new", "metric", "mrr"], standalone_mode=False) == 0
    said = capsys.readouterr().out
    assert "loki-bench-mrr: the metric 'mrr' as a distribution of its own" in said
    assert 'pip install -e "./loki-bench-mrr[test]"\n' in said
    assert "loki-bench check mrr\n" in said
    listed = {Path(line.strip()) for line in said.splitlines() if line.startswith("  ")}
    assert Path("loki_bench_mrr/metric.py") in listed
    assert (tmp_path / "loki-bench-mrr" / "loki_bench_mrr" / "metric.py").exists()


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("atacker", "mine", "no template for the kind 'atacker' (did you mean 'attacker'?)"),
        ("plugin", "mine", "there are: attacker, dataset, defense"),
        ("attacker", "Mine", "'Mine' can't be the name of a component"),
        ("attacker", "3d", "expected a letter"),
        ("attacker", "", "expected a letter"),
        ("attacker", "my--attack", "expected a letter"),
        ("attacker", "../mine", "expected a letter"),
        ("attacker", "a" * 61, "60 characters at most"),
        ("attacker", "covisit", "the attacker 'covisit' is declared by loki-bench"),
        ("metric", "ndcg", "the metric 'ndcg' is declared by loki-bench"),
    ],
)
def test_an_unusable_request_is_refused_in_a_sentence_and_writes_nothing(
    kind, name, sentence, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        write_distribution(kind, name, registry=discover())
    assert sentence in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["attacks", "defenses", "recbole"])
@pytest.mark.parametrize("kind", ["attacker", "metric"])
def test_this_projects_own_plugins_are_never_replaced(kind, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [])  # whether they are installed or not
    with pytest.raises(UsageError, match=f"the distribution loki-bench-{name}, which is one of"):
        write_distribution(kind, name, registry=NOTHING)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["there-already", "there.already", "there_already"])
def test_a_distribution_that_is_installed_is_not_replaced(name, tmp_path, monkeypatch):
    info = tmp_path / "site" / "loki_bench_there_already-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: loki-bench-there-already\nVersion: 1.5\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UsageError, match=r"loki-bench-there-already 1\.5 is installed"):
        write_distribution("metric", name, folder=tmp_path / "mine", registry=NOTHING)
    assert not (tmp_path / "mine").exists()


def test_a_package_that_can_be_imported_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "site" / "loki_bench_lies_here").mkdir(parents=True)
    (tmp_path / "site" / "loki_bench_lies_here" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UsageError, match="package loki_bench_lies_here"):
        write_distribution("metric", "lies-here", folder=tmp_path / "mine", registry=NOTHING)
    assert not (tmp_path / "mine").exists()


def test_a_name_may_be_used_by_two_kinds(tmp_path):
    write_distribution("metric", "covisit", folder=tmp_path / "a", registry=discover())


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda p: p.symlink_to("nowhere")])
def test_what_exists_is_never_written_to(make, tmp_path):
    make(tmp_path / "mine")
    with pytest.raises(UsageError, match="mine exists already"):
        write_distribution("metric", "mine", folder=tmp_path / "mine", registry=NOTHING)
    assert not list((tmp_path / "mine").glob("*"))


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        write_distribution("metric", "mine", folder=tmp_path / "no" / "mine", registry=NOTHING)


def test_half_a_distribution_is_never_left_behind(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="could not be written: No space left on device"):
        write_distribution("metric", "mine", folder=tmp_path / "mine", registry=NOTHING)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["np", "influence", "differentiable", "ridge", "class", "sequences"]
)
def test_no_name_hides_what_its_module_imports(kind, name, tmp_path):
    where, files = write_distribution(kind, name, folder=tmp_path / "x", registry=NOTHING)
    for file in files:
        if file.suffix == ".py":
            assert not _bound_twice((where / file).read_text()), file


def _bound_twice(code):
    """Names that a module imports or defines more than once."""
    import ast

    bound = []
    for node in ast.parse(code).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.append(node.name)
    return {name for name in bound if bound.count(name) > 1}


def test_the_entry_point_group_of_the_templates_is_the_hooks_own(written):
    for kind in KINDS:
        text = (written / kind / "pyproject.toml").read_text()
        assert f"[project.entry-points.{ENTRY_POINT_GROUP}]" in text


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_templates_are_in_what_is_released(kind, tmp_path):
    root = Path(__file__).parents[2]
    code = f"import sys; from hatchling.build import build_{kind} as build; build(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=root, check=True)
    [archive] = tmp_path.iterdir()
    if kind == "wheel":
        with zipfile.ZipFile(archive) as packed:
            names = packed.namelist()
    else:
        with tarfile.open(archive) as packed:
            names = packed.getnames()
    found = {name.partition("templates/")[2] for name in names if "/templates/" in name}
    templates = root / "loki_bench" / "scaffolding" / "templates"
    ours = {p.relative_to(templates).as_posix() for p in templates.rglob("*") if p.is_file()}
    assert len(ours) > 4 * len(KINDS)
    assert ours <= found
