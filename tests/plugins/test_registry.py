"""Discovery is guarded, clashes and unknown names say what to do, nothing depends on order."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint, PathDistribution

import pytest

from loki_bench.errors import NameClashError, ParameterError, PluginError, UnknownComponentError
from loki_bench.plugins.hookspecs import hookimpl
from loki_bench.plugins.registry import BrokenPlugin, Component, Origin, Registry, discover
from loki_bench.plugins.specs import AttackerSpec, MetricSpec


def spec(name="mine", target="json:dumps"):
    return AttackerSpec(name=name, summary="For tests", target=target)


def entry(monkeypatch, name, **contents):
    """An entry point to a module made here."""
    module = types.ModuleType(f"made_up_{name}")
    for key, value in contents.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return EntryPoint(name=name, value=module.__name__, group="loki_bench")


def declaring(*specs):
    def loki_bench_attackers():
        return list(specs)

    return {"loki_bench_attackers": hookimpl(loki_bench_attackers)}


def test_a_declared_attacker_is_found_by_name(monkeypatch):
    registry = discover(entries=[entry(monkeypatch, "a", **declaring(spec()))])
    assert registry.find(AttackerSpec, "mine") == (spec(), Origin("unknown", "0"))


def test_a_plugin_whose_import_fails_is_left_out_and_named(monkeypatch):
    good = entry(monkeypatch, "good", **declaring(spec()))
    bad = EntryPoint(name="bad", value="no_such_module_here", group="loki_bench")
    registry = discover(entries=[bad, good])
    assert registry.find(AttackerSpec, "mine")
    [left_out] = registry.broken
    assert left_out.name == "bad"
    assert "no_such_module_here" in left_out.reason
    with pytest.raises(UnknownComponentError, match="skipped plugin 'bad'"):
        registry.find(AttackerSpec, "other")


def test_strict_discovery_fails_on_a_broken_plugin():
    bad = EntryPoint(name="bad", value="no_such_module_here", group="loki_bench")
    with pytest.raises(PluginError, match="'bad'"):
        discover(entries=[bad], strict=True)


def test_a_hook_that_raises_breaks_its_own_plugin_only(monkeypatch):
    @hookimpl
    def loki_bench_attackers():
        raise ZeroDivisionError("oh")

    bad = entry(monkeypatch, "bad", loki_bench_attackers=loki_bench_attackers)
    good = entry(monkeypatch, "good", **declaring(spec()))
    registry = discover(entries=[bad, good])
    assert [str(b.reason) for b in registry.broken] == ["ZeroDivisionError: oh"]
    assert registry.find(AttackerSpec, "mine")


def test_a_misspelt_hook_is_an_error_and_not_silence(monkeypatch):
    @hookimpl
    def loki_bench_atackers():
        return []

    registry = discover(
        entries=[entry(monkeypatch, "bad", loki_bench_atackers=loki_bench_atackers)]
    )
    assert "loki_bench_atackers" in registry.broken[0].reason


def test_a_hook_that_returns_something_else_breaks_its_plugin(monkeypatch):
    bad = entry(monkeypatch, "bad", **declaring("covisit"))
    assert "AttackerSpec" in discover(entries=[bad]).broken[0].reason


def test_two_entry_points_of_one_name_are_both_loaded(monkeypatch):
    first = entry(monkeypatch, "same", **declaring(spec("one")))
    second_module = entry(monkeypatch, "other", **declaring(spec("two"))).value
    second = EntryPoint(name="same", value=second_module, group="loki_bench")
    registry = discover(entries=[first, second])
    assert {c.spec.name for c in registry.components()} == {"one", "two"}


def test_a_name_used_twice_fails_only_when_asked_for():
    registry = Registry(
        [
            Component(spec("both"), Origin("first", "1")),
            Component(spec("both", "json:loads"), Origin("second", "2")),
            Component(spec("single"), Origin("first", "1")),
        ]
    )
    assert registry.find(AttackerSpec, "single")
    with pytest.raises(NameClashError, match=r"first 1 and second 2.*--disable-plugin"):
        registry.find(AttackerSpec, "both")


def test_a_name_that_one_distribution_declares_twice_is_told_by_its_entry_points():
    twice = [Component(spec("both"), Origin("one", "1"), plugin) for plugin in ("a", "b")]
    with pytest.raises(NameClashError, match="by plugin 'a' of one 1 and plugin 'b' of one 1;"):
        Registry(twice).find(AttackerSpec, "both")


def test_a_name_in_other_letters_gets_the_nearest():
    registry = Registry([Component(spec("covisit"), Origin("d", "1"))])
    with pytest.raises(UnknownComponentError, match="did you mean 'covisit'"):
        registry.find(AttackerSpec, "COVISIT")


def test_a_plugin_that_ends_the_process_at_its_import_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "ends_at_import.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    bad = EntryPoint(name="bad", value="ends_at_import", group="loki_bench")
    [left_out] = discover(entries=[bad]).broken
    assert left_out.reason == "SystemExit: 3"
    with pytest.raises(PluginError, match="could not be imported: SystemExit: 3"):
        spec(target="ends_at_import:Attack").build()


def installed(folder, metadata):
    """The entry point of a distribution with these lines of metadata."""
    told = folder / "their_attack.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\n")
    (told / "entry_points.txt").write_text("[loki_bench]\ntheirs = made_up_theirs\n")
    [found] = PathDistribution(told).entry_points
    return found


def test_a_distribution_without_a_version_is_left_out(tmp_path):
    [left_out] = discover(entries=[installed(tmp_path, "Name: their-attack")]).broken
    assert "names no version" in left_out.reason


@pytest.mark.parametrize("name", ["Their.Attack", "their_attack", "THEIRS"])
def test_a_plugin_is_disabled_by_any_spelling_of_its_name(name, tmp_path, monkeypatch):
    entry(monkeypatch, "theirs", **declaring(spec()))
    there = installed(tmp_path, "Name: their-attack\nVersion: 1.0")
    assert discover(entries=[there]).components()
    assert discover(entries=[there], disabled=[name]).components() == []


def test_an_unknown_name_gets_the_nearest_and_all_known():
    registry = Registry([Component(spec("covisit"), Origin("d", "1"))])
    with pytest.raises(UnknownComponentError, match=r"did you mean 'covisit'.*known: covisit"):
        registry.find(AttackerSpec, "covist")


def test_components_of_a_notebook_stand_beside_the_installed_ones():
    installed = Registry([Component(spec("covisit"), Origin("d", "1"))], foreign=None)
    both = installed.with_components([Component(spec("mine"), Origin("notebook", "1"))])
    assert both.find(AttackerSpec, "covisit") == (spec("covisit"), Origin("d", "1"))
    assert both.find(AttackerSpec, "mine") == (spec("mine"), Origin("notebook", "1"))
    assert not [c for c in installed.components() if c.spec.name == "mine"]


def test_needs_that_are_no_set_are_named_with_their_attack():
    with pytest.raises(ValueError, match=r"attacker 'a': its needs are \('history',\); expected a"):
        AttackerSpec(name="a", summary="x", target="a:b", needs=("history",))


@pytest.mark.parametrize("field", ["summary", "reference"])
@pytest.mark.parametrize("text", ["\x1b[31mred", "half \ud800", "x" * 1001, "a\u2028b"])
def test_texts_that_fit_no_line_are_refused(field, text):
    with pytest.raises(ValueError, match="one line"):
        AttackerSpec(**{"name": "a", "summary": "x", "target": "a:b", field: text})


def test_kinds_are_kept_apart():
    registry = Registry([Component(spec("covisit"), Origin("d", "1"))])
    with pytest.raises(UnknownComponentError, match="known: none"):
        registry.find(MetricSpec, "covisit")


def test_a_disabled_plugin_declares_nothing(monkeypatch):
    entries = [entry(monkeypatch, "a", **declaring(spec()))]
    assert discover(entries=entries, disabled=["a"]).components() == []


def test_disabling_what_is_not_there_says_what_is(monkeypatch):
    entries = [entry(monkeypatch, "a", **declaring(spec()))]
    with pytest.raises(PluginError, match="--disable-plugin b: no such plugin; installed: a"):
        discover(entries=entries, disabled=["b"])


def test_the_order_of_plugins_does_not_matter(monkeypatch):
    entries = [entry(monkeypatch, n, **declaring(spec(n))) for n in ("a", "b", "c")]
    forwards, backwards = discover(entries=entries), discover(entries=entries[::-1])
    assert forwards.components() == backwards.components()


def test_broken_plugins_read_as_sentences():
    broken = BrokenPlugin("x", Origin("dist", "1.2"), "ImportError: no")
    assert str(broken) == "plugin 'x' of dist 1.2: ImportError: no"


def test_build_refuses_unknown_parameters_and_lists_the_accepted_ones():
    declared = spec(target="loki_bench.plugins.registry:Origin")
    with pytest.raises(
        ParameterError, match=r"'versoin' \(did you mean 'version'\?\); it takes: distribution"
    ):
        declared.build({"distribution": "a", "versoin": "1"})


def test_build_names_a_missing_parameter():
    with pytest.raises(ParameterError, match="needs the parameter 'version'"):
        spec(target="loki_bench.plugins.registry:Origin").build({"distribution": "a"})


def test_a_target_that_can_not_be_imported_is_named():
    with pytest.raises(PluginError, match="no_such_module:Thing could not be imported"):
        spec(target="no_such_module:Thing").build()


@pytest.mark.parametrize("wrong", ["", "Upper", "two words", "-dash", "a|b", "a\nb", "a" * 101])
def test_names_are_checked_when_declared(wrong):
    with pytest.raises(ValueError, match="attacker name"):
        spec(wrong)


def test_a_summary_is_one_line():
    with pytest.raises(ValueError, match="one line"):
        AttackerSpec(name="a", summary="a\nb", target="a:b")


def test_discovery_imports_no_framework():
    code = (
        "import sys; from loki_bench.plugins.registry import discover; discover();"
        "print([m for m in ('torch', 'recbole', 'numba', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
