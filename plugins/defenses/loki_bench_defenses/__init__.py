"""Defenses against fake users for loki-bench."""

__version__ = "0.1.0"
