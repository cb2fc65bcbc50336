"""The broken components: importable, and each test in a working folder that they may litter."""

import sys
from pathlib import Path

import pytest

# the broken components lie beside their tests, and specs name them as modules
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def temporary_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
