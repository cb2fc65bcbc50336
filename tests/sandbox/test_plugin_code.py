"""An attack's process can import the plugins that its own components come from, and no other."""

import sys
from pathlib import Path

import pytest

from loki_bench.errors import RejectedError
from loki_bench.sandbox.parent import run_isolated
from loki_bench.sandbox.plugin_code import code_of_other_plugins
from loki_bench.suite.components import ComponentRef

HOSTILE = Path(__file__).parent / "hostile"


def component(distribution, target):
    return ComponentRef(
        name="x", distribution=distribution, version="1", target=target, parameters={}, changed={}
    )


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Installed: a plugin with a package and a module, one with a package, one shared namespace."""
    folder = tmp_path / "site-packages"

    def install(distribution, hooks, *files, with_record=True):
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("here = True\n")
        told = folder / f"{distribution.replace('-', '_')}-1.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        (told / "entry_points.txt").write_text(f"[loki_bench]\nx = {hooks}\n")
        if with_record:
            (told / "RECORD").write_text("".join(f"{file},,\n" for file in files))

    install(
        "the-victims",
        "the_victims.hooks",
        *("the_victims/__init__.py", "the_victims/hooks.py", "the_victims/deep/model.py"),
        *("victim_module.py", "../../bin/victim"),
    )
    install("by-hand", "by_hand", "by_hand.py", with_record=False)
    install("their-attack", "their_attack", "their_attack/__init__.py")
    monkeypatch.syspath_prepend(folder)
    return folder


def closed(*used):
    return {path.name for path in code_of_other_plugins(used)}


def test_a_plugin_that_is_installed_meanwhile_is_found_too(site):
    attack = component("their-attack", "their_attack:Attack")
    assert "later.py" not in closed(attack)
    told = site / "later-1.dist-info"
    told.mkdir()
    (site / "later.py").write_text("here = True\n")
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[loki_bench]\nx = later\n")
    assert "later.py" in closed(attack)


def test_the_code_of_every_other_plugin_is_found_and_nothing_of_the_hosts(site):
    attack = component("their-attack", "their_attack:Attack")
    found = closed(attack)
    assert {"the_victims", "victim_module.py", "by_hand.py"} <= found
    assert not found & {"their_attack", "loki_bench", "bin", "victim"}
    assert "their_attack" in closed(component("loki-bench", "loki_bench.attackers.none:none"))


def test_a_surrogates_plugin_is_not_among_them_however_its_name_is_written(site):
    attack = component("their-attack", "their_attack:Attack")
    surrogate = component("The_Victims", "the_victims.deep.model:Model")
    assert closed(attack, surrogate) == closed(attack) - {"the_victims", "victim_module.py"}


def test_of_a_package_that_distributions_share_each_has_its_own_part(site):
    def install(distribution, *files):
        for file in files:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text("here = True\n")
        told = site / f"{distribution.replace('-', '_')}-1.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        module = files[0].removesuffix(".py").replace("/", ".")
        (told / "entry_points.txt").write_text(f"[loki_bench]\nx = {module}\n")
        (told / "RECORD").write_text("".join(f"{file},,\n" for file in files))

    install("acme-victim", "acme/victim.py", "acme/deep/__init__.py", "acme/deep/model.py")
    install("acme-attack", "acme/attack.py")
    found = closed(component("acme-attack", "acme.attack:Attack"))
    assert {"victim.py", "deep"} <= found
    assert not found & {"acme", "attack.py", "model.py"}


def test_what_an_attack_itself_is_made_of_is_never_closed(site):
    odd = component("their-attack", "the_victims.deep.model:Attack")
    assert "the_victims" not in closed(odd)


@pytest.fixture
def asked(site, monkeypatch):
    monkeypatch.syspath_prepend(HOSTILE)

    def ask(does, target):
        answer = run_isolated(
            "attacker 'x'",
            "hostile_plugin.behaviours:carry_out",
            (does, target),
            answer=print,
            seconds=60.0,
            memory_gib=2.0,
            closed=Path("/nowhere"),
            closed_code=code_of_other_plugins([component("their-attack", "their_attack:Attack")]),
        )
        if "reads" in answer.confinement.missing:
            pytest.skip("nothing on this system confines what is read")
        return answer.report["got"]

    return ask


@pytest.mark.skipif(sys.platform != "linux", reason="not confined elsewhere")
def test_a_victims_class_can_not_be_imported_where_an_attack_runs(asked):
    with pytest.raises(RejectedError, match=r"the_victims/__init__.py.* \(of plugins its own"):
        asked("imports", "the_victims.deep.model")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="not confined elsewhere")
def test_all_else_is_imported_as_before(asked):
    assert asked("imports", "their_attack").endswith("their_attack/__init__.py")
    for name in ("json", "numpy", "scipy.sparse", "pandas"):
        assert asked("imports", name)
    assert asked("knows-versions", "numpy")
    with pytest.raises(RejectedError):
        asked("imports", "victim_module")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="not confined elsewhere")
def test_this_projects_recommenders_can_not_be_imported_either(asked):
    pytest.importorskip("loki_bench_recbole")
    with pytest.raises(RejectedError, match="loki_bench_recbole"):
        asked("imports", "loki_bench_recbole.bprmf")
