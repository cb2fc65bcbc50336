"""Attacks of the literature for loki-bench, in next-item form."""

__version__ = "0.1.0"
