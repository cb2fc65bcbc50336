"""The toys, for tests that ask for them: see ``tests/made_up/toy_grid.py``."""

import pytest
from toy_grid import TOYS


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)
