"""Where data files are looked for."""

from pathlib import Path

import platformdirs

from loki_bench.datasets.data_folder import data_folder


def test_the_environment_variable_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LOKI_BENCH_DATA", str(tmp_path / "not yet there"))
    assert data_folder() == tmp_path / "not yet there"


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LOKI_BENCH_DATA", "~/data")
    assert data_folder() == tmp_path / "data"


def test_a_relative_folder_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOKI_BENCH_DATA", "data")
    assert data_folder() == tmp_path / "data"


def test_without_the_variable_it_is_the_users_data_folder(monkeypatch):
    expected = Path(platformdirs.user_data_dir("loki-bench", appauthor=False))
    monkeypatch.delenv("LOKI_BENCH_DATA", raising=False)
    assert data_folder() == expected
    monkeypatch.setenv("LOKI_BENCH_DATA", "")
    assert data_folder() == expected
