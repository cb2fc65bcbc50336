"""Small suites of the toy plugin: see ``tests/made_up/toy_grid.py``."""

from toy_grid import files, prepared, run, toys

__all__ = ["files", "prepared", "run", "toys"]
