"""The environment that stands in a run is that of the moment, and of what an import would find."""

from loki_bench.engine.run_log import environment, environment_fingerprint


def install(folder, version):
    about = folder / f"sample_plugin-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: sample-plugin\nVersion: {version}\n"
    )
    return folder


def test_a_distribution_is_told_while_it_can_be_imported_and_no_longer(tmp_path, monkeypatch):
    before = environment()
    with monkeypatch.context() as patch:
        patch.syspath_prepend(install(tmp_path, "1.0"))
        assert environment()["distributions"]["sample-plugin"] == "1.0"
        assert environment_fingerprint(environment()) != environment_fingerprint(before)
    assert environment() == before


def test_of_two_versions_the_one_that_an_import_finds_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "shadowed", "1.0"))
    monkeypatch.syspath_prepend(install(tmp_path / "first", "2.0"))
    assert environment()["distributions"]["sample-plugin"] == "2.0"
