"""A plugin-based benchmark of data-poisoning attacks on next-item recommenders.

Importing this package imports nothing else: the command line and plugin discovery stay fast.
Import a name from the module that defines it, e.g. ``from loki_bench.contracts import Attacker``.
"""

__version__ = "0.1.0"
